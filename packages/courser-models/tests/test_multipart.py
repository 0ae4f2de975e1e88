"""`files=`: a multipart form, laid out as browsers do it and safe against what names and types may hold."""

import io
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser, parse_options_header

from chunkings import cut, places
from colours import run
from courser_models import (
    URL,
    AsyncByteStream,
    BlockingByteStream,
    ByteStream,
    InvalidHeader,
    Request,
    StreamConsumed,
    SyncByteStream,
)
from courser_models._streams import FILE_READ_SIZE

FIXED = {"Content-Type": "multipart/form-data; boundary=B"}


class AsyncFile:
    """A file as anyio and aiofiles open it."""

    def __init__(self, content: bytes, can_seek: bool = True) -> None:
        self._file = io.BytesIO(content)
        if can_seek:
            self.seek, self.tell = self._seek, self._tell

    async def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    async def _seek(self, place: int) -> int:
        return self._file.seek(place)

    async def _tell(self) -> int:
        return self._file.tell()


class Pipe:
    """A file that can be read once, and whose length nobody knows."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def form(files: Any, data: Any = None, headers: Any = FIXED) -> Request:
    return Request("POST", "http://h/", files=files, data=data, headers=headers)


def part(head: str, content: str = "") -> str:
    return f"--B\r\n{head}\r\n\r\n{content}\r\n"


def body(request: Request) -> str:
    """Return the body, after a look at its length."""
    content = request.read() if isinstance(request.stream, SyncByteStream) else run(request.aread())
    if "transfer-encoding" not in request.headers:
        assert request.headers["content-length"] == str(len(content))
    return content.decode()


UPLOAD = 'Content-Disposition: form-data; name="f"; filename="upload"\r\nContent-Type: application/octet-stream'


# The parts


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (b"abc", part(UPLOAD, "abc")),
        (bytearray(b"abc"), part(UPLOAD, "abc")),
        ("é", part(UPLOAD, "é")),
        (io.BytesIO(b"abc"), part(UPLOAD, "abc")),
        (Pipe(b"abc"), part(UPLOAD, "abc")),
        (AsyncFile(b"abc"), part(UPLOAD, "abc")),
        (
            ("n.txt", b"abc"),
            part('Content-Disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/plain', "abc"),
        ),
        (
            ("n.txt", "abc", "text/x; charset=utf-8"),
            part(
                'Content-Disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/x; charset=utf-8',
                "abc",
            ),
        ),
        (
            ("n.txt", io.BytesIO(b"abc"), "text/x", {"X-A": "é", "X-B": "2"}),
            part(
                'Content-Disposition: form-data; name="f"; filename="n.txt"\r\n'
                "X-A: é\r\nX-B: 2\r\nContent-Type: text/x",
                "abc",
            ),
        ),
        (
            ("n.txt", b"abc", "text/x", {"content-TYPE": "z/z"}),
            part('Content-Disposition: form-data; name="f"; filename="n.txt"\r\ncontent-TYPE: z/z', "abc"),
        ),
        (
            ("n", b"", "a/b", [("Content-Disposition", "attachment")]),
            part("Content-Disposition: attachment\r\nContent-Type: a/b"),
        ),
        ((None, b"abc"), part('Content-Disposition: form-data; name="f"', "abc")),
        ((None, "abc", "a/b"), part('Content-Disposition: form-data; name="f"\r\nContent-Type: a/b', "abc")),
        (("", b"abc"), part('Content-Disposition: form-data; name="f"', "abc")),
        (
            ("data:text/html\r\nX-A: b,c", b""),
            part(
                'Content-Disposition: form-data; name="f"; filename="data:text/html%0D%0AX-A: b,c"\r\n'
                "Content-Type: application/octet-stream"
            ),
        ),
    ],
)
def test_a_file_is_its_content_or_a_tuple(file: Any, expected: str) -> None:
    assert body(form({"f": file})) == expected + "--B--\r\n"
    if not isinstance(file, (Pipe, AsyncFile)):
        assert body(form([("f", file)])) == expected + "--B--\r\n"


def test_fields_of_the_form_come_before_the_files() -> None:
    data = {"a": "1", "b": ["2", 3], "c": None, "d": True, "e": 1.5, "g": b"\xc3\xa9", 7: ()}

    request = form({"f": (None, b"x")}, data)

    named = [("a", "1"), ("b", "2"), ("b", "3"), ("c", ""), ("d", "true"), ("e", "1.5"), ("g", "é"), ("f", "x")]
    parts = [part(f'Content-Disposition: form-data; name="{name}"', value) for name, value in named]
    assert body(request) == "".join(parts) + "--B--\r\n"
    assert body(form({"f": (None, b"")}, [("a", "1"), ("a", "2")])).count('name="a"') == 2


def test_several_files_may_have_one_name() -> None:
    files = [("f", ("a", b"1", "x/y")), ("f", ("b", io.BytesIO(b"2"), "x/y")), ("f", ("a", b"3", "x/y"))]

    parts = [
        part(f'Content-Disposition: form-data; name="f"; filename="{name}"\r\nContent-Type: x/y', content)
        for name, content in [("a", "1"), ("b", "2"), ("a", "3")]
    ]
    assert body(form(files)) == "".join(parts) + "--B--\r\n"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ('a"b', "a%22b"),
        ("a\r\nb", "a%0D%0Ab"),
        ("a\x00\x1f\x7f\t", "a%00%1F%7F%09"),
        ("a%22;=\\'é中", "a%22;=\\'é中"),
        ("\ud800", "?"),
    ],
)
def test_names_are_escaped_as_browsers_do(name: str, escaped: str) -> None:
    head = f'Content-Disposition: form-data; name="{escaped}"'

    assert body(form({name: (None, b"")})) == part(head) + "--B--\r\n"
    assert (
        body(form({name: (name, b"", "a/b")}))
        == part(f'{head}; filename="{escaped}"\r\nContent-Type: a/b') + "--B--\r\n"
    )
    assert body(form({"f": (None, b"")}, {name: ""})).startswith(part(head))


@pytest.mark.parametrize(
    "file",
    [
        ("n", b"", "a/b\r\nX: y"),
        ("n", b"", "a/b\n"),
        ("n", b"", None, {"X": "a\r\nb"}),
        ("n", b"", None, {"X": "a\x00"}),
        ("n", b"", None, {"X: y\r\nZ": "a"}),
        ("n", b"", None, {"X:": "a"}),
        ("n", b"", None, {"": "a"}),
    ],
)
def test_what_would_break_a_part_open_is_refused(file: Any) -> None:
    with pytest.raises(InvalidHeader) as caught:
        form({"f": file})
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("files", "data", "message"),
    [
        ({"f": 5}, None, "^file 'f' must be bytes, text or a binary file, not int$"),
        ({"f": [b"a"]}, None, "^file 'f' must be bytes, text or a binary file, not list$"),
        ({"f": io.StringIO("a")}, None, "^file 'f' was opened as text; open it in binary mode, 'rb'$"),
        ({5: b"a"}, None, "^names in a form are text, not int$"),
        ({"f": (5, b"a", "a/b")}, None, "^names in a form are text, not int$"),
        ({"f": b"a"}, b"abc", "^data=… beside files=… is a form: a mapping, or a list of pairs$"),
        ({"f": b"a"}, {"a": {"b": 1}}, "^value of form field 'a' must be text, bytes or a number, not dict$"),
    ],
)
def test_what_is_no_file_or_field_is_refused(files: Any, data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        form(files, data)


@pytest.mark.parametrize("items", [("n",), ("n", b"", "a/b", {}, 5)])
def test_a_tuple_has_two_to_four_items(items: Any) -> None:
    with pytest.raises(ValueError, match=r"^file 'f' is \(filename, content\[, content type\[, headers\]\]\), not"):
        form({"f": items})


# The boundary


def test_a_boundary_cannot_be_guessed() -> None:
    seen = {form({"f": b""}, headers=None).headers["content-type"] for _ in range(20)}

    assert len(seen) == 20
    assert all(re.fullmatch("multipart/form-data; boundary=[0-9a-f]{32}", content_type) for content_type in seen)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b;c"', None),
        ('multipart/form-data; boundary="a b:c"; x=y', "a b:c"),
        ("multipart/mixed; boundary=" + "x" * 70, "x" * 70),
    ],
)
def test_the_boundary_is_the_callers_where_he_names_one(content_type: str, boundary: str | None) -> None:
    if boundary is None:
        with pytest.raises(InvalidHeader, match=r"^boundary 'a b;c' is not one"):
            form({"f": b""}, headers={"content-type": content_type})
        return
    for request in [
        form({"f": b""}, headers={"content-type": content_type}),
        Request.from_parts(
            "POST", URL("http://h/"), [(b"Content-Type", b"content-type", content_type.encode())], {}, files={"f": b""}
        ),
    ]:
        assert request.headers.get_list("content-type") == [content_type]
        assert body(request).startswith(f"--{boundary}\r\n")
        assert body(request).endswith(f"\r\n--{boundary}--\r\n")


@pytest.mark.parametrize("boundary", ["", '""', '"a "', "x" * 71, "é", "a*b", '"a\\"b"'])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(InvalidHeader, match="is not one: 1 to 70 letters"):
        form({"f": b""}, headers={b"Content-Type": b"multipart/form-data; boundary=" + boundary.encode()})


def test_a_multipart_type_without_a_boundary_gets_one() -> None:
    request = form({"f": b""}, headers=[("A", "1"), ("content-type", "multipart/form-data; "), ("B", "2")])

    match = re.fullmatch("multipart/form-data; boundary=([0-9a-f]{32})", request.headers["content-type"])
    assert match is not None
    assert body(request).startswith(f"--{match[1]}\r\n")
    assert [name for name, _ in request.headers.raw] == [b"Host", b"A", b"content-type", b"B", b"Content-Length"]


def test_a_type_that_is_not_multipart_stays_as_the_caller_said() -> None:
    assert form({"f": b""}, headers={"Content-Type": "text/x"}).headers["content-type"] == "text/x"


# The stream


def test_a_small_form_is_in_memory_at_once() -> None:
    request = form({"f": b"abc"}, {"a": "b"})

    assert isinstance(request.stream, ByteStream)
    assert request.content == request.read() == request.stream.read_all()


def test_a_large_content_is_not_copied() -> None:
    content = bytes(FILE_READ_SIZE + 1)

    request = form({"f": content, "g": content})

    assert not isinstance(request.stream, ByteStream)
    assert isinstance(request.stream, SyncByteStream)
    assert [chunk is content for chunk in request.stream] == [False, True, False, True, False]
    assert [chunk is content for chunk in run(chunks_of(request.stream))] == [False, True, False, True, False]
    assert pickle.loads(pickle.dumps(request)).read() == request.read()


async def chunks_of(stream: Any) -> list[bytes]:
    return [chunk async for chunk in stream]


def test_files_are_streamed_in_pieces_and_again(tmp_path: Path) -> None:
    path = tmp_path / "a file.bin"
    path.write_bytes(bytes(FILE_READ_SIZE + 1))

    with path.open("rb") as file:
        request = form({"f": file, "g": file}, {"a": "b"})
        stream: Any = request.stream
        sizes = [len(chunk) for chunk in stream]
        assert sizes[1:3] == sizes[4:6] == [FILE_READ_SIZE, 1]
        assert request.headers["content-length"] == str(sum(sizes))
        assert [len(chunk) for chunk in stream] == sizes
        assert [len(chunk) for chunk in run(chunks_of(stream))] == sizes
        assert b'name="g"; filename="a file.bin"\r\nContent-Type: application/octet-stream' in request.read()
        assert not file.closed


def test_a_file_is_sent_whole_wherever_it_stands() -> None:
    file = io.BytesIO()
    file.write(b"0123456789")

    assert body(form({"f": ("n", file, "a/b")})).endswith("\r\n\r\n0123456789\r\n--B--\r\n")


@pytest.mark.parametrize(
    ("name", "filename"),
    [("/a/b.bin", "b.bin"), (b"/a/b.bin", "b.bin"), (3, "upload"), ("<stdin>", "upload"), (None, "upload")],
)
def test_a_file_is_named_after_its_path(name: Any, filename: str) -> None:
    file = io.BytesIO(b"")
    if name is not None:
        file.name = name  # type: ignore[attr-defined]

    assert f'filename="{filename}"' in body(form({"f": file}))


def test_a_form_with_a_pipe_is_chunked_and_sent_once() -> None:
    request = form({"f": Pipe(b"abc")})
    stream: Any = request.stream

    assert (request.headers.get("content-length"), request.headers["transfer-encoding"]) == (None, "chunked")
    assert b"".join(stream).count(b"abc") == 1
    with pytest.raises(StreamConsumed):
        list(stream)


def test_a_form_with_an_async_file_is_for_async_programs() -> None:
    request = form({"f": AsyncFile(b"abc"), "g": io.BytesIO(b"def"), "h": b"ghi"})

    assert request.headers["transfer-encoding"] == "chunked"
    assert isinstance(request.stream, AsyncByteStream)
    assert not isinstance(request.stream, SyncByteStream)
    contents = [run(request.stream.aread_all()) for _ in range(2)]
    assert contents[0] == contents[1]
    assert [text in contents[0] for text in (b"\r\nabc\r\n", b"\r\ndef\r\n", b"\r\nghi\r\n")] == [True] * 3
    with pytest.raises(RuntimeError, match="aread"):
        request.read()


def test_files_are_read_where_the_transport_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    reads: list[bytes] = []

    async def in_thread(read: Callable[[], bytes]) -> bytes:
        reads.append(read())
        return reads[-1]

    async def collect(stream: BlockingByteStream) -> bytes:
        return b"".join([chunk async for chunk in stream.aiter_with(in_thread)])

    with path.open("rb") as file:
        request = form({"f": file, "g": io.BytesIO(b"def"), "h": AsyncFile(b"ghi")})
        assert isinstance(request.stream, BlockingByteStream)
        content = run(collect(request.stream))
        assert content == run(request.aread())

    assert reads == [b"abc", b""]


def test_a_form_with_files_survives_pickling_once_read() -> None:
    request = form({"f": io.BytesIO(b"abc")})
    content = request.read()

    assert pickle.loads(pickle.dumps(request)).content == content


def test_content_goes_before_files_and_files_before_json() -> None:
    assert Request("POST", "http://h/", content=b"c", files={"f": b""}).content == b"c"
    assert b"form-data" in Request("POST", "http://h/", json=1, files={"f": b""}).content
    assert Request("POST", "http://h/", json=1, files={}).content == b"1"
    assert Request("POST", "http://h/", data={"a": "b"}, files=[]).content == b"a=b"


# Read by somebody else

filled = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), min_size=1, max_size=12)
contents = st.binary(max_size=200) | st.lists(st.sampled_from([b"\r", b"\n", b"--B", b"--", b"x"])).map(b"".join)
wrappers: list[Callable[[bytes], Any]] = [bytes, io.BytesIO, Pipe]


def escaped(name: str) -> bytes:
    return re.sub('[\x00-\x1f\x7f"]', lambda match: f"%{ord(match[0]):02X}", name).encode()


@given(
    st.lists(st.tuples(filled, contents), max_size=3),
    st.lists(st.tuples(filled, st.none() | filled, contents, st.sampled_from(wrappers)), min_size=1, max_size=4),
    places,
)
def test_an_independent_parser_reads_what_went_in(fields: Any, files: Any, cuts: list[int]) -> None:
    request = Request(
        "POST",
        "http://h/",
        data=fields,
        files=[(name, (filename, wrap(content), "a/b")) for name, filename, content, wrap in files],
    )

    assert parsed(request.headers["content-type"], cut(request.read(), cuts)) == [
        *[(escaped(name), None, None, content) for name, content in fields],
        *[
            (escaped(name), None if filename is None else escaped(filename), b"a/b", content)
            for name, filename, content, _ in files
        ],
    ]


def parsed(content_type: str, chunks: list[bytes]) -> list[tuple[bytes, bytes | None, bytes | None, bytes]]:
    """Return name, filename, content type and content of each part, as python-multipart reads them."""
    found: list[dict[str, Any]] = []
    text = {"field": b"", "value": b""}

    def end_header() -> None:
        found[-1][text["field"].decode().lower()] = text["value"]
        text.update(field=b"", value=b"")

    def add(place: str) -> Callable[[bytes, int, int], None]:
        def callback(data: bytes, start: int, end: int) -> None:
            text[place] += data[start:end]

        return callback

    def add_content(data: bytes, start: int, end: int) -> None:
        found[-1]["content"] += data[start:end]

    ended: list[bool] = []
    parser = MultipartParser(
        content_type.partition("boundary=")[2],
        {
            "on_part_begin": lambda: found.append({"content": b""}),
            "on_part_data": add_content,
            "on_header_field": add("field"),
            "on_header_value": add("value"),
            "on_header_end": end_header,
            "on_end": lambda: ended.append(True),
        },
    )
    for chunk in chunks:
        parser.write(chunk)
    parser.finalize()
    assert ended == [True]
    parts = []
    for each in found:
        kind, options = parse_options_header(each["content-disposition"])
        assert kind == b"form-data"
        parts.append((options[b"name"], options.get(b"filename"), each.get("content-type"), each["content"]))
    return parts


def test_the_guess_of_a_type_needs_no_directory() -> None:
    assert "Content-Type: image/png" in body(form({"f": (os.path.join("a.txt", "b.png"), b"")}))
