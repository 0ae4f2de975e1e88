"""What blocks, in a thread that is left behind when time is over: nothing can interrupt a system that looks up a name.

At most 32 such calls are under way in a process, in all worlds together and those that were given up included: a
resolver that hangs must not fill the process with threads. Further ones wait for their turn, within their own time.
"""

from __future__ import annotations

import collections
import contextvars
import os
import threading
import typing
from collections.abc import Callable

from ._network import Backend

T = typing.TypeVar("T")

AT_ONCE = 32


class Call(typing.Generic[T]):
    """A function that a thread calls, and how it ended."""

    def __init__(self, function: Callable[[], T], when_done: Callable[[], None]) -> None:
        self._function = function
        self._context = contextvars.copy_context()
        self._when_done = when_done
        self._returned: list[T] = []
        self._raised: BaseException | None = None

    def run(self) -> None:
        """Call the function and note how it ends."""
        try:
            self._returned.append(self._context.run(self._function))
        except BaseException as error:
            self._raised = error
        finally:
            self._when_done()

    def result(self) -> T:
        """Return what the function returned, or raise what it raised."""
        if self._raised is not None:
            raise self._raised
        return self._returned[0]


class _Threads:
    """The threads that call, and the calls for which there is none yet; a thread ends when no call waits."""

    def __init__(self) -> None:
        # Who gives up may do so in a garbage collection, which can run at any line, the holder's included.
        self._lock = threading.RLock()
        self._waiting: collections.deque[Call[typing.Any]] = collections.deque()
        self._running = 0

    def begin(self, call: Call[typing.Any], name: str) -> None:
        """Make `call`, now or when it is its turn; raises `OSError` where the process may have no more threads."""
        with self._lock:
            if self._running >= AT_ONCE:
                self._waiting.append(call)
                return
            self._running += 1
        try:
            threading.Thread(target=self._work, args=(call,), name=name, daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                self._running -= 1
            raise OSError(str(error)) from error

    def _work(self, call: Call[typing.Any]) -> None:
        while True:
            call.run()
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                call = self._waiting.popleft()

    def give_up(self, call: Call[typing.Any]) -> None:
        """Forget a call that has not begun; one that has goes on, and nobody hears of its end."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)


_threads = _Threads()


def _begin_anew() -> None:
    """Forget the parent's threads in a fork's child, where they do not run."""
    global _threads
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


async def aside(backend: Backend, name: str, function: Callable[[], T], seconds: float | None) -> Call[T] | None:
    """Return the call of `function` once it has ended, or None when `seconds` are over before.

    The thread is called `name`; the caller's context variables are seen there. Raises `OSError` where there can be no
    thread.
    """
    done = backend.waiter()
    call = Call(function, lambda: backend.call_soon(lambda: _tell(done.deliver)))
    _threads.begin(call, name)
    has_ended = False
    try:
        has_ended = bool(await done.wait(seconds))
    finally:
        if not has_ended:
            done.abandon()
            _threads.give_up(call)
    return call if has_ended else None


def _tell(deliver: Callable[[bool], bool]) -> None:
    deliver(True)
