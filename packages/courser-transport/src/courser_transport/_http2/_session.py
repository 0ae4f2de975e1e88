"""`Session`: the rules of one HTTP/2 connection (RFC 9113), without a connection: bytes in, bytes out.

It sorts what arrives into the streams' inboxes, and keeps the windows. What is true between any two calls:

1. Whatever arrives as content, whoever it is for, is given back to the connection's window, so that is never lost.
   What one stream may leave lying is bounded by its own window, which is given back when somebody takes the content.
2. A stream that is not in `streams` is over for us; what still arrives for it is passed over, and counted.
3. A broken message fails its stream, a broken connection fails all of them, each with an error of its own.

A peer that keeps us busy with nothing is told to calm down (§10.5): so many frames without any progress, so long a
field block, so many pieces of it.
"""

from __future__ import annotations

import collections

from courser_models import TransportError

from .._config import Limits
from .._exceptions import RemoteProtocolError
from .._resend import http1_required, unheard, unprocessed
from . import _frames as f
from ._compression import Compression, ListTooLarge, Undecodable
from ._fields import FieldList, Malformed, content_length, response_fields, response_head
from ._stream import HTTP2Stream

MAX_INTERIM_RESPONSES = 32

# Frames that bring nobody forward: a peer may send so many before the next that does, or within a while. Those that
# want an answer of us weigh ten times as much.
_MAX_IDLE_FRAMES = 10_000
_ANSWERED = 10

# So many of them may come for each stream that we give up: what is under way to it is no fault of the peer's.
_GRACE = 1000

# So many answers may wait for a peer that asks, and takes none.
_MAX_ANSWERS = 1000

# Content in pieces smaller than this is put together once so many pieces wait: each costs more than it holds.
_SMALL_PIECE = 1024
_MANY_PIECES = 64
_LARGE_PIECE = 65536

_MAX_CONTINUATIONS = 64

# What a peer that has not spoken yet is taken to allow (§6.5.2 recommends that it be no less).
_STREAMS_AT_FIRST = 100


class _Broken(Exception):
    """The peer broke the connection's rules: an error code, and what it did, which goes on after its name."""

    def __init__(self, code: int, what: str) -> None:
        self.code = code
        self.what = what


