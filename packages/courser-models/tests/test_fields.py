"""Values of fields: lists, parameters, media types and links, as their grammars have them, and never an exception."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import ContentType, Headers, Response
from courser_models._content_type import read_content_type
from courser_models._fields import read_links, split

hostile = st.text('a"\\;,=<> /', max_size=30)


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ", "text/html", {}),
        ("text/html;charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ("text/html; Charset=utf-8 ; a=b", "text/html", {"charset": "utf-8", "a": "b"}),
        ('text/html; charset="utf-8"', "text/html", {"charset": "utf-8"}),
        (r'a/b; c="d \"e\"; f"; g=h', "a/b", {"c": 'd "e"; f', "g": "h"}),
        ('a/b; c="never ends; d=e', "a/b", {"c": "never ends; d=e"}),
        ("a/b; c=1; c=2", "a/b", {"c": "1"}),
        ("a/b;; ;c", "a/b", {}),
        ("a/b; =c", "a/b", {}),
        ("application/vnd.api+json", "application/vnd.api+json", {}),
    ],
)
def test_a_content_type_is_a_media_type_and_parameters(value: str, media_type: str, parameters: dict[str, str]) -> None:
    assert read_content_type(value) == ContentType(media_type, parameters)
    assert Headers({"Content-Type": value}).content_type == (media_type, parameters)
    assert ContentType(media_type, parameters).charset == parameters.get("charset")


@pytest.mark.parametrize("value", ["", "html", "text/", "/html", "text /html", "a/b/c", "tëxt/html", ";charset=utf-8"])
def test_what_names_no_media_type_is_no_content_type(value: str) -> None:
    assert read_content_type(value) is None


def test_no_field_is_no_content_type() -> None:
    assert Headers().content_type is None


@pytest.mark.parametrize(
    ("value", "separator", "elements"),
    [
        ("", ",", [""]),
        ("a", ",", ["a"]),
        ("a,b , c", ",", ["a", "b", "c"]),
        ('"a,b",c', ",", ['"a,b"', "c"]),
        (r'"a\",b",c', ",", [r'"a\",b"', "c"]),
        ('"a,b', ",", ['"a,b']),
        ("a,b;c", ";", ["a,b", "c"]),
    ],
)
def test_a_separator_inside_a_quoted_string_separates_nothing(value: str, separator: str, elements: list[str]) -> None:
    assert split(value, separator) == elements


def test_a_list_field_is_split_outside_of_quoted_strings() -> None:
    headers = Headers([("If-None-Match", '"a,b", W/"c"'), ("If-None-Match", '"d"')])

    assert headers.get_list("if-none-match", split_commas=True) == ['"a,b"', 'W/"c"', '"d"']


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("", {}),
        ("<a>", {"a": {"url": "a"}}),
        ("<a>; rel=next", {"next": {"url": "a", "rel": "next"}}),
        (
            '<a>; rel="next", <b>; rel="last"',
            {"next": {"url": "a", "rel": "next"}, "last": {"url": "b", "rel": "last"}},
        ),
        ('<a>; rel="Start up"', {"start": {"url": "a", "rel": "Start up"}, "up": {"url": "a", "rel": "Start up"}}),
        ('<a,b;c>; rel=x; title="d, <e>; f"', {"x": {"url": "a,b;c", "rel": "x", "title": "d, <e>; f"}}),
        ("<a>; rel=x, <b>; rel=x", {"x": {"url": "b", "rel": "x"}}),
        (
            "<a>; rel=x; title=plain; title*=utf-8'de'gr%C3%BC%C3%9Fe",
            {"x": {"url": "a", "rel": "x", "title": "grüße", "title*": "utf-8'de'gr%C3%BC%C3%9Fe"}},
        ),
        ("nonsense", {}),
        ("<a", {}),
    ],
)
def test_links_stand_under_their_relations(value: str, links: dict[str, Any]) -> None:
    assert read_links(value) == links
    assert Response(200, headers={"Link": value}).links == links


@given(hostile)
def test_no_value_of_a_field_raises(value: str) -> None:
    read_content_type(value)
    read_links(value)
    for separator in ",;":
        assert "".join("".join(split(value, separator)).split()) == "".join("".join(_outside(value, separator)).split())


def _outside(value: str, separator: str) -> list[str]:
    """Return the characters of `value` without the separators outside of its quoted strings, read one by one."""
    kept, is_quoted, is_escaped = [], False, False
    for character in value:
        if is_escaped:
            is_escaped = False
        elif is_quoted and character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == separator and not is_quoted:
            continue
        kept.append(character)
    return kept
