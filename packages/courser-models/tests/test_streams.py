"""Byte streams: read in their colour, once or again, and closed."""

import asyncio
import gzip
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colours import run
from courser_models import (
    AsyncByteStream,
    BlockingByteStream,
    ByteStream,
    StreamClosed,
    StreamConsumed,
    SyncByteStream,
)
from courser_models._streams import (
    FILE_READ_SIZE,
    AsyncFileByteStream,
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


@pytest.mark.parametrize(
    ("place", "from_start", "content"), [(0, False, b"abcd"), (2, False, b"cd"), (2, True, b"abcd")]
)
def test_a_file_is_read_from_where_it_stood_and_again(
    tmp_path: Path, place: int, from_start: bool, content: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcd")
    with path.open("rb") as disk:
        for file in (disk, io.BytesIO(b"abcd")):
            file.seek(place)
            stream = FileByteStream(file, from_start)
            assert stream.length == len(content)
            for _ in range(2):
                assert stream.read_all() == content
                assert run(stream.aread_all()) == content
                assert not file.closed


def test_a_file_that_grows_is_longer_than_it_was_and_the_transport_will_see(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"ab")
    with path.open("rb") as file:
        stream = FileByteStream(file)
        path.write_bytes(b"abcd")
        assert (stream.length, stream.read_all()) == (2, b"abcd")


def test_a_pipe_has_no_length_and_is_read_once() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"abc")
    os.close(writer)
    with open(reader, "rb") as file:
        stream = FileByteStream(file)
        assert stream.length is None
        assert stream.read_all() == b"abc"
        with pytest.raises(StreamConsumed):
            stream.read_all()


def test_a_device_tells_a_position_and_has_no_length() -> None:
    with open("/dev/zero", "rb") as file:
        assert FileByteStream(file).length is None


def test_an_unpacking_file_has_the_length_of_what_it_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))
    with gzip.open(path) as file:
        stream = FileByteStream(file)
        assert (stream.length, stream.read_all()) == (1000, b"x" * 1000)


def test_a_file_is_read_where_the_transport_wants_it_and_one_in_memory_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (FILE_READ_SIZE + 1))
    sizes = []

    async def in_thread(read: Callable[[], bytes]) -> bytes:
        data = await asyncio.to_thread(read)
        sizes.append(len(data))
        return data

    async def sent(file: Any) -> int:
        return sum([len(chunk) async for chunk in FileByteStream(file).aiter_with(in_thread)])

    with path.open("rb") as disk:
        assert run(sent(disk)) == FILE_READ_SIZE + 1
    assert sizes == [FILE_READ_SIZE, 1, 0]
    assert run(sent(io.BytesIO(b"abc"))) == 3
    assert sizes == [FILE_READ_SIZE, 1, 0]


def test_a_blocking_stream_says_what_is_missing_and_can_be_read_in_place() -> None:
    class Missing(BlockingByteStream):
        pass

    class Given(BlockingByteStream):
        async def aiter_with(
            self, in_thread: Callable[[Callable[[], bytes]], Awaitable[bytes]]
        ) -> AsyncIterator[bytes]:
            yield await in_thread(lambda: b"abc")

    with pytest.raises(NotImplementedError, match=r"^Missing must define aiter_with$"):
        run(Missing().aread_all())
    assert run(Given().aread_all()) == b"abc"


class AsyncFileDouble:
    """A file as the libraries of async files have them."""

    def __init__(self, content: bytes, is_pipe: bool = False) -> None:
        self._file = io.BytesIO(content)
        self._is_pipe = is_pipe

    async def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    async def tell(self) -> int:
        if self._is_pipe:
            raise OSError("underlying stream is not seekable")
        return self._file.tell()

    async def seek(self, place: int) -> int:
        return self._file.seek(place)


def test_an_async_file_is_read_from_where_it_stood_and_again() -> None:
    async def program() -> list[bytes]:
        file = AsyncFileDouble(b"abcd")
        await file.seek(1)
        stream = AsyncFileByteStream(file)
        return [await stream.aread_all(), await stream.aread_all()]

    assert run(program()) == [b"bcd", b"bcd"]


def test_an_async_file_that_cannot_seek_is_read_once() -> None:
    async def program() -> None:
        stream = AsyncFileByteStream(AsyncFileDouble(b"abcd", is_pipe=True))
        assert await stream.aread_all() == b"abcd"
        with pytest.raises(StreamConsumed):
            await stream.aread_all()

    run(program())


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
