"""Challenges: what a server wants to see, as `WWW-Authenticate` and `Proxy-Authenticate` say it (RFC 9110 §11).

The one idea: a comma stands between challenges and between the parameters of one challenge, so the value is read from
left to right, and each piece tells by its form what it is. `name=value` is a parameter of the challenge before it,
and any other word begins a challenge. What is neither is passed over, and nothing raises: these values come from peers.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)'
# A value that should have been quoted, and was not, ends at the next blank or comma.
_PARAMETER = re.compile(rf"({_TOKEN})[ \t]*=[ \t]*(?:{_QUOTED}|([^ \t,]*))", re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|\Z)(?:[ \t]+([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|\Z))?")
_BETWEEN = re.compile(r"[ \t,]*")
_GARBAGE = re.compile(rf"(?:{_QUOTED}|[^,\"])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Challenge(typing.NamedTuple):
    """One challenge of a server or proxy (RFC 9110 §11.3)."""

    scheme: str
    """The scheme in lower case: `"digest"`."""
    parameters: dict[str, str]
    """The parameters by their lower-case names, quoting undone; of a repeated name the first counts."""
    token68: str = ""
    """What stands in the place of parameters, as in `Negotiate YII=`; mostly nothing."""

    @property
    def realm(self) -> str | None:
        """The `realm` parameter (RFC 9110 §11.5), or None."""
        return self.parameters.get("realm")


def read_challenges(values: str | Iterable[str]) -> list[Challenge]:
    """Return the challenges of a `WWW-Authenticate` or `Proxy-Authenticate` field, or of several, in their order.

    Takes one value or several (RFC 9110 §11.6.1), and never raises for what they hold.

    >>> first, second = read_challenges('Basic realm="all of it", DIGEST realm="a", nonce="b", qop="auth,auth-int"')
    >>> first
    Challenge(scheme='basic', parameters={'realm': 'all of it'}, token68='')
    >>> second.parameters["qop"]
    'auth,auth-int'
    """
    challenges: list[Challenge] = []
    for value in [values] if isinstance(values, str) else values:
        parameters: dict[str, str] = {}  # those in front of the first scheme belong to nobody
        for name, given, is_scheme in _pieces(value):
            if is_scheme:
                parameters = {}
                challenges.append(Challenge(name, parameters, given))
            else:
                parameters.setdefault(name, given)
    return challenges


def read_auth_parameters(value: str) -> dict[str, str]:
    """Return the parameters of an `Authentication-Info` field by their lower-case names (RFC 9110 §11.6.3).

    >>> read_auth_parameters('nextnonce="abc", qop=auth')
    {'nextnonce': 'abc', 'qop': 'auth'}
    """
    parameters: dict[str, str] = {}
    for name, given, is_scheme in _pieces(value):
        if not is_scheme:
            parameters.setdefault(name, given)
    return parameters


def _pieces(value: str) -> Iterator[tuple[str, str, bool]]:
    """Give each parameter with its value, and each scheme with its token68; the last says whether it is a scheme."""
    position = 0
    while (position := _BETWEEN.match(value, position).end()) < len(value):  # type: ignore[union-attr]  # matches ""
        parameter = _PARAMETER.match(value, position)
        if parameter is not None:
            quoted = parameter[2]
            yield parameter[1].lower(), parameter[3] if quoted is None else _ESCAPED.sub(r"\1", quoted), False
            position = parameter.end()
        elif scheme := _SCHEME.match(value, position):
            yield scheme[1].lower(), scheme[2] or "", True
            position = scheme.end()
        else:
            garbage = _GARBAGE.match(value, position)
            position = position + 1 if garbage is None else garbage.end()
