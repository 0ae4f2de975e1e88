"""What the transport tells the log, at the level DEBUG: connections that are made, requests that are sent again."""

from __future__ import annotations

import logging

import pytest

from courser_models import Request
from courser_transport.testing import ends, expects, sends
from exchanges import OK, collect, scripted
from worlds import World, in_every_world


@in_every_world
async def test_the_log_tells_of_connections_and_of_what_is_sent_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "courser.transport")
    request = Request("GET", "http://user:secret@example.org/find?token=secret")
    with scripted(world, [sends(OK), expects(b"GET"), ends()], [sends(OK)], max_connections=9) as (pool, _):
        for _ in range(2):
            assert await collect(await pool.send(request)) == b"hello"
    connected = (
        "connected to example.org:80: 1 of 9 connections are open (1 in use, 0 idle, 0 connecting), 0 requests wait"
    )
    again = (
        "sending GET http://example.org/find?token=… again: "
        "example.org:80 closed the connection without sending a response"
    )
    assert [record.getMessage() for record in caplog.records] == [connected, again, connected]
