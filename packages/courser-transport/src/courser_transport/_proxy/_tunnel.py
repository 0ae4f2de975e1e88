"""CONNECT: a tunnel through an HTTP proxy (RFC 9110 §9.3.6), on a stream that leads to the proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from courser_models import Request, Response

from .._body import AsyncBody, SyncBody
from .._config import Limits
from .._deadline import Deadline
from .._exceptions import NetworkError, ProxyError, RemoteProtocolError, TimeoutException
from .._http1._connection import HTTP1Connection
from .._http1._framing import body_reader
from .._http1._head import ResponseHead
from .._http1._request_head import request_head
from .._limited import LimitedStream
from .._network import READ_SIZE, Stream
from .._route import Way
from ._settings import Proxy

# A proxy may say in the body why it refuses: so much of it is kept, if it comes so soon (seconds).
_MOST_OF_A_REFUSAL = 65536
_REFUSAL_WITHIN = 1.0


async def open_tunnel(
    stream: Stream, proxy: Proxy, target: str, authorization: bytes | None, limits: Limits, deadline: Deadline
) -> Response | None:
    """Ask for a tunnel to `target`, host and port; return None where it stands, or the response that refuses it.

    Raises `ProxyError` where the proxy answers with something else than HTTP or ends the connection, and what reading
    and writing raise at the deadline.
    """
    fields = [(b"Host", target.encode("ascii")), *proxy.fields]
    if authorization is not None:
        fields.append((b"Proxy-Authorization", authorization))
    request = Request("CONNECT", proxy.url, headers=fields, extensions={"target": target.encode("ascii")})
    try:
        return await _Asking(stream, Way(None, proxy, None, None), _Owner(limits)).ask(request, deadline)
    except (NetworkError, RemoteProtocolError) as error:
        raise ProxyError(f"opening a tunnel to {target} failed: {error}") from error


class _Asking(HTTP1Connection):
    """HTTP/1.1 with a proxy, as far as it takes to open a tunnel."""

    __slots__ = ()

    async def ask(self, request: Request, deadline: Deadline) -> Response | None:
        """Send a CONNECT request; return None where it is granted, or the response that refuses it."""
        if deadline.limit is not None:
            self._stream = LimitedStream(self._wire, deadline, self.peer)
        lines, _ = request_head(request)
        await self._stream.write(lines, None)
        arrived = await self._stream.read(READ_SIZE, None)
        head, arrived, end, length, _ = await self._head(request, arrived, None)
        if not 200 <= head[0] < 300:
            return await self._refusal(request, head, arrived[end:], length)
        # What the head says of a length does not count here, and whatever follows it would pass for the server's.
        if len(arrived) > end:
            raise RemoteProtocolError(
                f"{self.peer} sent {len(arrived) - end} bytes into the tunnel before anything was asked through it"
            )
        return None

    async def _refusal(self, request: Request, head: ResponseHead, data: bytes, length: int) -> Response:
        """Return the refusal with what comes of its body."""
        body = b""
        reader = body_reader(length, self.owner.limits)
        patience = Deadline(_REFUSAL_WITHIN)
        with contextlib.suppress(NetworkError, RemoteProtocolError, TimeoutException):
            body = reader.feed(data)
            while not reader.is_done and len(body) < _MOST_OF_A_REFUSAL:
                data = await self._stream.read(READ_SIZE, patience.left())
                if not data:
                    break
                body += reader.feed(data)
        framing = (b"content-length", b"transfer-encoding", b"content-encoding")
        status, version, reason, fields, _ = head
        return Response(
            status,
            headers=[(name, value) for name, lower, value in fields if lower not in framing],
            content=body[:_MOST_OF_A_REFUSAL],
            request=request,
            extensions={"http_version": version, "reason_phrase": reason},
        )


class _Owner:
    """The owner of a connection that no pool knows yet."""

    body: type[SyncBody] | type[AsyncBody] = SyncBody

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def release(self, connection: HTTP1Connection) -> None:
        """Do nothing: whoever opened the stream closes it."""

    def reclaim(self, connection: HTTP1Connection) -> None:
        """Do nothing, as above."""

    async def in_thread(self, function: Callable[[], bytes]) -> bytes:
        """Refuse: CONNECT has no body."""
        raise AssertionError("a request without a body reads no file")


def refused(proxy: Proxy, target: str, response: Response) -> ProxyError:
    """Return the error for a refusal."""
    status = f"{response.status_code} {response.reason_phrase}".rstrip()
    advice = ""
    if response.status_code in (407, 401):  # tinyproxy says 401 where it knows us and does not believe us
        asked = str(response.headers.get("proxy-authenticate", "")).partition(" ")[0]
        given = "does not accept the credentials" if proxy.auth or proxy.scheme else "wants credentials"
        advice = f"; it {given}" + (f" ({asked})" if asked else "")
    return ProxyError(f"{proxy.name} refused a tunnel to {target}: {status}{advice}", response=response)
