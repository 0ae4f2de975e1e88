"""What callers may pass: one alias an argument, each a plain union that works with `Optional[...]` and `| None`."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

if typing.TYPE_CHECKING:
    from http.cookiejar import CookieJar

    from ._cookies import Cookies
    from ._headers import Headers
    from ._query import QueryParams
    from ._urls import URL

PrimitiveData = typing.Union[str, int, float, bool, None]

URLTypes = typing.Union["URL", str]

QueryParamTypes = typing.Union[
    "QueryParams",
    Mapping[str, typing.Union[PrimitiveData, Sequence[PrimitiveData]]],
    Sequence[tuple[str, PrimitiveData]],
    str,
    bytes,
]

HeaderTypes = typing.Union[
    "Headers",
    Mapping[str, str],
    Mapping[bytes, bytes],
    Sequence[tuple[str, str]],
    Sequence[tuple[bytes, bytes]],
]

CookieTypes = typing.Union["Cookies", "CookieJar", Mapping[str, str], Sequence[tuple[str, str]]]


class AsyncFile(typing.Protocol):
    """A file that is read by awaiting, as anyio and aiofiles open them."""

    async def read(self, size: int, /) -> bytes: ...


FileContent = typing.Union[typing.IO[bytes], AsyncFile, bytes, str]
FileTypes = typing.Union[
    FileContent,
    tuple[typing.Optional[str], FileContent],
    tuple[typing.Optional[str], FileContent, typing.Optional[str]],
    tuple[typing.Optional[str], FileContent, typing.Optional[str], Mapping[str, str]],
]
RequestFiles = typing.Union[Mapping[str, FileTypes], Sequence[tuple[str, FileTypes]]]

JSONEncoder = Callable[[typing.Any], typing.Union[str, bytes]]

# What makes a value of a body that is JSON: `json.loads`, `orjson.loads`. It is called with the bytes.
JSONDecoder = Callable[..., typing.Any]

RequestContent = typing.Union[str, bytes, Iterable[bytes], AsyncIterable[bytes], AsyncFile]
ResponseContent = typing.Union[str, bytes, Iterable[bytes], AsyncIterable[bytes]]
RequestData = Mapping[str, typing.Any]
RequestExtensions = Mapping[str, typing.Any]
ResponseExtensions = Mapping[str, typing.Any]

DefaultEncoding = typing.Union[str, Callable[[bytes], typing.Optional[str]]]
