"""Answering a proxy's challenge with a scheme that was written for servers.

`Proxy-Authenticate` and `Proxy-Authorization` are to a proxy what `WWW-Authenticate` and `Authorization` are to a
server (RFC 9110 §11.7), so a scheme is shown the one under the name of the other. It sees a request of its own, whose
URL is the proxy's: what it learns holds for the proxy, wherever requests go, and nothing of it meets a server.
"""

from __future__ import annotations

import types

from courser_models import Request, Response

from ._settings import Proxy

_CHALLENGE = {"proxy-authenticate": "www-authenticate", "proxy-authentication-info": "authentication-info"}


class Credentials:
    """The way of one request through the scheme of `proxy`: `first`, then `next` after each response.

    `target` is what stands in the request's first line: the scheme may sign it. Leave it with `with`.
    """

    def __init__(self, proxy: Proxy, method: str, target: bytes) -> None:
        assert proxy.scheme is not None
        self._request = Request(method, proxy.url, extensions={"target": target})
        self._flow = proxy.scheme.auth_flow(self._request)

    def first(self) -> bytes | None:
        """Return the value of `Proxy-Authorization` to begin with; None for none."""
        return _answer(next(self._flow))

    def next(self, status: int, response: Response) -> bytes | None:
        """Return the value to try after a response; None where there is nothing more to say.

        Raises what the scheme raises: `ProtocolError` for a challenge that it cannot read.
        """
        fields = response.headers.multi_items()
        # What a server says by these names through the proxy is not the proxy's.
        shown = [(_CHALLENGE.get(name, name), value) for name, value in fields if name not in _CHALLENGE.values()]
        seen = Response(401 if status == 407 else status, headers=shown, request=self._request)
        try:
            return _answer(self._flow.send(seen))
        except StopIteration:
            return None

    def __enter__(self) -> Credentials:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._flow.close()


def _answer(request: Request) -> bytes | None:
    value = request.headers.find(b"authorization")
    request.headers.pop("authorization", None)
    return value
