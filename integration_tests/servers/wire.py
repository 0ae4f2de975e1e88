"""A scripted server: what it does on each connection is a list of steps (see `steps`).

    with Wire([expects_request(), sends(answer(b"hi")), expects_goodbye()]) as wire:
        courser.get(wire.url)
    assert wire.requests[0].startswith(b"GET / HTTP/1.1")

One script a connection, in the order in which connections are accepted. The steps of a connection run in a thread
of its own; where the order between server and test matters, events make it (`sets`, `waits_for`), never a sleep.
When a script is through, its connection is closed.

Leaving the `with` block joins every thread and closes every socket, whatever the test did. It then raises what did
not go as written: a step that was not met, a script for which nobody connected, a connection that nobody expected.
"""

import select
import socket
import ssl
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from .conversation import PATIENCE, Conversation
from .processes import port_of
from .steps import Step, handshakes


class Wire:
    """A server on a free port of 127.0.0.1 that follows one script a connection.

    With `tls` every script begins with a handshake under that context. `receive_buffer` makes the kernel accept
    little that the script has not read.
    """

    def __init__(
        self, *scripts: Sequence[Step], tls: ssl.SSLContext | None = None, receive_buffer: int | None = None
    ) -> None:
        opening = [handshakes(tls)] if tls is not None else []
        self._scripts = [[*opening, *script] for script in scripts]
        self._scheme = "http" if tls is None else "https"
        self._stopping = threading.Event()
        self._waker, self._alarm = socket.socketpair()
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.setblocking(False)
        self._acceptor = threading.Thread(target=self._accept_until_told, name="wire")
        self.host = "127.0.0.1"
        self.port = port_of(self._listener)
        self.conversations: list[Conversation] = []

    @property
    def authority(self) -> str:
        """`host:port`, the way errors name a peer."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.authority}/"

    @property
    def requests(self) -> list[bytes]:
        """Every complete request, head and body as they came, connection after connection."""
        return [request for conversation in self.conversations for request in conversation.requests]

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._alarm.close()
        self._acceptor.join()
        if error is None:
            for conversation in self.conversations:
                conversation.settled.wait(PATIENCE)
        complaints = self._complaints()
        self._stopping.set()
        for conversation in self.conversations:
            conversation.stop()
        self._waker.close()
        self._listener.close()
        if not complaints:
            return
        if error is None:
            raise AssertionError("; ".join(complaints))
        error.add_note(f"on the wire: {'; '.join(complaints)}")

    def _accept_until_told(self) -> None:
        while self._waker not in select.select([self._listener, self._waker], [], [])[0]:
            self._accept()
        # The last connection may still be in the backlog, and whether somebody came is part of the story.
        while self._accept():
            pass

    def _accept(self) -> bool:
        try:
            accepted, _ = self._listener.accept()
        except BlockingIOError:
            return False
        number = len(self.conversations)
        script = self._scripts[number] if number < len(self._scripts) else []
        conversation = Conversation(accepted, script, self._stopping)
        self.conversations.append(conversation)
        conversation.start()
        return True

    def _complaints(self) -> list[str]:
        scripted, accepted = len(self._scripts), len(self.conversations)
        complaints = [f"{scripted} connections were scripted, {accepted} came"] if scripted != accepted else []
        for number, conversation in enumerate(self.conversations, start=1):
            if conversation.failure is not None:
                complaints.append(f"connection {number}: {conversation.failure}")
            elif not conversation.settled.is_set():
                complaints.append(f"connection {number} is still at «{conversation.step}»")
        return complaints
