"""A redirect leads nowhere that `connect_filter` does not allow, whatever notation it is written in."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import courser

from .worlds import World

NOTATIONS = Path(__file__).parent.parent / "packages" / "courser-transport" / "tests" / "ssrf_hosts.txt"
HOSTS = [line.split("\t")[0] for line in NOTATIONS.read_text("utf-8").splitlines() if not line.startswith("#")]

# Where the first URL leads: it stands for a server in the internet, since every address is one of loopback here.
OUTSIDE = ipaddress.ip_address("127.0.0.77")


class Redirecting(BaseHTTPRequestHandler):
    """Redirects to what the query asks for, or says hello; notes at which of its addresses it was reached."""

    protocol_version = "HTTP/1.1"
    reached: list[str] = []  # noqa: RUF012  set anew for each server

    def setup(self) -> None:
        super().setup()
        self.reached.append(self.connection.getsockname()[0])

    def do_GET(self) -> None:
        target = parse_qs(urlsplit(self.path).query).get("to")
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def redirecting() -> Iterator[tuple[int, list[str]]]:
    """Serve at one port of every address of this machine; give the port and the addresses at which it was reached."""
    reached: list[str] = []
    handler = type("Handler", (Redirecting,), {"reached": reached})
    with contextlib.ExitStack() as stack:
        servers = [ThreadingHTTPServer(("0.0.0.0", 0), handler)]
        with contextlib.suppress(OSError):  # a machine without IPv6 cannot be reached by it either
            servers.append(Server6(("::1", servers[0].server_port), handler))
        for server in servers:
            stack.enter_context(server)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield servers[0].server_port, reached


def allows(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address == OUTSIDE or courser.public_addresses_only(address)


@pytest.mark.parametrize("host", HOSTS)
def test_a_redirect_to_an_address_inside_is_not_followed(world: World, host: str) -> None:
    with redirecting() as (port, reached):

        async def program(client: courser.AsyncClient) -> None:
            # The address outside is allowed, and the first hop goes there.
            await client.get(f"http://{OUTSIDE}:{port}/", params={"to": f"http://{host}:{port}/secret"})

        # What no sane program reads is refused as a URL, or as a redirect that has none; a name may be unknown here.
        with pytest.raises((courser.ConnectError, courser.RemoteProtocolError)) as caught:
            world.run(program, follow_redirects=True, connect_filter=allows)

        error = caught.value
        if isinstance(error, courser.ConnectError) and not isinstance(error, courser.AddressNotAllowed):
            assert str(error).startswith("looking up localhost")
        assert reached == [str(OUTSIDE)]


def test_a_redirect_to_an_address_that_is_allowed_is_followed(world: World) -> None:
    with redirecting() as (port, reached):

        async def program(client: courser.AsyncClient) -> courser.Response:
            return await client.get(f"http://{OUTSIDE}:{port}/", params={"to": f"http://{OUTSIDE}:{port}/next"})

        response = world.run(program, follow_redirects=True, connect_filter=allows)

        assert (response.status_code, response.url.path) == (200, "/next")
        assert set(reached) == {str(OUTSIDE)}


def test_a_name_that_leads_inside_on_the_second_hop_is_not_followed(world: World) -> None:
    answers = {"first.example": [str(OUTSIDE)], "second.example": ["127.0.0.1"]}

    class Names:
        def resolve(self, host: str, port: int) -> list[str]:
            return answers[host]

    with redirecting() as (port, reached):

        async def program(client: courser.AsyncClient) -> None:
            await client.get(f"http://first.example:{port}/", params={"to": f"http://second.example:{port}/"})

        with pytest.raises(courser.AddressNotAllowed, match=r"second\.example.* refuses 127\.0\.0\.1"):
            world.run(program, follow_redirects=True, connect_filter=allows, resolver=Names())
        assert reached == [str(OUTSIDE)]


def test_settings_of_a_transport_are_not_taken_where_one_is_given() -> None:
    for settings in ({"connect_filter": allows}, {"resolve": {"a.example": "127.0.0.1"}}, {"resolver": object()}):
        with pytest.raises(ValueError, match="belong to the transport that is given"):
            courser.Client(transport=courser.HTTPTransport(), **settings)
        with pytest.raises(ValueError, match="belong to the transport that is given"):
            courser.AsyncClient(transport=courser.AsyncHTTPTransport(), **settings)
