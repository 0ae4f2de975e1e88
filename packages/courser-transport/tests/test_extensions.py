"""What a response's extensions tell: about the connection, when asked; about the exchange, when it is over."""

from __future__ import annotations

import pickle
import ssl
from typing import Any

import pytest

from courser_models import Request
from courser_transport import RemoteProtocolError, create_ssl_context
from courser_transport._hand_over import AsyncNetworkStream, NetworkStream
from courser_transport.testing import expects, sends
from exchanges import OK, URL, Wire, collect, give_up, hear, real, scripted, serving
from serving import Certificates
from serving import serving as serving_all
from worlds import World, in_every_world

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FOUND_OUT = ["network_stream", "peer_address", "local_address", "tls_version", "tls_cipher", "tls_certificate"]


def _answer(sock: Any) -> None:
    hear(sock)
    sock.sendall(OK)


@in_every_world
async def test_addresses_are_found_out_when_somebody_asks(world: World) -> None:
    async with serving(world, _answer) as p:
        with real(world) as pool:
            extensions = (await pool.send(Request("GET", f"http://127.0.0.1:{p.port}/"))).extensions
            assert sorted(extensions) == ["http_version", "reason_phrase"]
            assert extensions["peer_address"] == ("127.0.0.1", p.port)
            assert extensions["local_address"] == p.accepted[0].getpeername()
            assert [extensions[name] for name in ("tls_version", "tls_cipher", "tls_certificate")] == [None] * 3
            kind = AsyncNetworkStream if world.has_loop else NetworkStream
            assert type(extensions["network_stream"]) is kind
            assert extensions["network_stream"].get_extra_info("server_addr") == ("127.0.0.1", p.port)
            assert extensions["network_stream"] is extensions["network_stream"]


@in_every_world
async def test_tls_tells_how_and_with_whom(world: World, certificates: Certificates) -> None:
    with serving_all(certificates.server) as server, real(world, create_ssl_context(certificates.file)) as pool:
        response = await pool.send(Request("GET", f"{server.url}/"))
        extensions = response.extensions
        assert extensions["tls_version"] == "TLSv1.3"
        assert extensions["tls_cipher"].startswith("TLS_")
        certificate = ssl.DER_cert_to_PEM_cert(extensions["tls_certificate"])
        assert certificate.startswith("-----BEGIN CERTIFICATE-----")
        assert extensions["peer_address"] == ("127.0.0.1", server.port)
        assert extensions["network_stream"].get_extra_info("ssl_object").version() == "TLSv1.3"


@in_every_world
async def test_they_are_a_dictionary_in_every_other_way(world: World) -> None:
    extensions = (await Wire(world, sends(OK)).fetch())[0].extensions
    assert all(name in extensions for name in FOUND_OUT)
    assert "trailers" not in extensions
    assert extensions.get("trailers") is None
    assert extensions.get("trailers", 1) == 1
    assert extensions.get("tls_version", "none") is None
    with pytest.raises(KeyError, match="trailers"):
        extensions["trailers"]
    extensions["mine"] = 1
    assert extensions["mine"] == 1
    assert dict(extensions)["http_version"] == b"HTTP/1.1"
    assert extensions["reason_phrase"] == b"OK"


@in_every_world
async def test_a_response_pickles_and_leaves_them_behind(world: World) -> None:
    response, _ = await Wire(world, sends(OK)).fetch()
    assert response.extensions["network_stream"] is not None
    copy = pickle.loads(pickle.dumps(response))
    assert (copy.status_code, copy.content, copy.extensions) == (200, b"hello", {})


@in_every_world
async def test_closing_the_stream_of_a_response_that_is_over_ends_nobody_elses_exchange(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(OK), expects(b"GET"), sends(OK[:-3]), sends(OK[-3:]))
    first, _ = await wire.fetch()
    second = await wire.connection.send(Request("GET", URL))
    stream = first.extensions["network_stream"]
    await stream.aclose() if world.has_loop else stream.close()
    assert wire.released == [True], "the second still has the connection, closed as it is"
    await collect(second)
    assert len(wire.released) == 2


