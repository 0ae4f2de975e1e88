"""Content codings: whole or not at all, in small steps, however the bytes are cut."""

import gzip
import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkings import cut, places
from courser_models import (
    Decoder,
    DecodingError,
    DecodingLimitExceeded,
    Response,
    _codecs,
    register_codec,
    supported_codings,
)
from courser_models._codecs import MAX_CODINGS, STEP, LimitedDecoder, decoder_for

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate (zlib)": ("deflate", zlib.compress),
    "deflate (raw)": ("deflate", raw_deflate),
    "x-deflate": ("x-deflate", zlib.compress),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "gzip, deflate": ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data))),
    "deflate, gzip, gzip": ("deflate, gzip, gzip", lambda data: gzip.compress(gzip.compress(zlib.compress(data)))),
    "br, zstd": ("br, zstd", lambda data: zstd.compress(brotli.compress(data))),
    "gzip, zstd, br": ("gzip, zstd, br", lambda data: brotli.compress(zstd.compress(gzip.compress(data)))),
}
SIMPLE = {coding: encode for coding, encode in ENCODERS.values() if coding in {"gzip", "deflate", "br", "zstd"}}
in_every_simple_coding = pytest.mark.parametrize("coding", SIMPLE)
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
    body=st.sampled_from(
        [
            *[gzip.compress(TEXT, mtime=0), zlib.compress(TEXT), raw_deflate(TEXT), gzip.compress(b"", mtime=0) * 2],
            *[brotli.compress(TEXT), zstd.compress(TEXT), zstd.compress(b"") * 2],
        ]
    ),
    damage=st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=3),
    places=places,
    coding=st.sampled_from(["gzip", "deflate", "gzip, deflate", "br", "zstd"]),
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


@pytest.mark.parametrize("junk", [b"junk", b"\0junk", b"\0\0\x1f\x8b", b"\0" + gzip.compress(b"x", mtime=0)])
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


@given(frames=st.lists(st.binary(max_size=50), min_size=1, max_size=4), places=places)
def test_zstd_of_several_frames_is_read_to_its_end(frames: list[bytes], places: list[int]) -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"  # RFC 8878 §3.1.2
    body = skippable.join(zstd.compress(frame) for frame in frames)

    assert decoded("zstd", cut(body, places)) == b"".join(frames)


def test_a_truncated_second_frame_raises_decoding_error() -> None:
    first, second = zstd.compress(b"first"), zstd.compress(b"second")

    for size in range(1, len(second)):
        with pytest.raises(DecodingError, match="zstd content ends early"):
            decoded("zstd", [first + second[:size]])


def test_a_zstd_window_above_8_mb_is_refused_before_memory_is_taken_for_it() -> None:
    options = {zstd.CompressionParameter.window_log: 24}
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(TEXT, zstd.ZstdCompressor.FLUSH_BLOCK) + compressor.flush()

    with pytest.raises(DecodingError, match=r"content is not valid zstd: .*too much memory"):
        decoded("zstd", [body])


@pytest.mark.parametrize("junk", [b"j", b"junk", b"\0", b"\0" * 20])
@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_bytes_after_br_and_zstd_content_raise_decoding_error(coding: str, place: int, junk: bytes) -> None:
    body = SIMPLE[coding](b"x")

    with pytest.raises(DecodingError, match=r"is not valid|ends early|followed by bytes that do not belong to it"):
        decoded(coding, cut(body + junk, [len(body) + place]))


@in_every_simple_coding
def test_an_empty_chunk_after_the_end_is_nothing(coding: str) -> None:
    assert decoded(coding, [b"", SIMPLE[coding](b"x"), b"", b""]) == b"x"


def test_a_check_sum_that_is_wrong_raises_decoding_error() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-5] ^= 1

    with pytest.raises(DecodingError, match=r"content is not valid gzip: .*incorrect data check"):
        decoded("gzip", [bytes(body)])


