"""Both clients against httpbin, which tells in JSON what it understood: bodies, params, fields, codings, statuses."""

import datetime
import json
from typing import Any

import pytest

import courser

from .worlds import World


def test_a_get_arrives_with_params_and_fields(world: World, httpbin: str) -> None:
    response = world.fetch(
        "GET", f"{httpbin}/get", params={"q": "räder & more", "page": ["1", "2"]}, headers={"X-Token": "secret"}
    )

    understood = response.json()
    assert understood["args"] == {"q": "räder & more", "page": ["1", "2"]}
    assert understood["headers"]["X-Token"] == "secret"
    assert understood["headers"]["Host"] == httpbin.removeprefix("http://")
    assert understood["headers"]["Accept"] == "*/*"
    assert "gzip" in understood["headers"]["Accept-Encoding"]
    assert "courser" in understood["headers"]["User-Agent"]


def test_what_the_client_has_joins_what_the_request_says(world: World, httpbin: str) -> None:
    settings = {
        "base_url": f"{httpbin}/anything",
        "params": {"client": "1", "both": "client"},
        "headers": {"X-Client": "1", "X-Both": "client"},
    }

    response = world.fetch("GET", "below", settings=settings, params={"both": "request"}, headers={"X-Both": "request"})

    understood = response.json()
    assert understood["url"].split("?")[0] == f"{httpbin}/anything/below"
    assert understood["args"] == {"client": "1", "both": "request"}
    assert understood["headers"]["X-Client"] == "1"
    assert understood["headers"]["X-Both"] == "request"


def test_json_is_posted(world: World, httpbin: str) -> None:
    value = {"name": "Ω", "list": [1, None, True]}

    understood = world.fetch("POST", f"{httpbin}/post", json=value).json()

    assert understood["json"] == value
    assert understood["headers"]["Content-Type"] == "application/json"


def test_a_form_is_posted(world: World, httpbin: str) -> None:
    understood = world.fetch("POST", f"{httpbin}/post", data={"name": "Ω & co", "tag": ["a", "b"]}).json()

    assert understood["form"] == {"name": "Ω & co", "tag": ["a", "b"]}
    assert understood["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_bytes_are_posted(world: World, httpbin: str) -> None:
    understood = world.fetch("POST", f"{httpbin}/post", content=b"plain bytes").json()

    assert understood["data"] == "plain bytes"
    assert understood["headers"]["Content-Length"] == "11"


def test_text_is_posted_as_utf_8(world: World, httpbin: str) -> None:
    understood = world.fetch("POST", f"{httpbin}/post", content="Ω").json()

    assert understood["data"] == "Ω"
    assert understood["headers"]["Content-Length"] == "2"


def test_a_large_body_is_posted_whole(world: World, httpbin: str) -> None:
    body = "0123456789" * 100_000

    assert world.fetch("POST", f"{httpbin}/post", content=body).json()["data"] == body


def test_an_iterator_is_posted_in_chunks(world: World, httpbin: str) -> None:
    understood = world.fetch("POST", f"{httpbin}/post", content=world.pieces(b"one ", b"two ", b"three")).json()

    assert understood["data"] == "one two three"
    # waitress has decoded the chunks when httpbin looks, and puts the length that it counted in their place.
    assert understood["headers"]["Content-Length"] == "13"


def test_an_iterator_of_known_length_is_posted_as_one_body(world: World, httpbin: str) -> None:
    understood = world.fetch(
        "POST", f"{httpbin}/post", content=world.pieces(b"one ", b"two"), headers={"Content-Length": "7"}
    ).json()

    assert understood["data"] == "one two"


def test_an_empty_post_says_so(world: World, httpbin: str) -> None:
    understood = world.fetch("POST", f"{httpbin}/post").json()

    assert understood["data"] == ""
    assert understood["headers"]["Content-Length"] == "0"


@pytest.mark.parametrize("method", ["get", "put", "patch", "post", "delete"])
def test_every_method_has_its_verb(world: World, httpbin: str, method: str) -> None:
    async def program(client: courser.AsyncClient) -> courser.Response:
        response: courser.Response = await getattr(client, method)(f"{httpbin}/anything")
        return response

    assert world.run(program).json()["method"] == method.upper()


def test_options_lists_the_methods(world: World, httpbin: str) -> None:
    response = world.fetch("OPTIONS", f"{httpbin}/get")

    assert {"GET", "HEAD", "OPTIONS"} <= set(response.headers["allow"].split(", "))


def test_head_has_fields_and_no_body(world: World, httpbin: str) -> None:
    response = world.fetch("HEAD", f"{httpbin}/get")

    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 0
    assert response.content == b""


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 404, 418, 500, 503])
def test_statuses_arrive(world: World, httpbin: str, status: int) -> None:
    response = world.fetch("GET", f"{httpbin}/status/{status}")

    assert response.status_code == status
    assert response.is_success == (status < 300)
    assert response.is_client_error == (400 <= status < 500)
    assert response.is_server_error == (status >= 500)


