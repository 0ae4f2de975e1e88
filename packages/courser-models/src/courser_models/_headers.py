"""`Headers`: the fields of a message, in order, as they go on the wire (RFC 9110 §5).

Fields are kept as triples `(name, lower name, value)` of bytes. What arrives from a peer is adopted as it is; an
index from lower name to value is built when somebody first asks for a field by name, and forgotten when a field
changes. A name or value that could break a message open is refused the moment it is set.
"""

from __future__ import annotations

import re
import typing
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, MutableMapping, ValuesView

from ._exceptions import InvalidHeader
from ._fields import split
from ._types import HeaderTypes

if typing.TYPE_CHECKING:
    from ._content_type import ContentType

Field = tuple[bytes, bytes, bytes]

_SENSITIVE = {
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"set-cookie",
    b"x-api-key",
    b"api-key",
    b"x-auth-token",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_NAME = re.compile(rb"[\x00-\x20:\x7f]")


class Headers(MutableMapping[str, str]):
    """The fields of a request or response: a mapping that ignores case, keeps order and repeats.

    Takes a mapping, a list of pairs (str or bytes), or another `Headers`. Reading a repeated field by name joins
    its values with `", "`. `encoding` is how text becomes bytes and back; without it text that is set must be ASCII,
    and bytes are read as ASCII, UTF-8 or ISO-8859-1, the first that fits all fields.

    Raises `InvalidHeader` for control characters in a name or value, or text outside the encoding; `TypeError` for
    anything but str and bytes.
    """

    __slots__ = ("_encoding", "_fitting", "_index", "_list")

    def __init__(self, headers: HeaderTypes | None = None, encoding: str | None = None) -> None:
        self._encoding = encoding
        self._fitting: str | None = None  # what `encoding` found, for as long as no field changes
        self._index: dict[bytes, bytes] | None = None
        self._list: list[Field]
        if headers is None:
            self._list = []
        elif isinstance(headers, Headers):
            self._list = list(headers._list)
            self._encoding = encoding or headers._encoding
        elif isinstance(headers, Mapping):
            self._list = [_field(name, value, encoding) for name, value in headers.items()]
        else:
            self._list = [_field(name, value, encoding) for name, value in headers]

    @classmethod
    def from_wire(cls, fields: list[Field], index: dict[bytes, bytes] | None = None) -> Headers:
        """Adopt fields that were checked already, without copying them.

        `index` maps each lower name to its value; give it only where no name repeats.
        """
        headers = cls.__new__(cls)
        headers._list = fields
        headers._index = index
        headers._encoding = headers._fitting = None
        return headers

    @property
    def encoding(self) -> str:
        """How values are read as text: as given, or the first of ASCII, UTF-8, ISO-8859-1 that fits every field."""
        if self._encoding is not None:
            return self._encoding
        if self._fitting is None:
            self._fitting = _fitting_encoding(self._list)
        return self._fitting

    @encoding.setter
    def encoding(self, value: str) -> None:
        self._encoding = value

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The fields as `(name, value)` pairs of bytes, in their order and original case."""
        return [(name, value) for name, _, value in self._list]

    @property
    def fields(self) -> list[Field]:
        """The fields as `(name, lower name, value)` triples: the list itself, for reading, not for changing."""
        return self._list

    def find(self, lower_name: bytes) -> bytes | None:
        """Return the value of a field by its lower-case name, repeats joined with `b", "`, or None."""
        index = self._index
        return (self._build_index() if index is None else index).get(lower_name)

    def _build_index(self) -> dict[bytes, bytes]:
        index: dict[bytes, bytes] = {}
        for _, lower, value in self._list:
            before = index.get(lower)
            index[lower] = value if before is None else b"%b, %b" % (before, value)
        self._index = index
        return index

    @property
    def content_type(self) -> ContentType | None:
        """The `Content-Type` field, taken apart; None where there is none, or it names no media type.

        >>> Headers({"Content-Type": 'Text/HTML; Charset="utf-8"'}).content_type
        ContentType(media_type='text/html', parameters={'charset': 'utf-8'})
        """
        for _, lower, value in reversed(self._list):
            if lower == b"content-type":
                from ._content_type import read_content_type

                return read_content_type(value.decode(self.encoding))
        return None

    def keys(self) -> KeysView[str]:
        """Return the names in lower case, each once."""
        return self._as_text().keys()

    def values(self) -> ValuesView[str]:
        """Return the value of each name, repeats joined with `", "`."""
        return self._as_text().values()

    def items(self) -> ItemsView[str, str]:
        """Return each lower-case name with its value, repeats joined with `", "`."""
        return self._as_text().items()

    def _as_text(self) -> dict[str, str]:
        encoding = self.encoding
        index = self._index or self._build_index()
        return {name.decode(encoding): value.decode(encoding) for name, value in index.items()}

    def multi_items(self) -> list[tuple[str, str]]:
        """Return all fields as `(lower name, value)`, in order, repeats apart."""
        encoding = self.encoding
        return [(lower.decode(encoding), value.decode(encoding)) for _, lower, value in self._list]

    def get(self, key: str, default: typing.Any = None) -> typing.Any:
        """Return the value of `key`, repeats joined with `", "`, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def get_list(self, key: str, split_commas: bool = False) -> list[str]:
        """Return every value of `key`; with `split_commas` each is also split at commas outside of quoted strings."""
        encoding = self.encoding
        wanted = key.lower().encode(encoding, "replace")
        values = [value.decode(encoding) for _, lower, value in self._list if lower == wanted]
        if not split_commas:
            return values
        return [element for value in values for element in split(value, ",")]

    def update(self, headers: HeaderTypes | None = None) -> None:  # type: ignore[override]  # HTTPX's signature
        """Replace the fields that `headers` names; what it repeats is repeated."""
        new = Headers(headers, self._encoding)._list
        if new:
            self._list = merge(self._list, new)
            self._index = self._fitting = None

    def copy(self) -> Headers:
        """Return a copy."""
        return Headers(self)

    def __getitem__(self, key: str) -> str:
        encoding = self.encoding
        value = self.find(key.lower().encode(encoding, "replace"))
        if value is None:
            raise KeyError(key)
        return value.decode(encoding)

    def __setitem__(self, key: str, value: str) -> None:
        field = _field(key, value, self._encoding)
        lower = field[1]
        fields: list[Field] = []
        placed = False
        for old in self._list:
            if old[1] != lower:
                fields.append(old)
            elif not placed:
                fields.append(field)
                placed = True
        if not placed:
            fields.append(field)
        self._list = fields
        self._index = self._fitting = None

    def __delitem__(self, key: str) -> None:
        lower = key.lower().encode(self.encoding, "replace")
        fields = [field for field in self._list if field[1] != lower]
        if len(fields) == len(self._list):
            raise KeyError(key)
        self._list = fields
        self._index = self._fitting = None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.find(key.lower().encode(self.encoding, "replace")) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._as_text())

    def __len__(self) -> int:
        return len(self._list)

    def __or__(self, other: HeaderTypes) -> Headers:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: HeaderTypes) -> Headers:
        merged = Headers(other, self._encoding)
        merged.update(self)
        return merged

    def __ior__(self, other: HeaderTypes) -> Headers:
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            if not isinstance(other, (Mapping, list, tuple)):
                return False
            try:
                other = Headers(other)
            except (TypeError, ValueError):
                return False
        return sorted(field[1:] for field in self._list) == sorted(field[1:] for field in other._list)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        encoding = self.encoding
        shown = [
            (lower.decode(encoding), "[secure]" if lower in _SENSITIVE else value.decode(encoding))
            for _, lower, value in self._list
        ]
        content: object = dict(shown) if len({name for name, _ in shown}) == len(shown) else shown
        suffix = "" if encoding == "ascii" else f", encoding={encoding!r}"
        return f"{type(self).__name__}({content!r}{suffix})"

    def __getstate__(self) -> tuple[list[Field], str | None]:
        return self._list, self._encoding

    def __setstate__(self, state: tuple[list[Field], str | None]) -> None:
        self._list, self._encoding = state
        self._index = self._fitting = None


