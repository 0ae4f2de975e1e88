"""Content codings: whole or not at all, in small steps, however the bytes are cut."""

import gzip
import random
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkings import cut, places
from courser_models import SUPPORTED_CODINGS, DecodingError, _codecs
from courser_models._codecs import MAX_CODINGS, STEP, decoder_for


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate (zlib)": ("deflate", zlib.compress),
    "deflate (raw)": ("deflate", raw_deflate),
    "gzip, deflate": ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data))),
    "deflate, gzip, gzip": ("deflate, gzip, gzip", lambda data: gzip.compress(gzip.compress(zlib.compress(data)))),
}
in_every_coding = pytest.mark.parametrize(("coding", "encode"), ENCODERS.values(), ids=ENCODERS.keys())

TEXT = b"The quick brown fox jumps over the lazy dog. " * 3


def decoded(coding: str, chunks: Iterable[bytes]) -> bytes:
    """Return the whole of what `chunks` unfold to, as a response reads them."""
    decoder = decoder_for(coding)
    assert decoder is not None
    pieces = [piece for chunk in chunks for piece in decoder.decode(chunk)]
    return b"".join(pieces) + decoder.flush()


@in_every_coding
@given(data=st.binary(max_size=300), places=places)
def test_content_comes_back_however_it_was_cut(
    coding: str, encode: Callable[[bytes], bytes], data: bytes, places: list[int]
) -> None:
    assert decoded(coding, cut(encode(data), places)) == data


@in_every_coding
def test_content_comes_back_byte_by_byte(coding: str, encode: Callable[[bytes], bytes]) -> None:
    body = encode(TEXT)

    assert decoded(coding, [body[i : i + 1] for i in range(len(body))]) == TEXT


@in_every_coding
def test_content_cut_short_at_any_byte_raises_decoding_error(coding: str, encode: Callable[[bytes], bytes]) -> None:
    body = encode(TEXT)

    for size in range(1, len(body)):
        for chunks in ([body[:size]], cut(body[:size], [size // 2])):
            with pytest.raises(DecodingError, match="ends early; part of it is missing"):
                decoded(coding, chunks)


@in_every_coding
def test_no_bytes_at_all_are_no_content(coding: str, encode: Callable[[bytes], bytes]) -> None:
    assert decoded(coding, []) == b""
    assert decoded(coding, [b"", b""]) == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_content_with_a_damaged_byte_raises_decoding_error(coding: str) -> None:
    body = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](TEXT)
    # The head of gzip holds a time and flags that no check sum covers.
    for place in range(10 if coding == "gzip" else 2, len(body)):
        damaged = body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]
        with pytest.raises(DecodingError):
            decoded(coding, [damaged])


@given(
    body=st.sampled_from([gzip.compress(TEXT), zlib.compress(TEXT), raw_deflate(TEXT), gzip.compress(b"") * 2]),
    damage=st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=3),
    places=places,
    coding=st.sampled_from(["gzip", "deflate", "gzip, deflate"]),
)
def test_hostile_content_is_decoded_or_refused_alike_however_it_was_cut(
    body: bytes, damage: list[tuple[int, bytes]], places: list[int], coding: str
) -> None:
    for place, patch in damage:
        body = body[:place] + patch + body[place + len(patch) :]

    def outcome(chunks: list[bytes]) -> bytes | None:
        try:
            return decoded(coding, chunks)
        except DecodingError:
            return None

    assert outcome(cut(body, places)) == outcome([body])


@given(members=st.lists(st.binary(max_size=50), min_size=1, max_size=4), places=places, padding=st.integers(0, 5))
def test_gzip_of_several_members_is_read_to_its_end(members: list[bytes], places: list[int], padding: int) -> None:
    body = b"".join(gzip.compress(member) for member in members) + b"\0" * padding

    assert decoded("gzip", cut(body, places)) == b"".join(members)


def test_a_truncated_second_member_raises_decoding_error() -> None:
    first, second = gzip.compress(b"first"), gzip.compress(b"second")

    for size in range(1, len(second)):
        with pytest.raises(DecodingError, match="ends early"):
            decoded("gzip", [first + second[:size]])