@pytest.mark.parametrize(
    "coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "deflate, gzip", "br, br", "zstd, zstd", "zstd, br"]
)
def test_a_bomb_unfolds_in_steps(coding: str) -> None:
    size = 20 * STEP + 7
    body = b"\0" * size
    for name in coding.split(", "):
        body = SIMPLE[name](body)
    decoder = decoder_for(coding)
    assert decoder is not None
    assert len(body) < size // 100

    total = 0
    for piece in decoder.decode(body):
        assert 0 < len(piece) <= STEP
        total += len(piece)

    assert (total, decoder.flush()) == (size, b"")


@in_every_simple_coding
def test_a_bomb_that_is_given_up_has_unfolded_one_step(coding: str) -> None:
    decoder = decoder_for(coding)
    assert decoder is not None
    pieces = iter(decoder.decode(SIMPLE[coding](b"\0" * (20 * STEP))))

    assert 0 < len(next(pieces)) <= STEP
    assert 0 < len(next(pieces)) <= STEP


@in_every_simple_coding
@pytest.mark.parametrize("size", [STEP - 1, STEP, STEP + 1, 2 * STEP])
def test_content_of_whole_steps_is_whole(coding: str, size: int) -> None:
    for data in (random.Random(1).randbytes(size), b"\0" * size):
        assert decoded(coding, [SIMPLE[coding](data)]) == data
        with pytest.raises(DecodingError, match="ends early"):
            decoded(coding, [SIMPLE[coding](data)[:-1]])


@pytest.mark.parametrize(
    "value", ["", "identity", " identity , ", ",", "aes128gcm", "gzip, exi", "compress", "gzip;q=1", "gz ip"]
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


# What can be decoded here


def test_what_is_supported_is_what_a_request_may_accept() -> None:
    assert supported_codings() == "gzip, deflate, br, zstd"
    for name in supported_codings().split(", "):
        assert decoder_for(name) is not None


@pytest.fixture
def without_extras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The packages of the extras, as if they had never been installed."""
    for name in ("brotli", "brotlicffi", "backports", "backports.zstd", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    _codecs._can_make.cache_clear()
    yield
    monkeypatch.undo()
    _codecs._can_make.cache_clear()


@pytest.mark.usefixtures("without_extras")
@pytest.mark.parametrize(("coding", "extra"), [("br", "brotli"), ("zstd", "zstd"), ("gzip, br", "brotli")])
def test_a_coding_whose_extra_is_missing_is_not_offered_and_never_passes_for_content(coding: str, extra: str) -> None:
    assert supported_codings() == "gzip, deflate"
    with pytest.raises(DecodingError) as caught:
        Response(200, content=SIMPLE["br"](TEXT), headers={"Content-Encoding": coding})

    assert str(caught.value) == (
        f"content has the coding {coding.split()[-1]}, and what undoes it is not installed; "
        f"install courser-models[{extra}]"
    )


def test_a_brotli_without_limits_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Brotli11:
        error = ValueError

        class Decompressor:
            def process(self, data: bytes) -> bytes:
                return data

    monkeypatch.setitem(sys.modules, "brotli", Brotli11)
    _codecs._can_make.cache_clear()
    try:
        assert supported_codings() == "gzip, deflate, zstd"
        with pytest.raises(DecodingError, match=r"install courser-models\[brotli\] \(it needs brotli 1\.2 or later\)"):
            decoder_for("br")
    finally:
        _codecs._can_make.cache_clear()


def test_what_the_extras_install_is_imported_when_it_is_needed() -> None:
    program = (
        "import sys, courser_models as m; "
        "loaded = lambda: sorted({'brotli', 'brotlicffi', 'backports.zstd', 'compression.zstd'} & set(sys.modules)); "
        "m.Response(200, content=b'x', headers={'Content-Encoding': 'identity'}); "
        "assert loaded() == [], loaded(); "
        f"m.Response(200, content={brotli.compress(b'x')!r}, headers={{'Content-Encoding': 'br'}}); "
        "assert loaded() in (['brotli'], ['brotlicffi']), loaded()"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)

    assert (result.returncode, result.stderr) == (0, "")


# Codings of one's own


class Rot128:
    """A coding that anybody can follow: the highest bit of each byte is the other one."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        return [bytes(byte ^ 128 for byte in data)]

    def flush(self) -> bytes:
        return b"!"


@pytest.fixture
def codecs_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_codecs, "_CODECS", _codecs._CODECS.copy())


