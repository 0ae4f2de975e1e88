"""`main`: the command line, which is loaded when it is run."""

from __future__ import annotations

import sys
import typing

_EXTRA = {"click", "pygments", "rich"}


def main(*arguments: typing.Any, **options: typing.Any) -> typing.Any:
    """Run the command line, with the arguments of the process or with those given; ends with `SystemExit`.

    Arguments are those of a click command. Without the extra `cli` it says what to install, and exits with 1.
    """
    try:
        from ._cli import command
    except ImportError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in _EXTRA:
            raise
        sys.exit("the command line needs the extra cli: pip install 'courser[cli]'")
    return command(*arguments, **options)
