"""The page that shows all exceptions shows those that there are."""

import re
from pathlib import Path

from tools import draw_exceptions

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "exceptions.md"
TREE = re.compile(r"^```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def test_the_page_shows_the_tree_that_the_classes_form() -> None:
    shown = TREE.search(PAGE.read_text("utf-8"))

    assert shown
    assert shown[1] == draw_exceptions.draw(), "python tools/draw_exceptions.py prints what the page should show"


def test_the_page_explains_every_exception_once() -> None:
    explained = ROW.findall(PAGE.read_text("utf-8"))

    assert sorted(explained) == sorted(error.__name__ for error in draw_exceptions.exceptions())