class Session:
    """The state of one connection to `peer`; what is to be sent is in `outgoing`."""

    def __init__(self, peer: str, limits: Limits) -> None:
        self.peer = peer
        self.streams: dict[int, HTTP2Stream] = {}
        self.outgoing: list[bytes | memoryview] = []
        self.news: list[HTTP2Stream] = []
        """Streams that something has happened to, until whoever reads has told those who wait for it."""
        self.max_streams = _STREAMS_AT_FIRST
        """How many streams the peer allows at once."""
        self.is_draining = False
        """Whether no stream can be opened any more; those that are open go on."""
        self.failure: tuple[type[TransportError], str, BaseException | None] | None = None
        self.answers = 0
        """How many answers wait to be accepted, as far as whoever sends them has not set it to zero."""
        self.next_id = 1
        self._limits = limits
        self._compression = Compression(limits.max_head_size)
        self._partial = b""
        self._block: bytearray | None = None
        self._block_of = 0
        self._block_ends = False
        self._continuations = 0
        self._data_left = 0
        self._data_of = 0
        self._data_ends = False
        self._has_settings = False
        self._idle_frames = 0
        self._goodbye = ""
        self._send_window = f.DEFAULT_WINDOW
        self._stream_window = f.DEFAULT_WINDOW
        self._max_frame = f.SMALLEST_MAX_FRAME
        self._max_list = f.LARGEST_WINDOW
        self._receive_window = limits.http2_connection_window
        self._unreturned = 0
        self._begin()

    def _begin(self) -> None:
        values = {
            f.ENABLE_PUSH: 0,
            f.INITIAL_WINDOW_SIZE: self._limits.http2_stream_window,
            f.MAX_HEADER_LIST_SIZE: self._limits.max_head_size,
        }
        self.outgoing += [f.PREFACE, f.settings(values)]
        more = self._limits.http2_connection_window - f.DEFAULT_WINDOW
        if more > 0:
            self.outgoing.append(f.window_update(0, more))

    # Sending

    def open(self, fields: FieldList, method: str, ends: bool) -> HTTP2Stream:
        """Send a request's fields on a new stream; `ends` says that it has no content."""
        stream = HTTP2Stream(
            self.next_id, method, self._stream_window, max(self._limits.http2_stream_window, f.DEFAULT_WINDOW)
        )
        self._send_fields(stream, fields, ends)
        self.next_id += 2
        if self.next_id > f.LARGEST_STREAM:
            self.is_draining = True
        self.streams[stream.id] = stream
        return stream

    def send_trailers(self, stream: HTTP2Stream, fields: FieldList) -> None:
        """Send the fields after a request's content, which end it."""
        self._send_fields(stream, fields, ends=True)

    def _send_fields(self, stream: HTTP2Stream, fields: FieldList, ends: bool) -> None:
        block = self._compression.encode(fields)
        stream.has_sent_all = ends
        flags = f.END_STREAM if ends else 0
        if len(block) <= self._max_frame:
            self.outgoing.append(f.frame(f.HEADERS, flags | f.END_HEADERS, stream.id, block))
            return
        pieces = [block[start : start + self._max_frame] for start in range(0, len(block), self._max_frame)]
        self.outgoing.append(f.frame(f.HEADERS, flags, stream.id, pieces[0]))
        self.outgoing += [f.frame(f.CONTINUATION, 0, stream.id, piece) for piece in pieces[1:-1]]
        self.outgoing.append(f.frame(f.CONTINUATION, f.END_HEADERS, stream.id, pieces[-1]))

    def is_too_large(self, fields: FieldList) -> bool:
        """Return whether the peer has said that it takes no field list of this size (§6.5.2)."""
        return sum([len(name) + len(value) + 32 for name, value, _ in fields]) > self._max_list

    def window(self, stream: HTTP2Stream) -> int:
        """Return how much content may be sent on a stream now."""
        return min(stream.send_window, self._send_window)

    def send_data(self, stream: HTTP2Stream, content: bytes | memoryview, ends: bool) -> int:
        """Send as much content as the windows allow; return how much that is.

        `ends` says that nothing comes after it. Where nothing of it may be sent the stream is blocked.
        """
        size = min(len(content), self.window(stream))
        if size <= 0 and len(content):
            stream.is_blocked = True
            return 0
        ends = ends and size == len(content)
        if size < len(content):
            content = content[:size]
        self._send_window -= size
        stream.send_window -= size
        self.forgive()
        most = self._max_frame
        if size <= most:
            self.outgoing += [f.frame_head(f.DATA, f.END_STREAM if ends else 0, stream.id, size), content]
        else:
            last = (size - 1) // most * most
            head = f.frame_head(f.DATA, 0, stream.id, most)
            for start in range(0, last, most):
                self.outgoing += [head, content[start : start + most]]
            self.outgoing += [f.frame_head(f.DATA, f.END_STREAM if ends else 0, stream.id, size - last), content[last:]]
        stream.has_sent_all = ends
        return size

    def end(self, stream: HTTP2Stream, code: int) -> None:
        """Forget a stream; the peer is told, with `code`, where one side has not said all that it would."""
        if self.streams.pop(stream.id, None) is None:
            return
        if not (stream.is_ended and stream.has_sent_all) and self.failure is None:
            self.outgoing.append(f.reset(stream.id, code))
            self._idle_frames -= _GRACE

    def take(self, stream: HTTP2Stream, limit: int | None) -> bytes:
        """Return what is in the inbox, `limit` bytes at most, and let the peer send as much more, now or later."""
        content = stream.take(limit)
        stream.unreturned += len(content)
        if stream.unreturned * 2 >= self._limits.http2_stream_window and not stream.is_over:
            size, stream.unreturned = stream.unreturned, 0
            stream.receive_window += size
            self.outgoing.append(f.window_update(stream.id, size))
        return content

    def forgive(self) -> None:
        """Forget how many frames have brought nobody forward: it took them long, or something has moved."""
        if self._idle_frames > 0:
            self._idle_frames = 0

    def ping(self) -> None:
        """Ask whether the peer is there."""
        self.outgoing.append(f.frame(f.PING, 0, 0, b"courser?"))

    def say_goodbye(self) -> bytes:
        """Return our last frame."""
        return f.goaway(f.NO_ERROR)

    # Failing

    def fail(self, kind: type[TransportError], message: str, cause: BaseException | None = None) -> None:
        """End all streams, each with an error of its own that says the same."""
        if self.failure is not None:
            return
        self.failure = (kind, message, cause)
        self.is_draining = True
        streams, self.streams = list(self.streams.values()), {}
        for stream in streams:
            if not stream.is_ended:
                error = self.error()
                if stream.head is None and not stream.interim:
                    unheard(error)
                stream.failure = error
            self.news.append(stream)

    def error(self) -> TransportError:
        """Return a new error that says why the connection failed."""
        assert self.failure is not None
        kind, message, cause = self.failure
        error = kind(message)
        error.__cause__ = cause
        return error

    def hang_up(self) -> None:
        """Take the peer's goodbye on the connection below."""
        because = f" ({self._goodbye})" if self._goodbye else ""
        self.fail(RemoteProtocolError, f"{self.peer} closed the connection before its response was complete{because}")

    def _fail_stream(self, stream: HTTP2Stream, code: int, what: str) -> None:
        """End a stream whose message is broken (§8.1.1); the connection and the others go on."""
        stream.failure = RemoteProtocolError(f"{self.peer} {what}")
        self.streams.pop(stream.id, None)
        self.outgoing.append(f.reset(stream.id, code))
        self.news.append(stream)

    # Receiving

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        if self.failure is not None:
            return
        try:
            self._read_frames(data)
        except _Broken as broken:
            self.outgoing.append(f.goaway(broken.code))
            self.fail(RemoteProtocolError, f"{self.peer} {broken.what}")
        if self._unreturned * 2 >= self._limits.http2_connection_window and self.failure is None:
            self.outgoing.append(f.window_update(0, self._unreturned))
            self._receive_window += self._unreturned
            self._unreturned = 0

    def _read_frames(self, data: bytes) -> None:
        if self._partial:
            data, self._partial = self._partial + data, b""
        position, size = 0, len(data)
        while True:
            if self._data_left:  # content is handed on as it comes, and not collected until its frame is complete
                stop = min(position + self._data_left, size)
                if stop == position:
                    return
                self._data_left -= stop - position
                self._take_data(
                    self._data_of,
                    data[position:stop] if stop - position < size else data,
                    self._data_ends and not self._data_left,
                )
                position = stop
            if size - position < f.HEAD_SIZE:
                self._partial = data[position:]
                self._is_http2(data)
                return
            high, low, kind, flags, stream_id = f.read_frame_head(data, position)
            length = high << 8 | low
            if length > f.SMALLEST_MAX_FRAME:
                self._is_http2(data)
                raise _Broken(f.FRAME_SIZE_ERROR, f"sent a frame of {length} bytes; {f.SMALLEST_MAX_FRAME} is the most")
            if kind == f.DATA and length and not flags & f.PADDED and self._block is None and self._has_settings:
                self._data_left, self._data_of = length, stream_id & f.LARGEST_STREAM
                self._data_ends = bool(flags & f.END_STREAM)
                position += f.HEAD_SIZE
                self._count_data(length)
                continue
            stop = position + f.HEAD_SIZE + length
            if stop > size:
                self._partial = data[position:]
                self._is_http2(data)
                return
            self._take_frame(kind, flags, stream_id & f.LARGEST_STREAM, data[position + f.HEAD_SIZE : stop])
            position = stop

    def _is_http2(self, data: bytes) -> None:
        """Refuse a peer that begins to speak another protocol."""
        if not self._has_settings and data.startswith(b"HTTP/"):
            raise _Broken(f.PROTOCOL_ERROR, "speaks HTTP/1.1, and HTTP/2 was asked for; use http1=True, http2=False")

    def _take_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if not self._has_settings and (kind != f.SETTINGS or flags & f.ACK):
            raise _Broken(f.PROTOCOL_ERROR, "did not begin with its settings, as HTTP/2 does (RFC 9113 §3.4)")
        if self._block is not None and (kind != f.CONTINUATION or stream_id != self._block_of):
            raise _Broken(f.PROTOCOL_ERROR, "sent another frame in the middle of a field block")
        if kind in _ON_STREAMS and not stream_id:
            raise _Broken(f.PROTOCOL_ERROR, f"sent a frame of kind {kind} for no stream")
        if kind in _ON_CONNECTION and stream_id:
            raise _Broken(f.PROTOCOL_ERROR, f"sent a frame of kind {kind} for a stream")
        length = _LENGTHS.get(kind)
        if length is not None and len(payload) != length:
            raise _Broken(f.FRAME_SIZE_ERROR, f"sent a frame of kind {kind} with {len(payload)} bytes, not {length}")
        if kind == f.DATA:
            self._count_data(len(payload))
            content = _unpadded(flags, payload)
            self._take_data(stream_id, content, bool(flags & f.END_STREAM), len(payload) - len(content))
        elif kind == f.HEADERS:
            self._take_headers(flags, stream_id, payload)
        elif kind == f.CONTINUATION:
            self._take_continuation(flags, payload)
        elif kind == f.WINDOW_UPDATE:
            self._idle_frame()
            self._take_window(stream_id, f.number(payload))
        elif kind == f.SETTINGS:
            self._take_settings(flags, payload)
        elif kind == f.PING:
            self._take_ping(flags, payload)
        elif kind == f.RST_STREAM:
            self._take_reset(stream_id, f.error_number(payload))
        elif kind == f.GOAWAY:
            self._take_goaway(payload)
        elif kind == f.PUSH_PROMISE:
            raise _Broken(f.PROTOCOL_ERROR, "pushes, which it was told not to (RFC 9113 §8.4)")
        else:  # priorities, which were never of use, and what later documents define (§5.5)
            self._idle_frame()

    def _idle_frame(self, weight: int = 1) -> None:
        """Count a frame that brings nobody forward."""
        self._idle_frames += weight
        if self._idle_frames > _MAX_IDLE_FRAMES:
            raise _Broken(f.ENHANCE_YOUR_CALM, "sent thousands of frames that bring no exchange forward")

    def _answer(self, frame: bytes) -> None:
        """Answer a frame that wants it, as long as the peer takes our answers."""
        self.answers += 1
        if self.answers > _MAX_ANSWERS:
            raise _Broken(f.ENHANCE_YOUR_CALM, f"takes none of the answers to the {_MAX_ANSWERS} frames it has sent")
        self.outgoing.append(frame)

    def _stream_of(self, stream_id: int) -> HTTP2Stream | None:
        """Return an open stream; None for one that is over."""
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id >= self.next_id or not stream_id & 1:
                raise _Broken(f.PROTOCOL_ERROR, f"sent a frame for stream {stream_id}, which nobody has opened")
            self._idle_frame()
        return stream

    # Content

    def _count_data(self, length: int) -> None:
        """Count what arrives against the connection's window, and give it back, whoever it is for."""
        self._receive_window -= length
        if self._receive_window < 0:
            raise _Broken(f.FLOW_CONTROL_ERROR, "sent more content than the connection's window allows")
        self._unreturned += length

    def _take_data(self, stream_id: int, content: bytes, ends: bool, padding: int = 0) -> None:
        stream = self._stream_of(stream_id)
        if stream is None:
            return
        size = len(content)
        if size:
            self.forgive()
        elif not ends:
            self._idle_frame()
        stream.receive_window -= size + padding
        stream.unreturned += padding
        stream.received += size
        if stream.is_ended:
            self._fail_stream(stream, f.STREAM_CLOSED, "sent content after the end of its response")
        elif stream.head is None:
            self._fail_stream(stream, f.PROTOCOL_ERROR, "sent content before its response's head")
        elif stream.receive_window < 0:
            self._fail_stream(stream, f.FLOW_CONTROL_ERROR, "sent more content than the stream's window allows")
        elif stream.expected is not None and stream.received > stream.expected:
            self._fail_stream(stream, f.PROTOCOL_ERROR, f"sent more than the {stream.expected} body bytes it announced")
        else:
            if size:
                _put(stream.chunks, content)
            if ends:
                self._take_end(stream)
            self.news.append(stream)

    def _take_end(self, stream: HTTP2Stream) -> None:
        if stream.expected is not None and stream.received != stream.expected:
            what = f"ended its response after {stream.received} of {stream.expected} body bytes"
            self._fail_stream(stream, f.PROTOCOL_ERROR, what)
            return
        stream.is_ended = True
        if stream.has_sent_all:
            self.streams.pop(stream.id, None)

    # Fields

    def _take_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id >= self.next_id or not stream_id & 1:
            raise _Broken(f.PROTOCOL_ERROR, f"sent a response on stream {stream_id}, which nobody has opened")
        payload = _unpadded(flags, payload)
        if flags & f.HAS_PRIORITY:
            if len(payload) < 5:
                raise _Broken(f.FRAME_SIZE_ERROR, "sent a field block too short for its priority")
            payload = payload[5:]
        self._block_of, self._block_ends = stream_id, bool(flags & f.END_STREAM)
        if flags & f.END_HEADERS:
            self._take_block(payload)
            return
        self._block = bytearray(payload)
        self._continuations = 0

    def _take_continuation(self, flags: int, payload: bytes) -> None:
        if self._block is None:
            raise _Broken(f.PROTOCOL_ERROR, "continues a field block that nobody has begun")
        self._block += payload
        self._continuations += 1
        if self._continuations > _MAX_CONTINUATIONS or len(self._block) > self._limits.max_head_size:
            raise _Broken(
                f.ENHANCE_YOUR_CALM,
                f"sent a response head of more than {self._limits.max_head_size} bytes, which is the limit, or in more "
                f"than {_MAX_CONTINUATIONS} pieces",
            )
        if flags & f.END_HEADERS:
            block, self._block = bytes(self._block), None
            self._take_block(block)

    def _take_block(self, block: bytes) -> None:
        try:
            fields = self._compression.decode(block)
        except ListTooLarge:
            raise _Broken(
                f.ENHANCE_YOUR_CALM,
                f"sent a response head of more than {self._limits.max_head_size} bytes, which is the limit",
            ) from None
        except Undecodable as error:
            raise _Broken(f.COMPRESSION_ERROR, f"sent a field block that is not HPACK: {error}") from error
        stream = self._stream_of(self._block_of)
        if stream is None:
            return
        self.forgive()
        try:
            if len(fields) > self._limits.max_fields:
                limit = self._limits.max_fields
                raise Malformed(f"sent a response head of {len(fields)} fields; {limit} is the limit")
            self._take_fields(stream, fields, self._block_ends)
        except Malformed as malformed:
            self._fail_stream(stream, f.PROTOCOL_ERROR, str(malformed))
        else:
            self.news.append(stream)

    def _take_fields(self, stream: HTTP2Stream, fields: list[tuple[bytes, bytes]], ends: bool) -> None:
        if stream.is_ended:
            raise Malformed("sent fields after the end of its response")
        if stream.head is not None:
            if not ends:
                raise Malformed("sent fields in the middle of its response")
            stream.trailers = response_fields(fields)
            self._take_end(stream)
            return
        head = response_head(fields)
        if head[0] < 200:
            if ends:
                raise Malformed(f"ended its response with an interim one ({head[0]})")
            if len(stream.interim) >= MAX_INTERIM_RESPONSES:
                raise Malformed(f"sent more than {MAX_INTERIM_RESPONSES} interim (1xx) responses")
            stream.interim.append(head)
            return
        stream.expected = content_length(stream.method, head[0], head[2])
        stream.head = head
        if ends:
            self._take_end(stream)

    # The connection

    def _take_window(self, stream_id: int, increment: int) -> None:
        if not stream_id:
            if not increment:
                raise _Broken(f.PROTOCOL_ERROR, "opens its window by nothing")
            self._send_window += increment
            if self._send_window > f.LARGEST_WINDOW:
                raise _Broken(f.FLOW_CONTROL_ERROR, "opens the connection's window further than there are numbers")
            self._unblock(list(self.streams.values()))
            return
        stream = self._stream_of(stream_id)
        if stream is None:
            return
        stream.send_window += increment
        if not increment:
            self._fail_stream(stream, f.PROTOCOL_ERROR, "opens a stream's window by nothing")
        elif stream.send_window > f.LARGEST_WINDOW:
            self._fail_stream(stream, f.FLOW_CONTROL_ERROR, "opens a stream's window further than there are numbers")
        else:
            self._unblock([stream])

    def _unblock(self, streams: list[HTTP2Stream]) -> None:
        if self._send_window <= 0:
            return
        for stream in streams:
            if stream.is_blocked and stream.send_window > 0:
                stream.is_blocked = False
                self.news.append(stream)

    def _take_settings(self, flags: int, payload: bytes) -> None:
        self._idle_frame(_ANSWERED)
        if flags & f.ACK:
            if payload:
                raise _Broken(f.FRAME_SIZE_ERROR, "accepts our settings in more words than there are")
            return
        if len(payload) % 6:
            raise _Broken(f.FRAME_SIZE_ERROR, f"sent settings of {len(payload)} bytes, which are no settings")
        self._has_settings = True
        for name, value in f.read_settings(payload):
            self._take_setting(name, value)
        self._answer(f.frame(f.SETTINGS, f.ACK, 0))

    def _take_setting(self, name: int, value: int) -> None:
        if name == f.MAX_CONCURRENT_STREAMS:
            self.max_streams = value
        elif name == f.INITIAL_WINDOW_SIZE:
            if value > f.LARGEST_WINDOW:
                raise _Broken(f.FLOW_CONTROL_ERROR, f"sets a window of {value} bytes, which is no window")
            change, self._stream_window = value - self._stream_window, value
            for stream in self.streams.values():
                stream.send_window += change  # below zero, if need be (§6.9.2)
                if stream.send_window > f.LARGEST_WINDOW:
                    raise _Broken(f.FLOW_CONTROL_ERROR, "opens a stream's window further than there are numbers")
            self._unblock(list(self.streams.values()))
        elif name == f.MAX_FRAME_SIZE:
            if not f.SMALLEST_MAX_FRAME <= value <= f.LARGEST_MAX_FRAME:
                raise _Broken(f.PROTOCOL_ERROR, f"sets frames of {value} bytes, which HTTP/2 does not allow")
            self._max_frame = value
        elif name == f.HEADER_TABLE_SIZE:
            self._compression.resize(value)
        elif name == f.MAX_HEADER_LIST_SIZE:
            self._max_list = value
        elif name == f.ENABLE_PUSH and value:
            raise _Broken(f.PROTOCOL_ERROR, "sets whether it may push, which is not for a server to say")

    def _take_ping(self, flags: int, payload: bytes) -> None:
        if flags & f.ACK:
            self._idle_frame()
            return
        self._idle_frame(_ANSWERED)
        self._answer(f.frame(f.PING, f.ACK, 0, payload))

    def _take_reset(self, stream_id: int, code: int) -> None:
        stream = self._stream_of(stream_id)
        if stream is None:
            return
        del self.streams[stream_id]
        if not stream.is_ended:  # else the response is complete, and the rest of the request is not wanted (§8.1)
            hint = "; use a client with http2=False for it" if code == f.HTTP_1_1_REQUIRED else ""
            error = RemoteProtocolError(f"{self.peer} ended the exchange ({f.error_name(code)}){hint}")
            if stream.head is None:
                self._note_refusal(error, code)
            stream.failure = error
        self._idle_frames += 1
        stream.has_sent_all = True
        self.news.append(stream)

    def _note_refusal(self, error: TransportError, code: int) -> None:
        """Note on the error of a request that was not answered whether that is because it was refused."""
        if code == f.REFUSED_STREAM:
            unprocessed(error)
        elif code == f.HTTP_1_1_REQUIRED:
            http1_required(error)
            self.is_draining = True  # those that are under way may well be served, the next is better asked otherwise

    def _take_goaway(self, payload: bytes) -> None:
        self._idle_frame(_ANSWERED)
        if len(payload) < 8:
            raise _Broken(f.FRAME_SIZE_ERROR, "says goodbye in too few words")
        last, code = f.number(payload), f.error_number(payload, 4)
        words = payload[8:108].decode("ascii", "replace").strip()
        self.is_draining = True
        self._goodbye = f"it said goodbye: {f.error_name(code)}" + (f", {words!r}" if words else "")
        for stream in [stream for stream in self.streams.values() if stream.id > last]:
            del self.streams[stream.id]
            error = RemoteProtocolError(f"{self.peer} takes no more requests on this connection ({self._goodbye})")
            stream.failure = unprocessed(error, were_others=last > 0)
            self._note_refusal(error, code)
            self.news.append(stream)


_ON_STREAMS = {f.DATA, f.HEADERS, f.PRIORITY, f.RST_STREAM, f.CONTINUATION}
_ON_CONNECTION = {f.SETTINGS, f.PING, f.GOAWAY}
_LENGTHS = {f.RST_STREAM: 4, f.PING: 8, f.WINDOW_UPDATE: 4, f.PRIORITY: 5}


def _put(chunks: collections.deque[bytes | bytearray], content: bytes) -> None:
    """Put content into an inbox, in few pieces even where it comes in many."""
    if len(content) >= _SMALL_PIECE or len(chunks) < _MANY_PIECES:
        chunks.append(content)
        return
    last = chunks[-1]
    if isinstance(last, bytearray) and len(last) < _LARGE_PIECE:
        last += content
    else:
        chunks.append(bytearray(content))


def _unpadded(flags: int, payload: bytes) -> bytes:
    """Return what a frame carries, without the padding around it."""
    if not flags & f.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise _Broken(f.PROTOCOL_ERROR, "sent a frame with more padding than frame")
    return payload[1 : len(payload) - payload[0]]
