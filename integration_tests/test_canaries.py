"""Secrets planted wherever a program may put them: no line of a log, `repr`, error or traceback ever shows one."""

import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import courser

from .sweeps.peer import abort, requests, serving
from .worlds import World

CANARY = "tweet-tweet"
BASIC = "dHdlZXQtdHdlZXQ6dHdlZXQtdHdlZXQ="  # the same twice, as Basic sends it
HEADERS = {"Authorization": f"Bearer {CANARY}", "X-Api-Key": CANARY, "Proxy-Authorization": f"Basic {CANARY}"}


def answers(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 404 No\r\nSet-Cookie: a={CANARY}\r\nContent-Length: 2\r\n\r\nno".encode())


def redirects(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: /?token={CANARY}\r\nSet-Cookie: a={CANARY}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )


def asks_for_more(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="x", nonce="y", qop="auth"\r\nContent-Length: 0\r\n\r\n'
        )


def sends_no_http(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nSet-Cookie: {CANARY}\r\n bad\x00line: {CANARY}\r\n\r\n".encode())


def is_silent(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.recv(1)


def resets(connection: socket.socket) -> None:
    for _ in requests(connection):
        abort(connection)
        return


def breaks_off(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nSet-Cookie: a={CANARY}\r\nContent-Length: 20\r\n\r\nno".encode())
        return


@pytest.mark.parametrize(
    "talk",
    [answers, redirects, asks_for_more, sends_no_http, is_silent, resets, breaks_off],
    ids=lambda it: it.__name__,
)
@pytest.mark.parametrize("kind", ["header", "userinfo", "basic", "digest", "bearer", "cookie", "body"])
def test_no_secret_is_shown(
    world: World, talk: Callable[[socket.socket], None], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    async def program(client: courser.AsyncClient) -> None:
        userinfo = f"{CANARY}:{CANARY}@" if kind == "userinfo" else ""
        arguments: dict[str, Any] = {
            "header": {"headers": HEADERS},
            "basic": {"auth": courser.BasicAuth(CANARY, CANARY)},
            "digest": {"auth": courser.DigestAuth(CANARY, CANARY)},
            "bearer": {"auth": courser.BearerAuth(CANARY)},
            "cookie": {"headers": {"Cookie": f"a={CANARY}"}},
            "body": {"content": CANARY},
        }.get(kind, {})
        url = f"http://{userinfo}127.0.0.1:{port}/?token={CANARY}"
        try:
            response = await client.request("POST", url, **arguments)
            shown.extend(
                [repr(response), repr(response.headers), repr(response.request), repr(response.request.headers)]
            )
            # A URL by itself shows all but its password: it is what it says.
            shown.extend([repr(response.cookies), repr(arguments.get("auth"))])
            response.raise_for_status()
        except (courser.HTTPError, courser.StreamError) as error:
            shown.extend([str(error), repr(error), *traceback.format_exception(error)])
        shown.append(repr(client.cookies))

    with serving(talk) as port:
        world.run(program, timeout=courser.Timeout(5.0, read=0.2), follow_redirects=True, max_redirects=3)
    shown.extend(record.getMessage() for record in caplog.records)
    shown.extend(record.exc_text or "" for record in caplog.records)
    assert shown
    for text in shown:
        # The line of this file that a traceback quotes names the constant, and shows nothing.
        assert CANARY not in text, text
        assert BASIC not in text, text
