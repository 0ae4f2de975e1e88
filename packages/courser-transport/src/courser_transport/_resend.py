"""When a request may be sent again by itself, and why.

A server may close an idle connection at the very moment at which a request leaves on it. Nobody did anything wrong,
and nobody wants to hear of it. But what was sent may have been acted on, so a request is sent again only where that
can do no harm:

- never, once a byte of the response was seen: the request arrived;
- never, where the connection was new: whatever is wrong will be wrong again;
- never, where the body cannot be produced again;
- yes, where nothing of the request left us: nobody can have acted on it;
- yes, where the method is idempotent (RFC 9110 §9.2.2): acting twice is acting once;
- otherwise no: two orders are not one.

It is sent again once, on a new connection, which cannot be stale.
"""

from __future__ import annotations

import typing

from courser_models import Request, RequestError, TransportError

_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"}

E = typing.TypeVar("E", bound=TransportError)


def unheard(error: E) -> E:
    """Mark an error: the peer has not said a word since the request left."""
    error.__dict__["_is_unheard"] = True
    return error


def unsent(error: E) -> E:
    """Mark an error: not a byte left us."""
    error.__dict__["_is_unsent"] = error.__dict__["_is_unheard"] = True
    return error


def unprocessed(error: E, were_others: bool = False) -> E:
    """Mark an error: the peer has said that it did nothing about the request, and will not.

    `were_others` says that it did something about others on the same connection, so that it is not the server that
    refuses, but the connection that is used up.
    """
    error.__dict__["_is_unprocessed"] = True
    error.__dict__["_were_others_processed"] = were_others
    return error


def http1_required(error: E) -> E:
    """Mark an error: the peer wants the request over HTTP/1.1, and did nothing about it (RFC 9113 §7)."""
    error.__dict__["_is_http1_required"] = True
    return unprocessed(error)


def is_http1_required(error: TransportError) -> bool:
    """Return whether the peer wants the request over HTTP/1.1."""
    return bool(error.__dict__.get("_is_http1_required"))


def is_unprocessed(error: TransportError) -> bool:
    """Return whether the peer has said that it did nothing about the request."""
    return bool(error.__dict__.get("_is_unprocessed"))


def were_others_processed(error: TransportError) -> bool:
    """Return whether the peer has said that it did something about others on the same connection."""
    return bool(error.__dict__.get("_were_others_processed"))


def is_unsent(error: TransportError) -> bool:
    """Return whether not a byte left us."""
    return bool(error.__dict__.get("_is_unsent"))


def of_body(error: RequestError) -> None:
    """Mark an error: it is that of the request's own body, such as one that passes on another response."""
    error.__dict__["_is_of_body"] = True


def is_of_body(error: RequestError) -> bool:
    """Return whether the request's own body raised it."""
    return bool(error.__dict__.get("_is_of_body"))


def may_resend(request: Request, error: TransportError, was_reused: bool) -> bool:
    """Return whether `request`, which ended with `error`, may be sent again."""
    if is_unprocessed(error):
        return request.stream.is_replayable
    if not was_reused or not error.__dict__.get("_is_unheard") or is_of_body(error):
        return False
    if not request.stream.is_replayable:
        return False
    return is_unsent(error) or request.method in _IDEMPOTENT
