"""An extension of griffe, which reads the docstrings for docs/reference: examples in docstrings become code.

They are written as doctests, `>>> …` up to an empty line; to Markdown that would be a quotation in a quotation.
"""

import re

import griffe

_DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts fences around doctests."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Change the docstring of one object that was read."""
        if obj.docstring is not None:
            obj.docstring.value = _DOCTEST.sub(r"```text\n\g<0>\n```", obj.docstring.value)
