"""What callers may pass: one alias an argument, each a plain union that works with `Optional[...]` and `| None`."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

if typing.TYPE_CHECKING:
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

RequestContent = typing.Union[str, bytes, Iterable[bytes], AsyncIterable[bytes]]
ResponseContent = typing.Union[str, bytes, Iterable[bytes], AsyncIterable[bytes]]
RequestData = Mapping[str, typing.Any]
RequestExtensions = Mapping[str, typing.Any]
ResponseExtensions = Mapping[str, typing.Any]

DefaultEncoding = typing.Union[str, Callable[[bytes], typing.Optional[str]]]
