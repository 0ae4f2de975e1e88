"""Draw the tree of courser's exceptions from the classes, as docs/reference/exceptions.md shows it.

Each line names a class, the package that defines it, and bases that it has besides the one above it.

Usage: python tools/draw_exceptions.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import courser

_PACKAGE_COLUMN = 44


def draw() -> str:
    """Return the tree: everything that can be raised and has a name in `courser`, below `Exception`."""
    children: dict[type, set[type]] = {}
    for error in exceptions():
        # Up to Exception, so that a built-in class in between is shown as well.
        while error is not Exception:
            parent = error.__bases__[0]
            children.setdefault(parent, set()).add(error)
            error = parent
    return "\n".join(["Exception", *_lines(Exception, children, "")])


def exceptions() -> list[type[Exception]]:
    """Return the exception classes that courser exports."""
    exported = [getattr(courser, name) for name in courser.__all__]
    return [thing for thing in exported if inspect.isclass(thing) and issubclass(thing, Exception)]


def _lines(parent: type, children: dict[type, set[type]], indent: str) -> Iterator[str]:
    below = sorted(children.get(parent, ()), key=lambda error: error.__name__)
    for error in below:
        is_last = error is below[-1]
        yield _line(error, indent + ("└── " if is_last else "├── "))
        yield from _lines(error, children, indent + ("    " if is_last else "│   "))


def _line(error: type, branch: str) -> str:
    name = f"{branch}{error.__name__}"
    if error.__module__ == "builtins":
        return name
    besides = "".join(f", also {base.__name__}" for base in error.__bases__[1:])
    return f"{name:<{_PACKAGE_COLUMN}} {error.__module__}{besides}"


if __name__ == "__main__":
    print(draw())