@pytest.mark.usefixtures("codecs_of_this_test")
def test_a_coding_that_was_registered_is_offered_and_undone() -> None:
    register_codec("Rot128", Rot128)

    assert supported_codings() == "gzip, deflate, br, zstd, rot128"
    assert decoded("ROT128", [b"\xe1\xe2"]) == b"ab!"
    response = Response(200, content=gzip.compress(b"\xe1\xe2"), headers={"Content-Encoding": "rot128, gzip"})
    assert response.content == b"ab!"


@pytest.mark.usefixtures("codecs_of_this_test")
def test_a_coding_that_is_there_is_exchanged_on_purpose_only() -> None:
    register_codec("gzip", _codecs.GzipDecoder)  # the one that is there
    with pytest.raises(ValueError, match="the content coding gzip is there already; replace=True exchanges it"):
        register_codec("GZip", Rot128)
    assert isinstance(decoder_for("gzip"), _codecs.GzipDecoder)

    register_codec("GZip", Rot128, replace=True)

    assert isinstance(decoder_for("gzip"), Rot128)


@pytest.mark.parametrize("name", ["", "a b", "a,b", "é", "identity", "IDENTITY", "a\n"])
def test_what_no_field_can_name_is_not_registered(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a content coding"):
        register_codec(name, Rot128)


@pytest.mark.usefixtures("codecs_of_this_test")
def test_of_several_threads_that_register_one_name_exactly_one_succeeds() -> None:
    successes: list[int] = []
    barrier = threading.Barrier(8)

    def register(number: int) -> None:
        def factory() -> Decoder:
            return Rot128()

        barrier.wait()
        try:
            register_codec("contested", factory)
        except ValueError:
            return
        successes.append(number)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(successes) == 1


# Limits


@given(st.lists(st.binary(max_size=20), max_size=8), st.integers(0, 100))
def test_content_may_have_as_many_bytes_as_the_limit_says_and_not_one_more(chunks: list[bytes], limit: int) -> None:
    decoder = LimitedDecoder(None, limit, None)
    received: list[bytes] = []

    def receive() -> None:
        for chunk in chunks:
            received.extend(decoder.decode(chunk))

    if sum(map(len, chunks)) <= limit:
        receive()
        assert b"".join(received) == b"".join(chunks)
    else:
        with pytest.raises(
            DecodingLimitExceeded, match=rf"^content has more than {limit} bytes \(max_decoded_bytes\)$"
        ):
            receive()
        assert sum(map(len, received)) <= limit


@in_every_simple_coding
def test_content_may_unfold_to_the_ratio_allowed_and_not_further(coding: str) -> None:
    body = SIMPLE[coding](b"\0" * (2 * STEP))
    ratio = 2 * STEP / len(body)

    def size(max_ratio: float) -> int:
        return sum(map(len, LimitedDecoder(decoder_for(coding), None, max_ratio).decode(body)))

    assert size(ratio) == 2 * STEP
    with pytest.raises(DecodingLimitExceeded, match=rf"more than [\d.]+ times the {len(body)} bytes received"):
        size(ratio * 0.99)


def test_content_of_one_step_has_no_ratio() -> None:
    body = gzip.compress(b" " * STEP)

    pieces = LimitedDecoder(decoder_for("gzip"), None, 10).decode(body)

    assert b"".join(pieces) == b" " * STEP
    assert len(body) * 10 < STEP


def test_the_limits_count_what_a_decoder_kept_for_the_end() -> None:
    decoder = LimitedDecoder(Rot128(), 2, None)
    assert b"".join(decoder.decode(b"ab")) == b"\xe1\xe2"

    with pytest.raises(DecodingLimitExceeded):
        decoder.flush()
