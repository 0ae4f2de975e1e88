"""What a scripted server can do on a connection: every function here returns one step for a script of `Wire`.

Steps that begin with «expects» fail when the client does something else; the others only act.
"""

import array
import fcntl
import os
import socket
import ssl
import stat
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from .conversation import PATIENCE, Conversation, Ended

Step = Callable[[Conversation], None]


def answer(body: bytes = b"ok", *fields: str, status: str = "200 OK") -> bytes:
    """Return a response with this body, its length and these field lines."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def expects_request(beginning: bytes = b"") -> Step:
    """Read one complete request that begins like this."""

    def expects_request(conversation: Conversation) -> None:
        request = conversation.receive_request()
        if not request.startswith(beginning):
            raise AssertionError(f"the request begins with {request[:80]!r}, expected was {beginning!r}")

    return expects_request


def expects_bytes() -> Step:
    """Read whatever comes first: the beginning of a handshake, or of a request that will not be completed."""

    def expects_bytes(conversation: Conversation) -> None:
        conversation.receive_some()

    return expects_bytes


def expects_goodbye() -> Step:
    """Wait until the client has closed the connection without another byte."""

    def expects_goodbye(conversation: Conversation) -> None:
        conversation.receive_goodbye()

    return expects_goodbye


def expects_rest() -> Step:
    """Read whatever comes until the client has closed the connection."""

    def expects_rest(conversation: Conversation) -> None:
        conversation.receive_rest()

    return expects_rest


def sends(data: bytes, split_at: Sequence[int] = ()) -> Step:
    """Send the bytes, in pieces when positions are given; the client has read a piece before the next one leaves."""
    bounds = [0, *split_at, len(data)]
    pieces = [data[start:end] for start, end in pairwise(bounds)]

    def sends(conversation: Conversation) -> None:
        for number, piece in enumerate(pieces):
            if number > 0:
                _wait_until_read(conversation)
            conversation.send(piece)

    return sends


def delivers(data: bytes) -> Step:
    """Send the bytes, and go on when they have arrived at the client's side, read or not."""

    def delivers(conversation: Conversation) -> None:
        conversation.send(data)
        _wait_until_acknowledged(conversation)

    return delivers


def closes() -> Step:
    """Say goodbye in good order, over TLS with close_notify, and go on when the client's side knows."""

    def closes(conversation: Conversation) -> None:
        connection = conversation.socket
        try:
            if isinstance(connection, ssl.SSLSocket):
                # Without blocking, this sends our close_notify and does not wait for theirs.
                connection.setblocking(False)
                connection.unwrap()
        except OSError:
            pass
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        else:
            _wait_until_acknowledged(conversation)
        conversation.close()

    return closes


def resets() -> Step:
    """Throw the connection away: the client sees a reset."""

    def resets(conversation: Conversation) -> None:
        conversation.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conversation.close()

    return resets


def stalls() -> Step:
    """Do nothing, not even read, until the test is over."""

    def stalls(conversation: Conversation) -> None:
        conversation.settled.set()
        conversation.stopping.wait()

    return stalls


def handshakes(context: ssl.SSLContext) -> Step:
    """Speak TLS from here on; a client that refuses ends the script, and `handshake_error` says why."""

    def handshakes(conversation: Conversation) -> None:
        conversation.start_tls(context)

    return handshakes


def sets(event: threading.Event) -> Step:
    """Tell the test that the script has come this far."""

    def sets(conversation: Conversation) -> None:
        event.set()

    return sets


def waits_for(event: threading.Event) -> Step:
    """Go on when the test says so."""

    def waits_for(conversation: Conversation) -> None:
        _wait(conversation, event.is_set, "the test never set its event")

    return waits_for


def _wait_until_acknowledged(conversation: Conversation) -> None:
    """Wait until the kernel on the client's side has everything that was sent."""
    descriptor = conversation.socket.fileno()
    _wait(conversation, lambda: _query(descriptor, termios.TIOCOUTQ) == 0, "the client's side never took the bytes")


def _wait_until_read(conversation: Conversation) -> None:
    """Wait until the client, which is in this process, has read everything that has arrived."""
    descriptor = _descriptor_of_client(conversation.socket)
    if descriptor is not None:
        _wait(conversation, lambda: _query(descriptor, termios.FIONREAD) == 0, "the client never read the bytes")


def _wait(conversation: Conversation, happened: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if conversation.stopping.is_set():
            raise Ended
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.0001)


def _query(descriptor: int, question: int) -> int:
    """Ask the kernel about a socket's queue; a socket that is closed has nothing in it."""
    reply = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, question, reply)
    except OSError:
        return 0
    return reply[0]


def _descriptor_of_client(connection: socket.socket) -> int | None:
    """Return the descriptor of the other end, None when the client has closed it already."""
    ends = connection.getpeername(), connection.getsockname()
    for descriptor in map(int, os.listdir("/dev/fd")):
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as candidate:
                if (candidate.getsockname(), candidate.getpeername()) == ends:
                    return descriptor
        except OSError:
            # It was closed while we looked, or it is a socket that has no peer.
            continue
    return None
