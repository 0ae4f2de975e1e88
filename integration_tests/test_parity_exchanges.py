"""What clients send and what they make of the answer is what HTTPX does, but for the differences that are meant.

The programs run against raw servers, which tell byte by byte what arrived.
"""

import functools
import io
import socket
import ssl
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import courser

from .parity.differences import OF_EXCHANGES, Difference
from .parity.outcome import outcome
from .parity.peer import Peer, run_peer
from .parity.programs_of_exchanges import PROGRAMS
from .servers.processes import port_of

MEANT = {program for difference in OF_EXCHANGES for program in difference.programs}


class Both:
    """The two libraries, with the same peers."""

    def __init__(self, peer: Peer, other: Peer, closed: str) -> None:
        self._peer = peer
        self._known = {"url": peer.url, "other": other.url, "wire": peer.wire, "closed": closed, "io": io}
        # A program that differs is asked about once as one of many, and once as a difference.
        self.outcomes = functools.cache(self._outcomes)

    def _outcomes(self, program: str) -> tuple[Any, Any]:
        """Return what comes of a program with HTTPX, and with courser."""
        found = []
        for library in (httpx, courser):
            self._peer.forget()
            found.append(outcome(program, library, self._known))
        return found[0], found[1]


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with run_peer() as peer, run_peer() as other, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        yield Both(peer, other, f"http://127.0.0.1:{port_of(bound)}/")


@pytest.fixture(autouse=True)
def _no_warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # HTTPX loads the authorities for each client that it makes, which would be most of what it does here.
    context = ssl.create_default_context()
    monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda *_, **__: context)
    with warnings.catch_warnings():
        # httpx 0.28.1 has its own, and where ours are wanted other tests look for them.
        warnings.simplefilter("ignore")
        yield


def test_programs_that_no_difference_is_about_have_the_same_outcome(both: Both) -> None:
    same = [program for program in PROGRAMS if program not in MEANT]
    assert len(same) > 950

    found = [(program, *both.outcomes(program)) for program in same]
    unexpected = [
        f"{program}\n    httpx: {theirs!r}\n    courser: {ours!r}" for program, theirs, ours in found if theirs != ours
    ]
    assert not unexpected, "\n".join(unexpected)


@pytest.mark.parametrize("difference", OF_EXCHANGES, ids=lambda difference: difference.reason)
def test_a_difference_that_is_meant_is_still_there(both: Both, difference: Difference) -> None:
    assert difference.programs
    for program in difference.programs:
        theirs, ours = both.outcomes(program)
        assert theirs != ours, f"no difference any more: {program}"
