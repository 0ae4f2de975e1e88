"""Reading a response piece by piece: the stages that content passes, and the two ways to pull it through them.

A stage turns an item into any number of others: bytes into decoded bytes, bytes into text, text into lines. Bytes and
text that are empty are left out, and lines are not: an empty line is a line.

Sync programs pull with a generator. Async programs get an object of their own, since an async generator that is left
half-way can end only when somebody awaits it, and a loop that breaks off does not.
"""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Generator, Iterable, Iterator

from ._codecs import Decoder
from ._exceptions import DecodingError
from ._streams import AsyncByteStream, SyncByteStream
from ._text import TextDecoder

if typing.TYPE_CHECKING:
    from ._response import Response

T = typing.TypeVar("T")


class Stage(typing.Protocol):
    """One step that content passes."""

    def decode(self, item: typing.Any, /) -> Iterable[typing.Any]:
        """Give what `item` completes."""
        ...

    def flush(self) -> Iterable[typing.Any]:
        """Give what is left at the end."""
        ...


class Decoding:
    """A stage that undoes a content coding."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decode(self, data: bytes) -> Iterable[bytes]:
        return filter(None, self._decoder.decode(data))

    def flush(self) -> Iterable[bytes]:
        return filter(None, (self._decoder.flush(),))


class Reading:
    """A stage from bytes to text."""

    def __init__(self, encoding: str) -> None:
        self._decoder = TextDecoder(encoding)

    def decode(self, item: bytes) -> Iterable[str]:
        return filter(None, (self._decoder.decode(item),))

    def flush(self) -> Iterable[str]:
        return filter(None, (self._decoder.flush(),))


Stages = tuple[Stage, ...]


def passed(stages: Stages, item: typing.Any) -> Iterator[typing.Any]:
    """Give what `item` becomes on its way through the stages."""
    if stages:
        for piece in stages[0].decode(item):
            yield from passed(stages[1:], piece)
    else:
        yield item


def flushed(stages: Stages) -> Iterator[typing.Any]:
    """Give what is left in the stages at the end."""
    for index, stage in enumerate(stages):
        for piece in stage.flush():
            yield from passed(stages[index + 1 :], piece)


def _of_content(stages: Stages, content: bytes) -> Iterator[typing.Any]:
    if content:
        yield from passed(stages, content)
    yield from flushed(stages)


def iterate(response: Response, stages: Stages, is_raw: bool = False) -> Generator[typing.Any, None, None]:
    """Give what the response's body becomes; the response is closed however that ends.

    `is_raw` leaves content codings in place. A response that was read gives what it has.
    """
    if not is_raw and response._is_read:
        yield from _of_content(stages, response.content)
        return
    stream = response._begin(SyncByteStream)
    try:
        if not is_raw:
            stages = (*response._decoding_stages(), *stages)
        for chunk in stream:
            if chunk:
                response._count(chunk)
                yield from passed(stages, chunk)
        yield from flushed(stages)
    except DecodingError as error:
        response._blame(error)
        raise
    finally:
        response.close()


class AsyncIteration(AsyncIterator[T]):
    """What a response's body becomes, for `async for`; `iterate` for async programs.

    Leaving it half-way leaves the response open, to be closed as it would be otherwise; `aclose` closes it too.
    """

    def __init__(self, response: Response, stages: Stages, is_raw: bool = False) -> None:
        self._response = response
        self._stages = stages
        self._is_raw = is_raw
        self._chunks: AsyncIterator[bytes] | None = None
        self._ready: Iterator[T] = iter(())
        self._is_last = False

    def __aiter__(self) -> AsyncIteration[T]:
        return self

    async def __anext__(self) -> T:
        response = self._response
        try:
            while True:
                for item in self._ready:
                    return item
                if self._is_last:
                    break
                if self._chunks is None and not self._begin():
                    continue
                try:
                    assert self._chunks is not None
                    chunk = await self._chunks.__anext__()
                except StopAsyncIteration:
                    self._is_last = True
                    self._ready = flushed(self._stages)
                else:
                    if chunk:
                        response._count(chunk)
                        self._ready = passed(self._stages, chunk)
        except BaseException as error:
            if isinstance(error, DecodingError):
                response._blame(error)
            if self._chunks is not None:
                await response.aclose()
            raise
        if self._chunks is not None:
            await response.aclose()
        raise StopAsyncIteration

    def _begin(self) -> bool:
        """Open the stream; where the response was read before, get ready what it has instead."""
        response = self._response
        if not self._is_raw and response._is_read:
            self._is_last = True
            self._ready = _of_content(self._stages, response.content)
            return False
        stream = response._begin(AsyncByteStream)
        self._chunks = stream.__aiter__()
        if not self._is_raw:
            self._stages = (*response._decoding_stages(), *self._stages)
        return True

    async def aclose(self) -> None:
        """Close the response; nothing more will come."""
        self._is_last = True
        self._ready = iter(())
        await self._response.aclose()
