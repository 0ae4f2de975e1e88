"""Where a redirect leads (RFC 9110 §15.4): the request that follows, as a pure function.

What was meant for one origin stays with it: on the way to another, credentials are left behind, and do not come back.
"""

from __future__ import annotations

from courser_models import URL, Headers, InvalidURL, Request, Response, StreamConsumed
from courser_transport import RemoteProtocolError

# With the origin they were meant for; and so does every field for a proxy.
_CREDENTIALS = ("authorization", "cookie2", "www-authenticate")
_FOR_PROXIES = "proxy-"
# What a request says about how its own origin is spoken to: the name its certificate bears, whom it is verified by, the
# target in the first line. The same said to another origin would verify it against the wrong name, or not at all.
_OF_THE_ORIGIN = ("sni_hostname", "verify", "target")
# About a body that is not sent again, or about how it was sent.
_OF_THE_BODY = (
    *("content-type", "content-length", "content-encoding", "content-language", "content-location"),
    *("transfer-encoding", "te", "trailer", "expect"),
)


def redirected(request: Request, response: Response, sensitive: tuple[str, ...] = ()) -> Request:
    """Return the request that follows `response`, a redirect that answers `request`.

    `sensitive` names more fields that stay with their origin. Raises `RemoteProtocolError` for a `Location` that is
    none, `StreamConsumed` where the body has to be sent again and cannot be.
    """
    url = _location(request, response)
    method = _method(request, response)
    is_without_body = method != request.method and method == "GET"
    headers = Headers(request.headers)
    # A target of its own named the resource that has just answered, so not even the same origin is asked for it again.
    left_behind = _OF_THE_ORIGIN if url.origin != request.url.origin else ("target",)
    extensions = {name: value for name, value in request.extensions.items() if name not in left_behind}
    if url.origin != request.url.origin and not is_upgrade(request.url, url):
        _leave_out(headers, (*_CREDENTIALS, *sensitive, *[name for name in headers if name.startswith(_FOR_PROXIES)]))
    _leave_out(headers, ("host", "cookie", *(_OF_THE_BODY if is_without_body else ())))
    if not is_without_body and not request.stream.is_replayable:
        raise StreamConsumed(
            f"{response.status_code} redirects {request.method} {request.url.masked} to {url.masked}, and the body "
            "that would have to be sent again was read; give bytes, or a file that can seek"
        )
    # What is in memory is there to be read in the new request too: that is so for every such stream.
    stream = None if is_without_body else request.stream
    return Request(method, url, headers=headers, stream=stream, extensions=extensions)


def _method(request: Request, response: Response) -> str:
    """Return the method that follows; browsers made GET of some, and the standard followed them."""
    status, method = response.status_code, request.method
    if (status in (302, 303) and method != "HEAD") or (status == 301 and method == "POST"):
        return "GET"
    return method


def _location(request: Request, response: Response) -> URL:
    values = set(response.headers.get_list("location"))
    if len(values) > 1:
        raise RemoteProtocolError(f"{request.url.masked} redirects to {len(values)} different places", request=request)
    (value,) = values
    try:
        # Credentials are never taken from a server.
        url = request.url.join(value).copy_with(userinfo=b"")
    except InvalidURL as error:
        raise RemoteProtocolError(
            f"{request.url.masked} redirects to what is no URL: {error}", request=request
        ) from error
    if url.origin is None:
        raise RemoteProtocolError(
            f"{request.url.masked} redirects to a URL without a host: {url.masked!r}", request=request
        )
    return url if url.fragment or not request.url.fragment else url.copy_with(fragment=request.url.fragment)


def is_upgrade(old: URL, new: URL) -> bool:
    """Return whether `new` is the same host on https, at the usual ports."""
    return (
        (old.scheme, new.scheme) == ("http", "https")
        and old.host == new.host
        and (old.port or 80) == 80
        and (new.port or 443) == 443
    )


def _leave_out(headers: Headers, names: tuple[str, ...]) -> None:
    for name in names:
        if name in headers:
            del headers[name]
