"""`Headers`: names without case, order, repeats, encodings, and what may not be set."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import Headers, InvalidHeader

names = st.sampled_from(["A", "a", "B-c", "b-C", "D"]) | st.from_regex(
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,6}", fullmatch=True
)
values = st.from_regex(r"[\t -~]{0,8}", fullmatch=True)
pair_lists = st.lists(st.tuples(names, values), max_size=8)


@pytest.mark.parametrize(
    "given_headers",
    [
        {"Accept": "a", "X-B": "b"},
        [("Accept", "a"), ("X-B", "b")],
        ((b"Accept", b"a"), (b"X-B", b"b")),
        {b"Accept": b"a", b"X-B": b"b"},
        Headers([("Accept", "a"), ("X-B", "b")]),
    ],
)
def test_headers_are_taken_in_every_form(given_headers: Any) -> None:
    headers = Headers(given_headers)

    assert headers.raw == [(b"Accept", b"a"), (b"X-B", b"b")]
    assert headers.fields == [(b"Accept", b"accept", b"a"), (b"X-B", b"x-b", b"b")]


def test_no_headers_are_empty() -> None:
    assert (Headers().raw, Headers(None).raw, len(Headers())) == ([], [], 0)


def test_a_name_is_found_in_any_case() -> None:
    headers = Headers({"Content-Type": "text/plain"})

    assert headers["CONTENT-type"] == headers.get("content-TYPE") == "text/plain"
    assert headers.find(b"content-type") == b"text/plain"
    assert "cOntent-type" in headers
    assert ("Accept" in headers, 5 in headers, headers.get("Accept"), headers.get("Accept", "*")) == (
        False,
        False,
        None,
        "*",
    )
    assert headers.find(b"accept") is None
    with pytest.raises(KeyError, match="Accept"):
        headers["Accept"]


def test_a_repeated_field_is_joined_by_name_and_apart_in_the_list() -> None:
    headers = Headers([("Set-Cookie", "a"), ("X", "1"), ("set-cookie", "b")])

    assert headers["set-cookie"] == "a, b"
    assert headers.get_list("SET-COOKIE") == ["a", "b"]
    assert headers.multi_items() == [("set-cookie", "a"), ("x", "1"), ("set-cookie", "b")]
    assert list(headers) == list(headers.keys()) == ["set-cookie", "x"]
    assert list(headers.values()) == ["a, b", "1"]
    assert dict(headers.items()) == {"set-cookie": "a, b", "x": "1"}
    assert len(headers) == 3


def test_elements_of_a_list_can_be_split_at_commas() -> None:
    headers = Headers([("Vary", "a, b"), ("Vary", "c")])

    assert headers.get_list("vary") == ["a, b", "c"]
    assert headers.get_list("vary", split_commas=True) == ["a", "b", "c"]
    assert headers.get_list("none", split_commas=True) == []


@given(pair_lists)
def test_order_case_and_repeats_are_kept(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)

    assert headers.raw == [(name.encode(), value.encode()) for name, value in pairs]
    assert headers.multi_items() == [(name.lower(), value) for name, value in pairs]
    for name, _ in pairs:
        assert headers[name] == ", ".join(value for other, value in pairs if other.lower() == name.lower())


@given(pair_lists, names, values)
def test_setting_replaces_in_place_and_drops_the_repeats(pairs: list[tuple[str, str]], name: str, value: str) -> None:
    headers = Headers(pairs)
    before = [pair for pair in headers.multi_items() if pair[0] != name.lower()]
    place = next((i for i, (other, _) in enumerate(pairs) if other.lower() == name.lower()), len(pairs))

    headers[name] = value

    assert headers.raw[place] == (name.encode(), value.encode())
    assert headers.get_list(name) == [value]
    assert [pair for pair in headers.multi_items() if pair[0] != name.lower()] == before


def test_deleting_takes_every_repeat() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])

    del headers["A"]

    assert headers.raw == [(b"B", b"2")]
    assert "a" not in headers
    with pytest.raises(KeyError):
        del headers["a"]


def test_update_replaces_what_it_names_and_repeats_what_it_repeats() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])
    assert headers["a"] == "1, 3"

    headers.update([("a", "4"), ("C", "5"), ("A", "6")])

    assert headers.raw == [(b"B", b"2"), (b"a", b"4"), (b"C", b"5"), (b"A", b"6")]
    assert headers["a"] == "4, 6"


def test_update_with_nothing_changes_nothing() -> None:
    headers = Headers({"A": "1"})

    headers.update()
    headers.update({})

    assert headers.raw == [(b"A", b"1")]


def test_headers_can_be_merged_with_the_operators_of_a_dict() -> None:
    headers = Headers({"A": "1", "B": "2"})

    assert (headers | {"b": "3"}).raw == [(b"A", b"1"), (b"b", b"3")]
    assert ({"b": "3", "C": "4"} | headers).raw == [(b"C", b"4"), (b"A", b"1"), (b"B", b"2")]
    assert headers.raw == [(b"A", b"1"), (b"B", b"2")]
    headers |= {"A": "5"}
    assert headers.raw == [(b"B", b"2"), (b"A", b"5")]


def test_a_copy_is_independent() -> None:
    headers = Headers({"A": "1"}, encoding="utf-8")
    copy = headers.copy()

    copy["A"] = "é"

    assert (headers["A"], copy["A"], copy.encoding) == ("1", "é", "utf-8")


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\r\nX: y", "\x1f", "\x7f", "\x08", "\x0b"])
@pytest.mark.parametrize("as_bytes", [False, True], ids=["str", "bytes"])
def test_a_control_character_is_refused_when_it_is_set(control: str, as_bytes: bool) -> None:
    bad: Any = f"a{control}b".encode() if as_bytes else f"a{control}b"
    good: Any = b"x" if as_bytes else "x"
    headers = Headers()

    with pytest.raises(InvalidHeader, match=r"^value of field .* holds a control character"):
        Headers([(good, bad)])
    with pytest.raises(InvalidHeader, match=r"^name of field"):
        Headers([(bad, good)])
    with pytest.raises(InvalidHeader):
        headers.update([(good, bad)])
    with pytest.raises(InvalidHeader):
        headers["x"] = bad
    assert headers.raw == []


@pytest.mark.parametrize("name", ["", " ", "a b", "a\t", " a"])
def test_a_name_that_is_empty_or_holds_a_space_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeader, match="is empty, or holds a space, colon or control character"):
        Headers({name: "x"})


def test_a_tab_may_stand_in_a_value() -> None:
    assert Headers({"A": "b\tc"})["a"] == "b\tc"


def test_a_refused_value_is_not_shown() -> None:
    with pytest.raises(InvalidHeader) as caught:
        Headers({"Authorization": "Bearer secret\n"})

    assert str(caught.value) == "value of field 'Authorization' holds a control character, b'\\n'"


@pytest.mark.parametrize("value", [None, 5, 1.5, ["a"]])
def test_a_value_is_text_or_bytes(value: Any) -> None:
    with pytest.raises(TypeError, match=f"value of field 'A' must be str or bytes, not {type(value).__name__}"):
        Headers({"A": value})


def test_a_name_is_text_or_bytes() -> None:
    with pytest.raises(TypeError, match="name of field must be str or bytes, not int"):
        Headers({5: "a"})  # type: ignore[dict-item]


def test_text_is_ascii_unless_an_encoding_is_given() -> None:
    with pytest.raises(InvalidHeader, match="value of field 'A' holds characters outside ASCII"):
        Headers({"A": "é"})
    with pytest.raises(InvalidHeader, match="holds characters outside iso-8859-1"):
        Headers({"A": "中"}, encoding="iso-8859-1")

    assert Headers({"A": "é"}, encoding="utf-8").raw == [(b"A", b"\xc3\xa9")]
    assert Headers({"A": "é"}, encoding="iso-8859-1").raw == [(b"A", b"\xe9")]


@pytest.mark.parametrize(
    ("value", "encoding", "text"),
    [(b"e", "ascii", "e"), (b"\xc3\xa9", "utf-8", "é"), (b"\xe9", "iso-8859-1", "é")],
)
def test_bytes_are_read_with_the_first_encoding_that_fits(value: bytes, encoding: str, text: str) -> None:
    headers = Headers([(b"A", value), (b"B", b"x")])

    assert headers.encoding == encoding
    assert headers["a"] == text
    assert headers.multi_items() == [("a", text), ("b", "x")]


def test_the_encoding_that_fits_is_found_anew_after_a_change() -> None:
    headers = Headers([(b"A", b"\xc3\xa9")])
    assert headers["a"] == "é"

    headers.update([(b"B", b"\xe9")])
    assert (headers.encoding, headers["b"]) == ("iso-8859-1", "é")

    del headers["a"], headers["b"]
    assert headers.encoding == "ascii"


def test_reading_does_not_change_what_may_be_set() -> None:
    headers = Headers([(b"A", b"\xc3\xa9")])
    assert headers["a"] == "é"

    with pytest.raises(InvalidHeader):
        headers["B"] = "é"


def test_an_encoding_can_be_set() -> None:
    headers = Headers([(b"A", b"\xc3\xa9")])

    headers.encoding = "iso-8859-1"

    assert headers["a"] == "Ã©"
    headers["A"] = "é"
    assert headers.raw == [(b"A", b"\xe9")]


def test_headers_are_equal_whatever_their_order_and_case() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])

    assert headers == Headers([("b", "2"), ("a", "1"), ("A", "3")])
    assert headers == [("a", "3"), ("B", "2"), ("A", "1")]
    assert Headers({"A": "1"}) == {"a": "1"}
    assert headers != Headers([("A", "1"), ("B", "2")])
    for other in [5, None, "A", [1], {"a": None}, {"a\n": "b"}]:
        assert headers != other


def test_headers_have_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(Headers())


def test_repr_hides_credentials_and_names_an_unusual_encoding() -> None:
    sensitive = ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "Api-Key", "X-Auth-Token"]

    assert repr(Headers({"A": "1"})) == "Headers({'a': '1'})"
    assert repr(Headers([("A", "1"), ("a", "2")])) == "Headers([('a', '1'), ('a', '2')])"
    assert repr(Headers([(b"A", b"\xe9")])) == "Headers({'a': 'é'}, encoding='iso-8859-1')"
    for name in sensitive:
        assert repr(Headers({name: "hidden"})) == f"Headers({{{name.lower()!r}: '[secure]'}})"


def test_fields_from_the_wire_are_adopted_and_not_copied() -> None:
    fields = [(b"A", b"a", b"1")]

    assert Headers.from_wire(fields).fields is fields
    assert Headers.from_wire(fields)["A"] == "1"
    assert Headers.from_wire(fields, {b"a": b"1"})["A"] == "1"


def test_an_index_that_was_given_is_forgotten_after_a_change() -> None:
    headers = Headers.from_wire([(b"A", b"a", b"1")], {b"a": b"1"})

    headers["A"] = "2"

    assert (headers["A"], headers.find(b"a")) == ("2", b"2")


@given(pair_lists)
def test_headers_survive_pickling(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)

    restored = pickle.loads(pickle.dumps(headers))

    assert (type(restored), restored.raw, restored.encoding) == (Headers, headers.raw, headers.encoding)


def test_an_encoding_survives_pickling() -> None:
    restored = pickle.loads(pickle.dumps(Headers({"A": "é"}, encoding="iso-8859-1")))

    assert (restored.encoding, restored["a"]) == ("iso-8859-1", "é")
