"""A server on loopback with a little of every service: chats, a hub of models, tokens, caches, events, echoes.

Each service is a function of a request that returns an answer, in the table at the end. `Server.requests` remembers
what was asked, so that a test can tell what did not reach the server at all.
"""

import base64
import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclasses.dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    args: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class Answer:
    """What goes back; `body` may be a list of pieces, which are sent one by one as chunks."""

    body: bytes | list[bytes] = b""
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """The server, and what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Asked] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that leaves in the middle of its request is what some tests are about."""

    def asked(self, path: str) -> list[Asked]:
        """Return the requests for `path`, the oldest first."""
        return [request for request in self.requests if request.path == path]


@contextlib.contextmanager
def run_server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def handle_any(self) -> None:
        target = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, target.path, dict(parse_qsl(target.query)), headers, self._body())
        self.server.requests.append(asked)
        for prefix, service in SERVICES.items():
            if asked.path.startswith(prefix):
                self._reply(service(asked, self.server))
                return
        self._reply(Answer(b"no such service", 404))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        is_stream = isinstance(answer.body, list)
        framing = {"transfer-encoding": "chunked"} if is_stream else {"content-length": str(len(answer.body))}
        for name, value in {**framing, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in answer.body if is_stream else [answer.body]:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_stream else piece)
        if is_stream:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), status, {"content-type": "application/json", **headers})


def _events(*values: object, names: bool = False) -> Answer:
    """Return server-sent events, cut where they hurt: within a line."""
    text = "".join(
        (f"event: {value['type']}\n" if names else "") + f"data: {json.dumps(value)}\n\n" for value in values
    )
    if not names:
        text += "data: [DONE]\n\n"
    middle = len(text) // 2
    pieces = [text[:middle].encode(), text[middle:].encode()]
    return Answer(pieces, headers={"content-type": "text/event-stream"})


# The services.


def echo(asked: Asked, server: Server) -> Answer:
    """Tell the request back."""
    return _json(
        {
            "method": asked.method,
            "path": asked.path,
            "args": asked.args,
            "headers": asked.headers,
            "body": asked.body.decode("latin-1"),
        }
    )


def flaky(asked: Asked, server: Server) -> Answer:
    """Fail the first time that a path is asked for."""
    if len(server.asked(asked.path)) == 1:
        return _json({"error": {"message": "try again"}}, 503, **{"retry-after": "0"})
    return _json({"attempts": len(server.asked(asked.path))})


def cached(asked: Asked, server: Server) -> Answer:
    """May be kept for an hour."""
    count = len(server.asked(asked.path))
    return _json({"count": count}, **{"cache-control": "max-age=3600", "etag": '"1"'})


def events(asked: Asked, server: Server) -> Answer:
    text = "event: greeting\ndata: hello\u2028there\nid: 1\n\ndata: two\ndata: lines\n\n".encode()
    return Answer([text[:20], text[20:]], headers={"content-type": "text/event-stream"})


def token(asked: Asked, server: Server) -> Answer:
    """Give a token to a client that knows its secret (RFC 6749 §4.4)."""
    expected = "Basic " + base64.b64encode(b"me:my secret").decode()
    form = dict(parse_qsl(asked.body.decode()))
    if asked.headers.get("authorization") != expected:
        return _json({"error": "invalid_client"}, 401)
    return _json({"access_token": f"token for {form['grant_type']}", "token_type": "Bearer", "expires_in": 3600})


def protected(asked: Asked, server: Server) -> Answer:
    return _json({"authorization": asked.headers.get("authorization")})


def openai(asked: Asked, server: Server) -> Answer:
    """A chat that says the question back, in pieces where that is asked for; and a place for files."""
    if asked.path.endswith("/models"):
        refusal = {"error": {"message": "no such key", "type": "invalid_request_error", "code": "invalid_api_key"}}
        return _json(refusal, 401)
    if asked.path.endswith("/files"):
        file = {"id": "file-1", "object": "file", "bytes": len(asked.body), "created_at": 1, "filename": "notes.txt"}
        return _json({**file, "purpose": "assistants", "status": "processed"})
    base = {"id": "chat-1", "created": 1, "model": asked.json["model"]}
    question = asked.json["messages"][-1]["content"]
    if asked.json.get("stream"):
        chunks = [
            {**base, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word}}]}
            for word in question.split(" ")
        ]
        return _events(*chunks)
    message = {"role": "assistant", "content": question}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return _json({**base, "object": "chat.completion", "choices": choices})


def anthropic(asked: Asked, server: Server) -> Answer:
    """A message that says the question back, in pieces where that is asked for."""
    if "key" not in (asked.headers.get("x-api-key"), asked.headers.get("authorization", "").removeprefix("Bearer ")):
        return _json({"type": "error", "error": {"type": "authentication_error", "message": "no such key"}}, 401)
    question = asked.json["messages"][-1]["content"]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.json["model"]}
    message |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    if not asked.json.get("stream"):
        return _json({**message, "content": [{"type": "text", "text": question}]})
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        for word in question.split(" ")
    ]
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    return _events(
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        end,
        {"type": "message_stop"},
        names=True,
    )


WEIGHTS = bytes(range(256)) * 4096


def hub(asked: Asked, server: Server) -> Answer:
    """A hub with one model, which has one file; asked for it, it redirects to another host, as the real one does."""
    commit = "0" * 40
    match asked.path.removeprefix("/hub/").split("/"):
        case ["api", "models", "me", "model", *_]:
            return _json({"id": "me/model", "modelId": "me/model", "sha": commit, "siblings": [{"rfilename": "w.bin"}]})
        case ["me", "model", "resolve", _, "w.bin"]:
            told = {"x-repo-commit": commit, "x-linked-etag": '"weights"', "x-linked-size": str(len(WEIGHTS))}
            return Answer(
                status=302, headers={**told, "location": f"http://localhost:{server.server_port}/hub/store/w.bin"}
            )
        case ["store", "w.bin"]:
            size = {"content-length": str(len(WEIGHTS)), "etag": '"weights"', "accept-ranges": "bytes"}
            return Answer(WEIGHTS, headers=size)
    return _json({"error": "Repository not found"}, 404, **{"x-error-code": "RepoNotFound"})


SERVICES: dict[str, Callable[[Asked, Server], Answer]] = {
    "/echo": echo,
    "/flaky/": flaky,
    "/cached/": cached,
    "/events": events,
    "/token": token,
    "/protected": protected,
    "/openai/": openai,
    "/anthropic/": anthropic,
    "/hub/": hub,
}