@pytest.mark.parametrize("junk", [b"junk", b"\0junk", b"\0\0\x1f\x8b", b"\0" + gzip.compress(b"x")])
@pytest.mark.parametrize("place", range(5))
def test_bytes_after_gzip_content_raise_decoding_error(junk: bytes, place: int) -> None:
    body = gzip.compress(b"x")

    with pytest.raises(DecodingError, match=r"not valid gzip|followed by bytes that do not belong to it"):
        decoded("gzip", [*cut(body + junk, [len(body) + place])])


@pytest.mark.parametrize("encode", [zlib.compress, raw_deflate])
@pytest.mark.parametrize("place", [0, 1, 4])
def test_bytes_after_deflate_content_raise_decoding_error(encode: Callable[[bytes], bytes], place: int) -> None:
    body = encode(b"x")

    with pytest.raises(DecodingError, match="deflate content is followed by bytes that do not belong to it"):
        decoded("deflate", cut(body + b"junk", [len(body) + place]))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_empty_chunk_after_the_end_is_nothing(coding: str) -> None:
    body = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](b"x")

    assert decoded(coding, [b"", body, b"", b""]) == b"x"


def test_a_check_sum_that_is_wrong_raises_decoding_error() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-5] ^= 1

    with pytest.raises(DecodingError, match=r"content is not valid gzip: .*incorrect data check"):
        decoded("gzip", [bytes(body)])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip", "deflate, gzip"])
def test_a_bomb_unfolds_in_steps(coding: str) -> None:
    size = 20 * STEP + 7
    body = b"\0" * size
    for name in coding.split(", "):
        body = gzip.compress(body) if name == "gzip" else zlib.compress(body)
    decoder = decoder_for(coding)
    assert decoder is not None
    assert len(body) < size // 100

    total = 0
    for piece in decoder.decode(body):
        assert 0 < len(piece) <= STEP
        total += len(piece)

    assert (total, decoder.flush()) == (size, b"")


def test_a_bomb_that_is_given_up_has_unfolded_one_step() -> None:
    decoder = decoder_for("gzip")
    assert decoder is not None
    pieces = iter(decoder.decode(gzip.compress(b"\0" * (20 * STEP))))

    assert len(next(pieces)) == STEP
    assert len(next(pieces)) == STEP


def test_content_of_exactly_one_step_is_whole() -> None:
    data = random.Random(1).randbytes(STEP)

    assert decoded("gzip", [gzip.compress(data)]) == data
    assert decoded("deflate", [zlib.compress(data)]) == data


@pytest.mark.parametrize(
    "value", ["", "identity", " identity , ", ",", "br", "gzip, br", "compress", "gzip;q=1", "gz ip"]
)
def test_content_in_no_coding_or_an_unknown_one_is_handed_over(value: str) -> None:
    assert decoder_for(value) is None


@pytest.mark.parametrize("value", ["GZIP", " gzip ", "identity, gzip", ",gzip,,", "X-Gzip"])
def test_the_name_of_a_coding_is_read_as_rfc_9110_writes_it(value: str) -> None:
    assert isinstance(decoder_for(value), _codecs.GzipDecoder)


def test_five_codings_are_undone_and_six_are_not() -> None:
    body = TEXT
    for _ in range(MAX_CODINGS):
        body = gzip.compress(body)

    assert MAX_CODINGS == 5
    assert decoded(", ".join(["gzip"] * 5), [body]) == TEXT
    with pytest.raises(DecodingError, match="content has 6 content codings; at most 5 are undone"):
        decoder_for(", ".join(["gzip"] * 6))


def test_the_coding_that_ends_early_is_named() -> None:
    with pytest.raises(DecodingError, match=r"deflate content ends early; part of it is missing \(coding 2 of 2\)"):
        decoded("deflate, gzip", [gzip.compress(zlib.compress(TEXT)[:-1])])


def test_what_is_supported_is_what_a_request_may_accept() -> None:
    assert SUPPORTED_CODINGS == "gzip, deflate"
    for name in SUPPORTED_CODINGS.split(", "):
        assert decoder_for(name) is not None