def merge(fields: Iterable[Field], new: list[Field]) -> list[Field]:
    """Return `fields` without those that `new` names, followed by `new`."""
    names = {lower for _, lower, _ in new}
    return [field for field in fields if field[1] not in names] + new


def _field(name: str | bytes, value: str | bytes, encoding: str | None) -> Field:
    """Return the triple of one field; raises `InvalidHeader` where it could break a message open (RFC 9110 §5.5)."""
    raw_name = name if isinstance(name, bytes) else _encode(name, encoding, "name of field", name)
    if not isinstance(value, (bytes, str)):
        raise TypeError(f"value of field {name!r} must be str or bytes, not {type(value).__name__}")
    raw_value = value if isinstance(value, bytes) else _encode(value, encoding, "value of field", name)
    if not raw_name or _NOT_IN_NAME.search(raw_name) is not None:
        raise InvalidHeader(f"name of field {name!r} is empty, or holds a space, colon or control character")
    found = _CONTROL.search(raw_value)
    if found is not None:
        # The value itself is not shown: it may be a credential.
        raise InvalidHeader(f"value of field {name!r} holds a control character, {found[0]!r}")
    return raw_name, raw_name.lower(), raw_value


def _encode(text: str, encoding: str | None, what: str, name: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        raise InvalidHeader(
            f"{what} {name!r} holds characters outside {encoding or 'ASCII'}; give bytes, or Headers(…, encoding=…)"
        ) from None


def _fitting_encoding(fields: list[Field]) -> str:
    everything = b"\n".join([value for _, _, value in fields] + [name for name, _, _ in fields])
    if everything.isascii():
        return "ascii"
    try:
        everything.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1"
    return "utf-8"