def test_raise_for_status_names_the_status_and_the_url(world: World, httpbin: str) -> None:
    response = world.fetch("GET", f"{httpbin}/status/404")

    with pytest.raises(courser.HTTPStatusError, match=r"404 NOT FOUND.*/status/404") as caught:
        response.raise_for_status()
    assert caught.value.response is response
    assert caught.value.request is response.request


@pytest.mark.parametrize(("path", "told"), [("/gzip", "gzipped"), ("/deflate", "deflated")])
def test_content_codings_are_undone(world: World, httpbin: str, path: str, told: str) -> None:
    assert world.fetch("GET", f"{httpbin}{path}").json()[told] is True


def test_a_length_of_random_bytes_is_streamed(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> list[bytes]:
        async with client.stream("GET", f"{httpbin}/stream-bytes/10000?seed=1&chunk_size=333") as response:
            return [chunk async for chunk in response.aiter_bytes(chunk_size=1000)]

    chunks = world.run(program)

    assert [len(chunk) for chunk in chunks] == [1000] * 10
    assert b"".join(chunks) == world.fetch("GET", f"{httpbin}/bytes/10000?seed=1").content


def test_twenty_lines_of_json_come_in_chunks(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> list[dict[str, Any]]:
        async with client.stream("GET", f"{httpbin}/stream/20") as response:
            assert response.headers["transfer-encoding"] == "chunked"
            return [json.loads(line) async for line in response.aiter_lines()]

    assert [line["id"] for line in world.run(program)] == list(range(20))


def test_text_is_decoded_by_its_charset(world: World, httpbin: str) -> None:
    response = world.fetch("GET", f"{httpbin}/encoding/utf8")

    assert response.encoding == "utf-8"
    assert "STARGΛ̊TE SG-1" in response.text


def test_elapsed_covers_the_wait_for_the_answer(world: World, httpbin: str) -> None:
    response = world.fetch("GET", f"{httpbin}/delay/1")

    assert datetime.timedelta(seconds=1) <= response.elapsed < datetime.timedelta(seconds=10)


def test_a_request_can_be_built_first_and_sent_later(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> tuple[courser.Request, courser.Response]:
        request = client.build_request("PUT", f"{httpbin}/anything", json={"built": True})
        return request, await client.send(request)

    request, response = world.run(program)

    assert response.request is request
    assert response.url == request.url
    assert response.json()["json"] == {"built": True}


def test_a_sent_stream_is_read_and_closed_by_hand(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> tuple[bool, bytes, bool]:
        request = client.build_request("GET", f"{httpbin}/bytes/100?seed=1")
        response = await client.send(request, stream=True)
        closed_before = response.is_closed
        body = await response.aread()
        await response.aclose()
        return closed_before, body, response.is_closed

    closed_before, body, closed_after = world.run(program)

    assert (closed_before, len(body), closed_after) == (False, 100, True)
