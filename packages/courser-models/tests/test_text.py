"""Charsets, text, lines and exact pieces, on any chunking."""

import encodings
import encodings.aliases
import itertools
import pkgutil
import re
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkings import cut, places
from courser_models._text import ByteChunker, LineDecoder, TextChunker, TextDecoder, charset_of, is_charset

# Everything that str.splitlines would split at, and everything that ends a line.
line_texts = st.text(st.sampled_from("ab\n\r\u2028\u0085\x0b\x0c\x1c"), max_size=30)
unicode_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def all_of(machine: Any, chunks: Iterable[Any]) -> list[Any]:
    return [piece for chunk in chunks for piece in machine.decode(chunk)] + machine.flush()


def decoded(encoding: str, chunks: Iterable[bytes]) -> str:
    decoder = TextDecoder(encoding)
    return "".join(decoder.decode(chunk) for chunk in chunks) + decoder.flush()


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (None, None),
        ("", None),
        ("text/html", None),
        ("text/html; charset=utf-8", "utf-8"),
        ("text/html;CHARSET=UTF-8", "UTF-8"),
        ('text/html; charset="utf-8"', "utf-8"),
        ('text/html; charset="a\\"b"', 'a"b'),
        ("text/html ; x=y ;  charset = latin-1 ; z", "latin-1"),
        ("text/html; xcharset=utf-8", None),
        ("text/html; charset=", None),
        ('text/html; charset=""', ""),
        ("charset=utf-8", None),
        ('text/html; x="; charset=ascii"; charset=utf-8', "utf-8"),
    ],
)
def test_a_charset_is_read_as_rfc_9110_writes_it(content_type: str | None, charset: str | None) -> None:
    assert charset_of(content_type) == charset


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "latin-1", "iso-8859-15", "cp1252", "shift_jis", "gb18030", "utf-16", "utf-32-be"]
)
def test_an_encoding_of_text_is_a_charset(name: str) -> None:
    assert is_charset(name)


@pytest.mark.parametrize(
    "name",
    [
        *["", "no-such", "\0", "é", "utf-8\0", "hex", "base64", "rot13", "zlib", "bz2", "uu", "quopri"],
        *["unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape", "utf-7", "utf_7", "U7"],
        *["idna", "punycode", "undefined", "utf-8" + " " * 50],
    ],
)
def test_what_python_calls_an_encoding_but_peers_must_not_choose_is_no_charset(name: str) -> None:
    assert not is_charset(name)


@given(unicode_texts, places, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"]))
def test_text_comes_back_however_its_bytes_were_cut(text: str, places: list[int], encoding: str) -> None:
    assert decoded(encoding, cut(text.encode(encoding), places)) == text


@given(st.binary(max_size=20), places, st.sampled_from(["utf-8", "utf-16", "utf-32", "shift_jis", "ascii", "cp1252"]))
def test_any_bytes_are_read_in_pieces_as_they_are_read_whole(data: bytes, places: list[int], encoding: str) -> None:
    assert decoded(encoding, cut(data, places)) == data.decode(encoding, "replace")


def test_every_charset_reads_any_bytes_whole_and_in_pieces() -> None:
    random = Random(1)
    # Shift sequences of all kinds, and what may go wrong in them.
    bodies = [bytes(random.choices(b"\x1b$(BJ~{}\\N+-\x0e\x0f\xa4\xff0A", k=30)) for _ in range(50)]
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)} | set(encodings.aliases.aliases)
    charsets = [name for name in sorted(names) if is_charset(name)]

    assert len(charsets) > 300
    for charset in charsets:
        for body in bodies:
            body.decode(charset, "replace")
            assert isinstance(decoded(charset, [body[i : i + 1] for i in range(len(body))]), str)


def test_malformed_bytes_become_replacement_characters() -> None:
    assert decoded("utf-8", [b"a\xff", b"b\xc3"]) == "a\ufffdb\ufffd"


def test_a_character_cut_in_two_waits_for_its_other_half() -> None:
    decoder = TextDecoder("utf-8")

    assert [decoder.decode(b"a\xc3"), decoder.decode(b"\xa9"), decoder.flush()] == ["a", "é", ""]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\rc\n", ["a", "b", "c"]),
        ("\n", [""]),
        ("\r\n\r\n", ["", ""]),
        ("\n\r", ["", ""]),
        ("a\n\nb", ["a", "", "b"]),
        ("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg", ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"]),
    ],
)
def test_a_line_ends_with_lf_cr_or_crlf_and_nothing_else(text: str, lines: list[str]) -> None:
    assert all_of(LineDecoder(), [text]) == lines


@given(line_texts, places)
def test_lines_are_those_of_the_whole_text_however_it_was_cut(text: str, places: list[int]) -> None:
    lines = re.split("\r\n|\r|\n", text)
    if not lines[-1]:
        lines.pop()

    assert all_of(LineDecoder(), cut(text, places)) == lines


def test_a_cr_at_the_end_of_a_chunk_completes_its_line_at_once() -> None:
    decoder = LineDecoder()

    assert decoder.decode("a\r") == ["a"]
    assert decoder.decode("") == []
    assert decoder.decode("\nb") == []
    assert decoder.flush() == ["b"]


def test_a_long_line_in_many_chunks_is_joined_once() -> None:
    assert all_of(LineDecoder(), itertools.repeat("x" * 10, 20_000)) == ["x" * 200_000]


@given(st.binary(max_size=60), places, st.integers(1, 20))
def test_bytes_come_in_pieces_of_exactly_the_size_asked_for(data: bytes, places: list[int], size: int) -> None:
    expected = [data[start : start + size] for start in range(0, len(data), size)]

    assert all_of(ByteChunker(size), cut(data, places)) == expected


@given(unicode_texts, places, st.integers(1, 20))
def test_text_comes_in_pieces_of_exactly_the_size_asked_for(text: str, places: list[int], size: int) -> None:
    expected = [text[start : start + size] for start in range(0, len(text), size)]

    assert all_of(TextChunker(size), cut(text, places)) == expected


def test_a_piece_is_given_as_soon_as_it_is_complete() -> None:
    chunker = ByteChunker(3)

    assert [chunker.decode(b"ab"), chunker.decode(b"cdefg"), chunker.flush(), chunker.flush()] == [
        [],
        [b"abc", b"def"],
        [b"g"],
        [],
    ]


@pytest.mark.parametrize("machine", [ByteChunker, TextChunker])
@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused(machine: Any, size: int) -> None:
    with pytest.raises(ValueError, match=f"^chunk_size must be at least 1, not {size}$"):
        machine(size)
