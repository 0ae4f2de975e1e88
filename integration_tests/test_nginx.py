"""Both clients against nginx: what an ordinary web server does with bodies, codings, statuses and connections."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor

import courser

from .servers.certificates import Authority
from .servers.nginx import LARGE, REPETITIVE, SMALL, Nginx
from .worlds import World


def test_a_small_file_arrives_with_its_fields(world: World, nginx: Nginx) -> None:
    response = world.fetch("GET", f"{nginx.http}/small.json")

    assert response.status_code == 200
    assert response.reason_phrase == "OK"
    assert response.http_version == "HTTP/1.1"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["Content-Length"] == str(len(SMALL))
    assert response.content == SMALL
    assert response.json() == {"greeting": "hi"}


def test_a_large_file_arrives_whole(world: World, nginx: Nginx) -> None:
    response = world.fetch("GET", f"{nginx.http}/large.bin")

    assert response.content == LARGE


def test_a_large_file_can_be_streamed(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> tuple[str, int]:
        digest = hashlib.sha256()
        async with client.stream("GET", f"{nginx.http}/large.bin") as response:
            async for chunk in response.aiter_bytes():
                digest.update(chunk)
            return digest.hexdigest(), response.num_bytes_downloaded

    assert world.run(program) == (hashlib.sha256(LARGE).hexdigest(), len(LARGE))


def test_a_stream_that_is_left_early_does_not_disturb_the_next_request(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> bytes:
        async with client.stream("GET", f"{nginx.http}/large.bin") as response:
            async for _ in response.aiter_bytes():
                break
        return (await client.get(f"{nginx.http}/small.json")).content

    assert world.run(program, limits=courser.Limits(max_connections=1)) == SMALL


def test_output_compressed_on_the_fly_comes_in_chunks_and_is_decoded(world: World, nginx: Nginx) -> None:
    response = world.fetch("GET", f"{nginx.http}/gzip/repetitive.txt")

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.content == REPETITIVE


def test_raw_chunks_are_what_was_on_the_wire(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> bytes:
        async with client.stream("GET", f"{nginx.http}/gzip/repetitive.txt") as response:
            return b"".join([chunk async for chunk in response.aiter_raw()])

    assert world.run(program).startswith(b"\x1f\x8b")


def test_head_has_the_length_and_no_body(world: World, nginx: Nginx) -> None:
    response = world.fetch("HEAD", f"{nginx.http}/large.bin")

    assert response.headers["content-length"] == str(len(LARGE))
    assert response.content == b""


def test_answers_without_a_body_leave_the_connection_usable(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> list[courser.Response]:
        first = await client.get(f"{nginx.http}/small.json")
        return [
            first,
            await client.head(f"{nginx.http}/large.bin"),
            await client.get(f"{nginx.http}/204"),
            await client.get(f"{nginx.http}/small.json", headers={"If-None-Match": first.headers["etag"]}),
            await client.get(f"{nginx.http}/small.json"),
        ]

    responses = world.run(program)

    assert [response.status_code for response in responses] == [200, 200, 204, 304, 200]
    assert [response.content for response in responses] == [SMALL, b"", b"", b"", SMALL]
    assert len(connections_of(responses)) == 1


def test_errors_of_the_server_are_responses(world: World, nginx: Nginx) -> None:
    missing = world.fetch("GET", f"{nginx.http}/missing")
    broken = world.fetch("GET", f"{nginx.http}/500")

    assert (missing.status_code, missing.reason_phrase) == (404, "Not Found")
    assert (broken.status_code, broken.text) == (500, "broken on purpose")
    assert broken.is_server_error


def test_requests_in_a_row_share_one_connection(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> list[courser.Response]:
        return [await client.get(f"{nginx.http}/small.json") for _ in range(5)]

    assert len(connections_of(world.run(program))) == 1


def test_a_connection_that_the_server_closes_is_not_used_again(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> list[courser.Response]:
        return [await client.get(f"{nginx.http}/closing") for _ in range(3)]

    responses = world.run(program)

    assert {response.headers["connection"] for response in responses} == {"close"}
    assert len(connections_of(responses)) == 3


def test_a_server_may_limit_the_requests_of_a_connection(world: World, nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> list[courser.Response]:
        return [await client.get(f"{nginx.http}/three-a-connection") for _ in range(10)]

    responses = world.run(program)

    assert {response.text for response in responses} == {"ok"}
    assert len(connections_of(responses)) == 4


def test_an_upload_that_is_too_large_is_answered(world: World, nginx: Nginx) -> None:
    response = world.fetch("POST", f"{nginx.http}/upload", content=LARGE)

    assert response.status_code == 413


def test_everything_works_over_tls(world: World, nginx: Nginx, authority: Authority) -> None:
    async def program(client: courser.AsyncClient) -> list[courser.Response]:
        paths = ["/small.json", "/gzip/repetitive.txt", "/large.bin"]
        return [await client.get(f"{nginx.https}{path}") for path in paths]

    responses = world.run(program, verify=authority.client_context())

    assert [response.content for response in responses] == [SMALL, REPETITIVE, LARGE]
    assert len(connections_of(responses)) == 1


def test_concurrent_requests_share_the_connections_they_are_allowed(nginx: Nginx) -> None:
    async def main() -> list[courser.Response]:
        async with courser.AsyncClient(limits=courser.Limits(max_connections=5)) as client:
            return await asyncio.gather(*[client.get(f"{nginx.http}/small.json") for _ in range(200)])

    responses = asyncio.run(main())

    assert {response.content for response in responses} == {SMALL}
    assert len(connections_of(responses)) <= 5


def test_one_client_serves_many_threads(nginx: Nginx, authority: Authority) -> None:
    urls = [f"{base}/small.json" for base in (nginx.http, nginx.https)] * 80

    with (
        courser.Client(verify=authority.client_context(), limits=courser.Limits(max_connections=3)) as client,
        ThreadPoolExecutor(max_workers=8) as threads,
    ):
        responses = list(threads.map(client.get, urls))

    assert [response.content for response in responses] == [SMALL] * len(urls)


def connections_of(responses: list[courser.Response]) -> set[str]:
    """Return the numbers that nginx gave to the connections these came on."""
    return {response.headers["x-connection"] for response in responses}
