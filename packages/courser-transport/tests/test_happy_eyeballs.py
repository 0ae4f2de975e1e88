"""Several addresses are tried beside each other (RFC 8305), in every world and by one piece of code."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

import pytest

from courser_transport import ConnectError, ConnectTimeout, Deadline, run_sync
from courser_transport._backends._happy_eyeballs import first_to_connect, interleaved
from courser_transport._network import Address
from darkness import FAMILIES, black_hole, made, refusing, still_open
from dialling import dialling, get
from loopback import peer
from serving import serving
from worlds import PATIENCE, World, in_event_loops, in_every_world

__all__ = ["made"]

Sockets = list[socket.socket]


@in_every_world
@pytest.mark.parametrize("family", FAMILIES)
async def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(
    world: World, family: int, made: Sockets
) -> None:
    with black_hole(family) as dark, peer() as p:
        before = len(made)
        started = time.monotonic()
        stream = await world.backend.connect_tcp([dark, *p.addresses], "peer:1", Deadline(PATIENCE))
        assert 0.2 < time.monotonic() - started < 0.4
        assert stream.extra("peer_address") == ("127.0.0.1", p.port)
        assert still_open(made[before:]) == 1, "the loser is closed already"
        await stream.write(b"ping", PATIENCE)
        assert p.accept().recv(100) == b"ping"
        stream.close()


@in_every_world
@pytest.mark.parametrize("family", FAMILIES)
async def test_a_request_to_a_host_half_of_which_is_dark_is_answered_in_time(world: World, family: int) -> None:
    with (
        serving() as server,
        black_hole(family, server.port) as (_, dark),
        dialling(world, resolve={"a.example": [dark[0], "127.0.0.1"]}) as pool,
    ):
        started = time.monotonic()
        assert await get(pool, f"http://a.example:{server.port}/") == b"hello"
        assert 0.2 < time.monotonic() - started < 0.4


@in_every_world
async def test_a_refusal_starts_the_next_attempt_at_once(world: World) -> None:
    with refusing() as refused, black_hole() as dark, peer() as p:
        started = time.monotonic()
        stream = await world.backend.connect_tcp([refused, *p.addresses, dark], "peer:1", Deadline(PATIENCE))
        assert time.monotonic() - started < 0.2
        stream.close()
        # The dark one waits for company; the refusal of its company brings the next.
        started = time.monotonic()
        stream = await world.backend.connect_tcp([dark, refused, *p.addresses], "peer:1", Deadline(PATIENCE))
        assert time.monotonic() - started < 0.4
        stream.close()


@in_every_world
async def test_all_attempts_together_have_one_time_limit(world: World, made: Sockets) -> None:
    with black_hole() as one, black_hole() as other:
        before = len(made)
        started = time.monotonic()
        with pytest.raises(ConnectTimeout, match=r"^connecting to peer:1 timed out after 0\.4 s$"):
            await world.backend.connect_tcp([one, other], "peer:1", Deadline(0.4))
        assert 0.4 <= time.monotonic() - started < 0.65
        assert len(made) - before >= 2
        if world.name == "uvloop":  # which gives a descriptor back in its next turn
            await world.turn()
        assert not still_open(made[before:])


@in_every_world
async def test_without_any_time_nobody_is_connected_to(world: World) -> None:
    with peer() as p, pytest.raises(ConnectTimeout, match="timed out after 0 s"):
        await world.backend.connect_tcp(p.addresses * 2, "peer:1", Deadline(0))


@in_every_world
async def test_the_reasons_of_all_are_told(world: World) -> None:
    with refusing() as refused:
        unreachable = (socket.AF_INET, ("255.255.255.255", 1))
        with pytest.raises(ConnectError, match=r"^connecting to peer:1 failed: connection refused, [a-z ]+$"):
            await world.backend.connect_tcp([refused, unreachable], "peer:1", Deadline(PATIENCE))
    with pytest.raises(ConnectError, match="it has no address"):
        await world.backend.connect_tcp([], "peer:1", Deadline(PATIENCE))


@in_event_loops
async def test_a_cancellation_closes_every_attempt(world: World, made: Sockets) -> None:
    with black_hole() as one, black_hole() as other:
        before = len(made)

        async def connect() -> None:
            await world.backend.connect_tcp([one, other], "peer:1", Deadline(PATIENCE))

        task = await world.beside(connect)
        await world.until(lambda: len(made) - before >= 2)
        assert still_open(made[before:])
        task.cancel()
        await task.ended()
        assert task.was_cancelled
        assert not still_open(made[before:]), "at once, and without a garbage collection"


@in_event_loops
async def test_the_descriptor_of_a_loser_may_be_used_again_at_once(world: World) -> None:
    with black_hole() as dark, peer() as p:
        stream = await world.backend.connect_tcp([dark, *p.addresses], "peer:1", Deadline(PATIENCE))
        again = [await world.backend.connect_tcp(p.addresses * 2, "peer:1", Deadline(PATIENCE)) for _ in range(3)]
        for it in [stream, *again]:
            sock = p.accept()
            await it.write(b"ping", PATIENCE)
            assert sock.recv(100) == b"ping"
            it.close()


class Simulated:
    """Addresses of which it is known what becomes of them: after how many seconds, and with which failure."""

    def __init__(self, fates: dict[Address, tuple[float, OSError | None]]) -> None:
        self.fates = fates
        self.now = 100.0
        self.started: list[tuple[float, Address]] = []
        self.closed: list[Address] = []

    def begin(self, address: Address) -> tuple[float, Address]:
        self.started.append((round(self.now - 100.0, 3), address))
        after, failure = self.fates[address]
        if failure is not None and after == 0:
            raise failure
        return self.now + after, address

    async def ended(
        self, attempts: Sequence[tuple[float, Address]], seconds: float | None
    ) -> list[tuple[float, Address]]:
        self.now = min([until for until, _ in attempts] + ([self.now + seconds] if seconds is not None else []))
        return [attempt for attempt in attempts if attempt[0] <= self.now]

    def failure(self, attempt: tuple[float, Address]) -> OSError | None:
        return self.fates[attempt[1]][1]

    def close(self, attempt: tuple[float, Address]) -> None:
        self.closed.append(attempt[1])

    def run(self) -> Address:
        it = first_to_connect(list(self.fates), self, "peer:1", Deadline(None), clock=lambda: self.now)
        return run_sync(it)[1]


A, B, C, D = [(4, (f"192.0.2.{number}", 80)) for number in range(4)]
DARK = (float("inf"), None)
REFUSED = OSError(111, "refused")


@pytest.mark.parametrize(
    ("fates", "winner", "started"),
    [
        ({A: (0.2, None), B: (0.1, None)}, A, [(0, A)]),
        ({A: (0.3, None), B: (0.1, None)}, A, [(0, A), (0.25, B)]),
        ({A: (0.4, None), B: (0.1, None)}, B, [(0, A), (0.25, B)]),
        ({A: (0.1, REFUSED), B: (0.1, None)}, B, [(0, A), (0.1, B)]),
        ({A: (0, REFUSED), B: (0, REFUSED), C: (0.1, None)}, C, [(0, A), (0, B), (0, C)]),
        ({A: DARK, B: (0.1, REFUSED), C: (0.1, None)}, C, [(0, A), (0.25, B), (0.35, C)]),
        ({A: DARK, B: DARK, C: DARK, D: (1, None)}, D, [(0, A), (0.25, B), (0.5, C), (0.75, D)]),
        ({A: (0.6, None), B: DARK, C: DARK}, A, [(0, A), (0.25, B), (0.5, C)]),
        ({A: (0.25, None), B: (0.1, None)}, A, [(0, A)]),
    ],
)  # fmt: skip
def test_each_attempt_starts_when_the_rfc_says(
    fates: dict[Address, tuple[float, OSError | None]], winner: Address, started: list[tuple[float, Address]]
) -> None:
    network = Simulated(fates)
    assert network.run() == winner
    assert network.started == started
    ended = [address for address, (after, failure) in fates.items() if failure is not None and after == 0]
    assert sorted(network.closed) == sorted(a for _, a in started if a != winner and a not in ended)


def test_when_all_have_failed_it_is_over() -> None:
    network = Simulated({A: (0.1, REFUSED), B: (0, REFUSED), C: (0.3, OSError(110, "timed out"))})
    with pytest.raises(ConnectError, match="connecting to peer:1 failed: connection refused, connection timed out"):
        network.run()
    assert network.closed == [A, C]


def test_families_take_turns() -> None:
    six, four = [(10, (letter,)) for letter in "abc"], [(2, (letter,)) for letter in "xy"]
    assert interleaved(six + four) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleaved(four + six) == [four[0], six[0], four[1], six[1], six[2]]
    assert interleaved(four) == four
    assert interleaved([]) == []
