"""What holds in every test, whatever it is about: nothing that is printed shows a secret, and every error has words.

While a test runs, this looks at every record that courser logs, at every level; at every error of courser that is made,
with its notes; and at whatever leaves a client of `worlds`, with all that led to it. Secrets that a test plants hold
`CANARY`, so that they can be told from everything else.
"""

import asyncio
import base64
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import trio

import courser

T = TypeVar("T")

CANARY = "tweet-tweet"
# The same as Basic sends it, at each offset that a name before it can give it.
_SHOWN = [CANARY, *(base64.b64encode(b" " * skip + CANARY.encode())[4:14].decode() for skip in range(3))]
_ROOTS = [courser.HTTPError, courser.InvalidURL, courser.CookieConflict, courser.StreamError]


class Watch:
    """What was seen of one test."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.looked_at = 0

    def look(self, text: str, what: str) -> None:
        """Note a text that is shown to somebody; `what` says where it stood."""
        self.looked_at += 1
        if any(secret in text for secret in _SHOWN):
            self.complaints.append(f"{what} shows a secret: {text}")

    def look_at_error(self, error: BaseException) -> None:
        """Note an error that has just been made."""
        self.look(f"{error} {error!r}", type(error).__name__)
        if not re.search(r"\w", str(error)):
            self.complaints.append(f"{type(error).__name__} says nothing: {error!r}")

    def look_at_traceback(self, error: BaseException) -> None:
        """Note an error that leaves a client, as Python would print it."""
        self.look("".join(traceback.format_exception(error)), "a traceback")
        if not _is_meant(error):
            self.complaints.append(f"{type(error).__name__} is nothing that courser means to raise: {error!r}")


_MEANT = (*_ROOTS, ValueError, TypeError, RuntimeError, asyncio.CancelledError, trio.Cancelled, KeyboardInterrupt)
_NOT_MEANT = (UnicodeError, NotImplementedError, RecursionError)


def _is_meant(error: BaseException) -> bool:
    """Return whether courser may raise this: its own errors, those of wrong arguments, and files that are not there."""
    frames = traceback.extract_tb(error.__traceback__)
    is_ours = bool(frames) and "/courser_" in frames[-1].filename
    if not is_ours and (not frames or "/site-packages/" not in frames[-1].filename):
        return True  # raised by the test itself
    if isinstance(error, OSError):
        return is_ours or error.filename is not None
    return isinstance(error, _MEANT) and not isinstance(error, _NOT_MEANT)


class _Records(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        if _watches[-1] is not self._watch:
            return
        self._watch.look(record.getMessage(), "the log")
        if record.exc_info and record.exc_info[1] is not None:
            self._watch.look_at_traceback(record.exc_info[1])


# The last one looks: a test that watches for itself knows better what it expects.
_watches: list[Watch] = []


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch until the block ends."""
    watch = Watch()
    logger, handler = logging.getLogger("courser"), _Records(watch)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    made = [(root, root.__init__) for root in _ROOTS]
    for root, original in made:
        root.__init__ = _looking(original, watch)  # type: ignore[method-assign]  # that is the point
    _watches.append(watch)
    try:
        yield watch
    finally:
        _watches.remove(watch)
        for root, original in made:
            root.__init__ = original  # type: ignore[method-assign]
        logger.removeHandler(handler)
        logger.setLevel(level)


def _looking(original: Callable[..., None], watch: Watch) -> Callable[..., None]:
    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        original(self, *arguments, **keywords)
        if _watches[-1] is watch:
            watch.look_at_error(self)

    return __init__


def watched(call: Callable[[], T]) -> T:
    """Return what `call` returns; what it raises is looked at on its way."""
    try:
        return call()
    except BaseException as error:
        if _watches:
            _watches[-1].look_at_traceback(error)
        raise
