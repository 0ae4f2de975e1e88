"""docs/migrating-from-httpx.md tells every difference that is meant, and none that is none."""

import re
from pathlib import Path

from .parity.differences import DIFFERENCES, OF_EXCHANGES, SHOWN_ELSEWHERE

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "migrating-from-httpx.md"


def rows() -> list[str]:
    """Return how each row of the page's tables begins, heads left out."""
    cells = [
        line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text("utf-8").splitlines() if line[:2] == "| "
    ]
    return [cell for cell in cells if not cell.startswith("|")]


def test_every_difference_has_its_rows_and_every_row_its_difference() -> None:
    told = {row for difference in [*DIFFERENCES, *OF_EXCHANGES] for row in difference.told}

    assert len(rows()) == len(set(rows())) > 70
    assert told | SHOWN_ELSEWHERE.keys() == set(rows())
    assert not told & SHOWN_ELSEWHERE.keys()


def test_what_no_program_shows_is_shown_by_a_test_that_exists() -> None:
    for row, test in SHOWN_ELSEWHERE.items():
        path, _, name = test.partition("::")
        source = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{row}: {test}"


def test_a_row_says_what_is_there_what_is_here_and_why() -> None:
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| "):
            assert line.count(" | ") == 3, line
