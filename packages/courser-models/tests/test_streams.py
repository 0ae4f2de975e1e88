"""Byte streams: read in their colour, once or again, and closed."""

import io
from collections.abc import AsyncIterator, Iterator

import pytest

from colours import run
from courser_models import AsyncByteStream, ByteStream, StreamClosed, StreamConsumed, SyncByteStream
from courser_models._streams import (
    FILE_READ_SIZE,
    AsyncIteratorByteStream,
    FileByteStream,
    IteratorByteStream,
    UnattachedStream,
)


async def chunks_of(stream: AsyncByteStream) -> list[bytes]:
    return [chunk async for chunk in stream]


class AsyncList:
    """An async iterable that can be iterated again."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def test_a_stream_in_memory_can_be_read_again_in_both_colours() -> None:
    stream = ByteStream(b"abc")

    for _ in range(2):
        assert (list(stream), stream.read_all()) == ([b"abc"], b"abc")
        assert (run(chunks_of(stream)), run(stream.aread_all())) == ([b"abc"], b"abc")
    stream.close()
    run(stream.aclose())
    assert stream.read_all() == b"abc"


def test_a_list_of_chunks_can_be_read_again() -> None:
    stream = IteratorByteStream([b"a", b"", b"b"])

    assert (list(stream), list(stream), stream.read_all()) == ([b"a", b"", b"b"], [b"a", b"", b"b"], b"ab")
    stream.close()


def test_a_generator_can_be_read_once() -> None:
    stream = IteratorByteStream(chunk for chunk in [b"a", b"b"])

    assert stream.read_all() == b"ab"
    with pytest.raises(StreamConsumed):
        stream.read_all()


def test_an_async_list_can_be_read_again() -> None:
    stream = AsyncIteratorByteStream(AsyncList(b"a", b"b"))

    assert run(chunks_of(stream)) == [b"a", b"b"]
    assert run(stream.aread_all()) == b"ab"


def test_an_async_generator_can_be_read_once() -> None:
    async def read_twice() -> bytes:
        async def generate() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        stream = AsyncIteratorByteStream(generate())
        content = await stream.aread_all()
        with pytest.raises(StreamConsumed):
            await stream.aread_all()
        return content

    assert run(read_twice()) == b"ab"


def test_a_file_is_read_in_large_pieces_and_stays_open() -> None:
    file = io.BytesIO(b"x" * (FILE_READ_SIZE + 1))
    stream = FileByteStream(file)

    assert [len(chunk) for chunk in stream] == [FILE_READ_SIZE, 1]
    stream.close()
    assert not file.closed


def test_closing_ends_a_generator_that_was_given_up() -> None:
    events = []

    def generate() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            events.append("ended")

    generator = generate()
    stream = IteratorByteStream(generator)
    chunks = iter(stream)
    assert next(chunks) == b"a"
    stream.close()
    stream.close()

    assert events == ["ended"]
    assert list(chunks) == []


def test_closing_ends_an_async_generator_that_was_given_up() -> None:
    events = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            events.append("ended")

    async def read_one_and_close() -> None:
        generator = generate()
        stream = AsyncIteratorByteStream(generator)
        chunks = stream.__aiter__()
        assert await anext(chunks) == b"a"
        await stream.aclose()
        await stream.aclose()
        assert events == ["ended"]
        assert [chunk async for chunk in chunks] == []

    run(read_one_and_close())

    assert events == ["ended"]


def test_a_subclass_that_gives_chunks_can_be_read_as_a_whole() -> None:
    class Sync(SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"a", b"b")

    class Async(AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in (b"a", b"b"):
                yield chunk

    assert Sync().read_all() == b"ab"
    assert run(Async().aread_all()) == b"ab"


def test_a_subclass_that_gives_no_chunks_says_what_is_missing() -> None:
    class Sync(SyncByteStream):
        pass

    class Async(AsyncByteStream):
        pass

    with pytest.raises(NotImplementedError, match=r"^Sync must define __iter__$"):
        Sync().read_all()
    with pytest.raises(NotImplementedError, match=r"^Async must define __aiter__$"):
        run(Async().aread_all())


def test_a_stream_that_was_lost_in_pickling_says_so() -> None:
    with pytest.raises(StreamClosed, match="does not survive pickling; read it before"):
        UnattachedStream().read_all()
    with pytest.raises(StreamClosed, match="does not survive pickling; read it before"):
        run(UnattachedStream().aread_all())
