"""One accepted connection of a `Wire`: the thread that plays its script, and what the client said.

A step is a function that takes the conversation. It reads and writes through the methods here, which end the
conversation quietly when the wire stops, and with a failure when patience runs out.
"""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence

PATIENCE = 10.0


class Ended(Exception):
    """There is nothing more to play, and nothing is wrong."""


class Conversation:
    """A connection and what was said on it.

    `requests` are the complete requests that were read, `handshake_error` is why TLS did not come about. `settled`
    is set when the script is through, or at a step that lasts until the test is over.
    """

    def __init__(
        self, accepted: socket.socket, script: Sequence[Callable[["Conversation"], None]], stopping: threading.Event
    ) -> None:
        accepted.settimeout(PATIENCE)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = accepted
        self.requests: list[bytes] = []
        self.handshake_error: OSError | None = None
        self.failure: BaseException | None = None
        self.step = "the beginning"
        self.settled = threading.Event()
        self.stopping = stopping
        self._received = bytearray()
        self._thread = threading.Thread(target=self._play, args=[script], name="wire conversation")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the script wherever it is, and wait for its thread."""
        try:
            # A shutdown wakes a thread that sleeps in `recv`; that of the base class leaves TLS out of it.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on; when the client does not want to, the conversation is over."""
        secured = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket = secured
        try:
            secured.do_handshake()
        except OSError as error:
            self.handshake_error = error
            raise Ended from error

    def receive_request(self) -> bytes:
        """Return the next complete request, and keep it in `requests`."""
        while (end := _end_of_request(self._received)) is None:
            if not self._receive():
                raise AssertionError(f"the client left after {bytes(self._received)!r}, a request was expected")
        request = bytes(self._received[:end])
        del self._received[:end]
        self.requests.append(request)
        return request

    def receive_some(self) -> bytes:
        """Return the bytes that are there, at least one."""
        if not self._received and not self._receive():
            raise AssertionError("the client left without a word")
        received = bytes(self._received)
        self._received.clear()
        return received

    def receive_goodbye(self) -> None:
        """Wait until the client has closed the connection; bytes before that are a failure."""
        if self._receive() or self._received:
            raise AssertionError(f"the client should have left, but it sent {bytes(self._received)!r}")

    def receive_rest(self) -> bytes:
        """Return everything until the client closes the connection."""
        while self._receive():
            pass
        return bytes(self._received)

    def send(self, data: bytes) -> None:
        """Send all of it; a client that has gone misses it, and may."""
        try:
            self.socket.sendall(data)
        except OSError:
            if self.stopping.is_set():
                raise Ended from None

    def close(self) -> None:
        self.socket.close()

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f"nothing came for {PATIENCE} s") from None
        except OSError:
            data = b""
        if self.stopping.is_set():
            raise Ended
        self._received += data
        return bool(data)

    def _play(self, script: Sequence[Callable[["Conversation"], None]]) -> None:
        try:
            for step in script:
                self.step = step.__name__
                step(self)
        except Ended:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            self.close()
            self.settled.set()


def _end_of_request(received: bytearray) -> int | None:
    """Return where the first request in these bytes ends, None while it is incomplete."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    head, start = bytes(received[: head_end + 2]), head_end + 4
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked\r\n", head):
        return _end_of_chunks(received, start)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)\r\n", head)
    end = start + (int(length[1]) if length else 0)
    return end if len(received) >= end else None


def _end_of_chunks(received: bytearray, start: int) -> int | None:
    while (line_end := received.find(b"\r\n", start)) >= 0:
        size = int(received[start:line_end].split(b";")[0], 16)
        start = line_end + 2 + size + 2
        if start > len(received):
            return None
        if size == 0:
            return start
    return None
