"""Query parameters: an immutable multi-dict that keeps its order, repeats included.

Order is data: a signature is computed over `a=1&b=2&a=3` exactly as it stands, so nothing here regroups it.
"""

from __future__ import annotations

import typing
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView

from ._exceptions import InvalidURL
from ._types import QueryParamTypes


class QueryParams(Mapping[str, str]):
    """The parameters of a URL's query, in order (WHATWG URL §5, `application/x-www-form-urlencoded`).

    Takes a query text, a mapping (a list as value repeats the name), a list of pairs, or another `QueryParams`.
    Values may be `str`, `int`, `float`, `bool` (`true`, `false`) or None (an empty value). Nothing changes it:
    `set`, `add`, `remove` and `merge` return a new one. As a mapping it has each name once, with its first value;
    `multi_items` and `get_list` give the repeats. Two are equal when they have the same pairs in any order.

    Raises `InvalidURL` for bytes outside ASCII and, when it is written out, for lone surrogates; `TypeError` for
    what has no pairs.

    >>> str(QueryParams({"q": "b c", "page": [1, 2]}))
    'q=b+c&page=1&page=2'
    """

    __slots__ = ("_index", "_pairs")

    def __init__(self, *args: QueryParamTypes | None, **kwargs: typing.Any) -> None:
        if len(args) > 1:
            raise TypeError(f"QueryParams takes one argument, or keywords; got {len(args)} arguments")
        if args and kwargs:
            raise TypeError("QueryParams takes one argument, or keywords, not both")
        self._pairs = _pairs(args[0] if args else kwargs)
        self._index: dict[str, str] | None = None

    @classmethod
    def _adopt(cls, pairs: list[tuple[str, str]]) -> QueryParams:
        params = cls.__new__(cls)
        params._pairs = pairs
        params._index = None
        return params

    def _first(self) -> dict[str, str]:
        if self._index is None:
            self._index = dict(reversed(self._pairs))
            self._index = {name: self._index[name] for name, _ in self._pairs}
        return self._index

    def keys(self) -> KeysView[str]:
        """Return the names, each once, in order of first appearance."""
        return self._first().keys()

    def values(self) -> ValuesView[str]:
        """Return the first value of each name."""
        return self._first().values()

    def items(self) -> ItemsView[str, str]:
        """Return each name with its first value."""
        return self._first().items()

    def multi_items(self) -> list[tuple[str, str]]:
        """Return all pairs in order, repeats included."""
        return list(self._pairs)

    def get(self, key: str, default: typing.Any = None) -> typing.Any:
        """Return the first value of `key`, or `default`."""
        return self._first().get(str(key), default)

    def get_list(self, key: str) -> list[str]:
        """Return all values of `key`, in order."""
        key = str(key)
        return [value for name, value in self._pairs if name == key]

    def set(self, key: str, value: typing.Any = None) -> QueryParams:
        """Return a copy in which `key` has this value alone; it keeps the place of its first appearance."""
        key, text = str(key), primitive_text(value)
        pairs: list[tuple[str, str]] = []
        placed = False
        for name, old in self._pairs:
            if name != key:
                pairs.append((name, old))
            elif not placed:
                pairs.append((key, text))
                placed = True
        if not placed:
            pairs.append((key, text))
        return self._adopt(pairs)

    def add(self, key: str, value: typing.Any = None) -> QueryParams:
        """Return a copy with one more value for `key`, at the end."""
        return self._adopt([*self._pairs, (str(key), primitive_text(value))])

    def remove(self, key: str) -> QueryParams:
        """Return a copy without `key`."""
        key = str(key)
        return self._adopt([pair for pair in self._pairs if pair[0] != key])

    def merge(self, params: QueryParamTypes | None = None) -> QueryParams:
        """Return a copy in which each name of `params` has what `params` says of it, in the place that it had."""
        new: dict[str, list[tuple[str, str]]] = {}
        added = _pairs(params)
        for pair in added:
            new.setdefault(pair[0], []).append(pair)
        if new.keys().isdisjoint(name for name, _ in self._pairs):
            return self._adopt(self._pairs + added)
        pairs: list[tuple[str, str]] = []
        placed: set[str] = set()
        for pair in self._pairs:
            name = pair[0]
            if name not in new:
                pairs.append(pair)
            elif name not in placed:
                placed.add(name)
                pairs += new[name]
        return self._adopt(pairs + [pair for pair in added if pair[0] not in placed])

    def __getitem__(self, key: typing.Any) -> str:
        return self._first()[key]

    def __contains__(self, key: typing.Any) -> bool:
        return key in self._first()

    def __iter__(self) -> Iterator[str]:
        return iter(self._first())

    def __len__(self) -> int:
        return len(self._first())

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._pairs)))  # equal whatever the order, as __eq__ has it

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QueryParams):
            return False
        return sorted(self._pairs) == sorted(other._pairs)

    def __str__(self) -> str:
        try:
            return form_encode(self._pairs)
        except UnicodeEncodeError:
            raise InvalidURL("a query parameter has a lone surrogate, which no encoding can carry") from None

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__}({str(self)!r})"
        except InvalidURL:
            return f"{type(self).__name__}({self._pairs!r})"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self._pairs,)

    def update(self, params: QueryParamTypes | None = None) -> None:
        """Raise `RuntimeError`: query parameters are immutable, `merge` returns an updated copy."""
        raise RuntimeError("QueryParams are immutable; use `params = params.merge(...)`")

    def __setitem__(self, key: str, value: str) -> None:
        raise RuntimeError("QueryParams are immutable; use `params = params.set(key, value)`")


def primitive_text(value: typing.Any) -> str:
    """Return the text of a parameter or form value: `true`, `false`, nothing for None, else `str(value)`."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return ""
    return str(value)


def form_encode(pairs: Sequence[tuple[str, str]]) -> str:
    """Return pairs as `application/x-www-form-urlencoded` (WHATWG URL §5.2)."""
    import urllib.parse

    return urllib.parse.urlencode(pairs)


def flatten(data: Mapping[typing.Any, typing.Any]) -> list[tuple[str, str]]:
    """Return the pairs of a mapping, a list or tuple as value standing for repeats of its name."""
    pairs: list[tuple[str, str]] = []
    for name, value in data.items():
        if isinstance(value, (list, tuple)):
            pairs.extend((str(name), primitive_text(item)) for item in value)
        else:
            pairs.append((str(name), primitive_text(value)))
    return pairs


def _pairs(value: QueryParamTypes | Mapping[str, typing.Any] | None) -> list[tuple[str, str]]:
    if not value:
        return []
    if isinstance(value, QueryParams):
        return list(value._pairs)
    if isinstance(value, (str, bytes)):
        return _parse(value)
    if isinstance(value, Mapping):
        return flatten(value)
    pairs: list[tuple[str, str]] = []
    for pair in typing.cast(Iterable[object], value):
        if not isinstance(pair, Sequence) or isinstance(pair, (str, bytes)) or len(pair) != 2:
            raise TypeError(f"query parameters are pairs of a name and a value, not {type(pair).__name__}: {pair!r}")
        pairs.append((str(pair[0]), primitive_text(pair[1])))
    return pairs


def _parse(query: str | bytes) -> list[tuple[str, str]]:
    """Return the pairs of a query (WHATWG URL §5.1); escapes that are not UTF-8 become U+FFFD."""
    import urllib.parse

    if isinstance(query, bytes):
        try:
            query = query.decode("ascii")
        except UnicodeDecodeError:
            raise InvalidURL("query of a URL must be ASCII; escape the other bytes") from None
    return urllib.parse.parse_qsl(query, keep_blank_values=True)
