"""Starting an ASGI app up and shutting it down: one task for as long as the app is in use (ASGI's «lifespan»).

The task waits for two messages, and says of each what came of it. Whoever waits for that waits for the signal.
"""

from __future__ import annotations

import enum
import logging
import typing

from courser_models import Request

from ._asgi_exchange import ASGIApp, Message
from ._deadline import Deadline
from ._exceptions import CloseError, ConnectError, ConnectTimeout
from ._network import LoopBackend, Task
from ._signal import Signal

_log = logging.getLogger("courser")


class Phase(enum.Enum):
    """Where an app is in its life."""

    STARTING = "startup"
    STARTED = "started"
    STOPPING = "shutdown"
    STOPPED = "stopped"
    FAILED = "failed"


class Lifespan:
    """An app's life, from startup to shutdown; in one event loop."""

    def __init__(self, app: ASGIApp, backend: LoopBackend, raises: bool, grace: float) -> None:
        self.backend = backend
        self.state: dict[str, typing.Any] = {}
        self._app = app
        self._raises = raises
        self._grace = grace
        self._changed = Signal(backend)
        self._task: Task | None = None
        self._phase = Phase.STARTING
        self._heard: list[str] = []
        self._message: str | None = None
        self._error: BaseException | None = None
        self._has_ended = False

    def start(self) -> None:
        """Let the app begin to start up."""
        self._task = self.backend.start(self._run, self._ended)

    async def started(self, deadline: Deadline, request: Request | None) -> None:
        """Return when the app has started up; raise why it has not."""
        while self._phase is Phase.STARTING:
            if not await self._changed.wait(deadline):
                raise ConnectTimeout(f"starting the app up timed out {deadline.words}", request=request)
        if self._phase is Phase.STARTED:
            return
        await self._end()
        if self._error is not None and (self._raises or not isinstance(self._error, Exception)):
            raise self._error
        raise ConnectError(f"the app did not start up: {self._reason}", request=request) from self._error

    async def shut_down(self) -> None:
        """Shut the app down and return when it is; raise why it is not."""
        try:
            if self._phase is Phase.STARTED and not self._has_ended:
                self._phase = Phase.STOPPING
                self._changed.give()
                while self._phase is Phase.STOPPING and not self._has_ended:
                    await self._changed.wait()
            elif self._phase is Phase.STARTING:
                self.give_up()  # nobody waits for it any more
            await self._end()
        except BaseException:
            self.give_up()
            raise
        if self._phase is Phase.FAILED and not self._is_asked_to_stop:
            return  # that it did not start was told when it did not
        if self._error is not None and (self._raises or not isinstance(self._error, Exception)):
            raise self._error
        if self._error is not None or self._phase is Phase.FAILED:
            raise CloseError(f"the app did not shut down: {self._reason}") from self._error

    @property
    def _is_asked_to_stop(self) -> bool:
        return "lifespan.shutdown" in self._heard

    async def _end(self) -> None:
        """Wait for the end of the task, which has nothing more to do."""
        for _ in range(2):
            patience = Deadline(self._grace)
            while not self._has_ended:
                if not await self._changed.wait(patience):
                    break
            self.give_up()
        if not self._has_ended:
            _log.warning("the app's lifespan goes on, though its task was cancelled")

    def give_up(self) -> None:
        """Cancel what still runs of it."""
        if self._task is not None and not self._has_ended:
            self._task.cancel()

    @property
    def _reason(self) -> str:
        if self._message is not None:
            lines = [line.strip() for line in self._message.splitlines() if line.strip()]
            return lines[-1] if lines else "it gave no reason"  # a traceback ends with what matters
        what = "ended without an answer" if self._error is None else f"raised {type(self._error).__name__}"
        return f"it {what}" if self._is_asked_to_stop else f"it {what}; without lifespan=True it is not asked to"

    # The app's side

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        await self._app(scope, self._receive, self._send)

    def _ended(self, error: BaseException | None) -> None:
        self._has_ended = True
        self._error = error
        if self._phase is Phase.STARTING:
            self._phase = Phase.FAILED
        self._changed.give()

    async def _receive(self) -> Message:
        if not self._heard:
            return self._said("lifespan.startup")
        while self._phase is not Phase.STOPPING or len(self._heard) > 1:
            await self._changed.wait()
        return self._said("lifespan.shutdown")

    def _said(self, kind: str) -> Message:
        self._heard.append(kind)
        return {"type": kind}

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        expected = self._phase.value
        if self._phase not in (Phase.STARTING, Phase.STOPPING) or kind not in (
            f"lifespan.{expected}.complete",
            f"lifespan.{expected}.failed",
        ):
            raise RuntimeError(f"the app sent {kind!r} while its lifespan was at {expected!r}")
        if kind.endswith("failed"):
            self._message = str(message.get("message", ""))
            self._phase = Phase.FAILED
        else:
            self._phase = Phase.STARTED if self._phase is Phase.STARTING else Phase.STOPPED
        self._changed.give()