@in_every_world
async def test_interim_responses_are_kept(world: World) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
    response, _ = await Wire(world, sends(interim), sends(OK)).fetch()
    assert [status for status, _ in response.extensions["interim_responses"]] == [100, 103]
    assert response.extensions["interim_responses"][1][1].get_list("link") == ["</a>", "</b>"]
    response, _ = await Wire(world, sends(OK)).fetch()
    assert "interim_responses" not in response.extensions


@in_every_world
async def test_trailers_are_there_at_the_end(world: World) -> None:
    wire = Wire(world, sends(CHUNKED + b"5\r\nhello\r\n"), sends(b"0\r\nDigest: x\r\ndigest: y\r\n\r\n"))
    response = await wire.connection.send(Request("GET", URL))
    assert "trailers" not in response.extensions
    assert await collect(response) == b"hello"
    assert response.extensions["trailers"].get_list("digest") == ["x", "y"]
    assert "digest" not in response.headers
    assert wire.released == [True]


@in_every_world
async def test_too_many_trailers_are_refused(world: World) -> None:
    for count in (256, 257):
        wire = Wire(world, sends(CHUNKED + b"0\r\n" + b"a: b\r\n" * count + b"\r\n"))
        if count == 256:
            response, _ = await wire.fetch()
            assert len(response.extensions["trailers"].raw) == 256
        else:
            with pytest.raises(RemoteProtocolError, match="257 trailer fields; 256 is the limit"):
                await wire.fetch()


@in_every_world
@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        ({"max_fields": 2}, "3 trailer fields; 2 is the limit"),
        ({"max_head_size": 100}, "trailers of 205 bytes; 100 is the limit"),
    ],
)
async def test_trailers_have_the_limits_of_a_head(world: World, limits: dict[str, int], complaint: str) -> None:
    trailers = b"a: b\r\nb: c\r\ncc: %b\r\n" % (b"x" * 199)
    wire = Wire(world, sends(CHUNKED + b"0\r\n" + trailers + b"\r\n"), **limits)
    with pytest.raises(RemoteProtocolError, match=complaint):
        await wire.fetch()
    assert wire.released == [False]


@in_every_world
async def test_timings_tell_how_long_each_step_took(world: World) -> None:
    request = Request("GET", URL, extensions={"timings": True})
    with scripted(world, [sends(OK[:-3]), sends(OK[-3:]), expects(b"GET"), sends(OK)]) as (pool, _):
        response = await pool.send(request)
        timings = response.extensions["timings"]
        assert list(timings) == ["resolve", "connect", "send", "first_byte"]
        await collect(response)
        assert list(timings) == ["resolve", "connect", "send", "first_byte", "body"]
        assert all(0.0 <= seconds < 1.0 for seconds in timings.values())
        response = await pool.send(Request("GET", "http://example.org/", extensions={"timings": False}))
        assert "timings" not in response.extensions
        await give_up(response)


@in_every_world
async def test_timings_count_the_wait_for_a_connection(world: World) -> None:
    with scripted(world, [sends(OK[:-3]), sends(OK[-3:])], [sends(OK)], max_connections=1) as (pool, _):
        first = await pool.send(Request("GET", URL))

        async def fetch() -> Any:
            return await pool.send(Request("GET", URL, extensions={"timings": True}))

        task = await world.beside(fetch)
        await world.until(lambda: pool.waiting == 1)
        await give_up(first)
        assert list((await task.result()).extensions["timings"])[:2] == ["pool", "resolve"]


@in_every_world
async def test_a_trace_tells_the_head_of_the_response_as_httpx_does(world: World) -> None:
    told: dict[str, Any] = {}

    def note(event: str, info: dict[str, Any]) -> None:
        told[event] = info

    head = b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\nX-Name: value\r\n\r\n"
    with scripted(world, [sends(head)]) as (pool, _):
        await collect(await pool.send(Request("GET", URL, extensions={"trace": note})))
    assert told["http11.receive_response_headers.complete"]["return_value"] == (
        b"HTTP/1.1",
        201,
        b"Made",
        [(b"Content-Length", b"0"), (b"X-Name", b"value")],
    )
