"""`DigestAuth` against the examples of the RFCs, a server of our own, and servers that mean no good."""

import gzip
import hashlib
import json
import pickle
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_auth import AuthError, DigestAuth, _digest, read_challenges
from courser_models import ByteStream, Headers, HTTPError, ProtocolError, Request, RequestError, Response
from digest_server import DigestServer
from flows import Server, drive_sync, in_both_colours

VECTORS = json.loads((Path(__file__).parent / "digest_vectors.json").read_text("utf-8"))["vectors"]
USER, PASSWORD = "Mufasa", "Circle of Life"
URL = "https://example.org/dir/index.html"


def new_auth(**options: Any) -> DigestAuth:
    return DigestAuth(USER, PASSWORD, **options)


def get(url: str = URL) -> Request:
    return Request("GET", url)


def refusal(*challenges: str | bytes, status: int = 401) -> Response:
    fields = [(b"WWW-Authenticate", value if isinstance(value, bytes) else value.encode()) for value in challenges]
    return Response(status, headers=fields)


def answer_to(*challenges: str | bytes, auth: DigestAuth | None = None, request: Request | None = None) -> Any:
    """Return the parameters of the answer to these challenges, or None if there is none."""
    flow = (auth or new_auth()).sync_auth_flow(request or get())
    next(flow)
    try:
        field = flow.send(refusal(*challenges)).headers["Authorization"]
    except StopIteration:
        return None
    [answer] = read_challenges(field)
    assert answer.scheme == "digest"
    return answer.parameters


# The examples of the RFCs


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_the_examples_of_the_rfcs(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_digest, "_client_nonce", lambda: (vector["cnonce"] or "").encode("ascii"))
    challenge = f'Digest realm="{vector["realm"]}", nonce="{vector["nonce"]}", opaque="{vector["opaque"]}"'
    challenge += f", algorithm={vector['algorithm']}"
    challenge += f', qop="{vector["qop"]},auth-int"' if vector["qop"] else ""
    challenge += ", charset=UTF-8, userhash=true" if "userhash" in vector else ""

    answer = answer_to(
        challenge,
        auth=DigestAuth(vector["username"], vector["password"]),
        request=Request(vector["method"], f"https://example.org{vector['uri']}"),
    )

    assert answer.pop("username") == vector.get("userhash", vector["username"])
    assert answer.pop("userhash", None) == ("true" if "userhash" in vector else None)
    names = ("realm", "nonce", "opaque", "algorithm", "uri", "response", "qop", "nc", "cnonce")
    assert answer == {name: vector[name] for name in names if vector[name] is not None}


def test_the_form_of_the_field() -> None:
    flow = DigestAuth('a"\\b', "c").sync_auth_flow(get("https://example.org/%22?q=1"))
    next(flow)
    field = flow.send(refusal('Digest realm="x\\"y", nonce=n, opaque="", algorithm=md5, qop=AUTH')).headers[
        "Authorization"
    ]

    before, _, after = field.partition(", response=")
    assert before == 'Digest username="a\\"\\\\b", realm="x\\"y", nonce="n", uri="/%22?q=1"'
    response, algorithm, opaque, qop, count, client_nonce = after.split(", ")
    assert (algorithm, opaque, qop, count) == ("algorithm=md5", 'opaque=""', "qop=auth", "nc=00000001")
    assert client_nonce.startswith('cnonce="')
    key = hashlib.md5(b'a"\\b:x"y:c').hexdigest()
    request = hashlib.md5(b"GET:/%22?q=1").hexdigest()
    proof = hashlib.md5(f"{key}:n:00000001:{client_nonce[8:-1]}:auth:{request}".encode()).hexdigest()
    assert response == f'"{proof}"'


# With a server


@in_both_colours
@pytest.mark.parametrize("qop", ["auth", "auth-int", "auth,auth-int", None])
@pytest.mark.parametrize("variant", ["", "-sess"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA", "SHA-256", "SHA-512-256", "SHA-512"])
def test_every_algorithm_and_qop_is_answered_and_the_nonce_is_used_again(
    algorithm: str, variant: str, qop: str | None, send: Any
) -> None:
    server, auth = DigestServer(algorithm=algorithm + variant, qop=qop), new_auth()

    for _ in range(3):
        response = send(auth, Request("POST", URL, content=b"body"), server)
        assert (response.status_code, response.content) == (200, b"welcome")

    assert server.statuses == [401, 200, 200, 200]
    assert {answer["opaque"] for answer in server.answers} == {'an "opaque" thing'}
    assert {answer.get("qop") for answer in server.answers} == {qop and qop.split(",")[0]}


@in_both_colours
def test_a_server_that_names_no_algorithm_gets_md5_and_no_name(send: Any) -> None:
    assert send(new_auth(), get(), DigestServer(algorithm=None)).status_code == 200


@in_both_colours
@pytest.mark.parametrize("userhash", [False, True])
@pytest.mark.parametrize("extra", ["", ", charset=UTF-8"])
def test_names_in_every_script(extra: str, userhash: bool, send: Any) -> None:
    server = DigestServer("J\u00e4s\u00f8n \u6f22", "p\u00e4ss", realm="\u00e9", userhash=userhash, extra=extra)

    assert send(DigestAuth("J\u00e4s\u00f8n \u6f22", "p\u00e4ss"), get(), server).status_code == 200

    assert ("username*" in server.answers[0]) is (bool(extra) and not userhash)


def test_a_server_with_a_charset_gets_the_composed_form() -> None:
    server = DigestServer("\u00e4", "\u00f8", extra=", charset=utf-8")

    assert drive_sync(DigestAuth("a\u0308", "\u00f8"), get(), server).status_code == 200


def test_a_realm_that_is_no_utf_8_comes_back_as_it_is() -> None:
    flow = new_auth().sync_auth_flow(get())
    next(flow)

    [field] = [
        value for name, value in flow.send(refusal(b'Digest realm="\xe9", nonce=n')).headers.raw if name[0] == 65
    ]

    assert b'realm="\xe9"' in field
    key = hashlib.md5(b"Mufasa:\xe9:Circle of Life").hexdigest()
    request = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    assert hashlib.md5(f"{key}:n:{request}".encode()).hexdigest().encode() in field


@in_both_colours
def test_a_stale_nonce_is_replaced_at_once(send: Any) -> None:
    server, auth = DigestServer(uses_of_a_nonce=2), new_auth()

    for _ in range(4):
        assert send(auth, get(), server).status_code == 200

    assert server.statuses == [401, 200, 200, 401, 200, 200]


@in_both_colours
def test_a_server_to_which_every_nonce_is_stale_is_not_asked_for_ever(send: Any) -> None:
    server, auth = DigestServer(uses_of_a_nonce=0), new_auth()

    assert send(auth, get(), server).status_code == 401
    assert send(auth, get(), server).status_code == 401

    assert server.statuses == [401] * 6


@in_both_colours
def test_wrong_credentials_are_sent_once(send: Any) -> None:
    server, auth = DigestServer(), DigestAuth("Mufasa", "wrong")

    for _ in range(2):
        assert send(auth, get(), server).status_code == 401

    assert server.statuses == [401] * 4
    assert [answer["nc"] for answer in server.answers] == ["00000001"] * 2


def test_a_nonce_that_was_forgotten_is_replaced_without_stale() -> None:
    auth = new_auth()
    assert drive_sync(auth, get(), DigestServer()).status_code == 200

    answers: list[Any] = []

    def restarted(request: Request) -> Response:
        answers.append(read_challenges(request.headers["Authorization"])[0].parameters["nonce"])
        return Response(200) if len(answers) == 2 else refusal("Digest realm=a, nonce=new, qop=auth")

    assert drive_sync(auth, get(), restarted).status_code == 200
    assert answers == ["nonce/1==", "new"]


def test_the_same_nonce_refused_means_that_the_credentials_are_wrong() -> None:
    auth, seen = new_auth(), 0
    challenge = refusal("Digest realm=a, nonce=n, qop=auth")

    def server(request: Request) -> Response:
        nonlocal seen
        seen += 1
        return Response(200) if seen == 2 else challenge

    assert [drive_sync(auth, get(), server).status_code for _ in range(2)] == [200, 401]
    assert seen == 3


@in_both_colours
@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5-sess"])
def test_the_next_nonce_of_a_server_is_taken(algorithm: str, send: Any) -> None:
    server, auth = DigestServer(algorithm=algorithm, next_nonce_after=2), new_auth()

    for _ in range(5):
        assert send(auth, get(), server).status_code == 200

    assert server.statuses == [401] + [200] * 5
    assert [answer["nonce"] for answer in server.answers] == [f"nonce/{number}==" for number in (1, 1, 2, 2, 3)]
    assert [answer["nc"][-1] for answer in server.answers] == ["1", "2", "1", "2", "1"]


@in_both_colours
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_a_server_that_does_not_know_the_password_is_found_out(qop: str, send: Any) -> None:
    request = get()

    with pytest.raises(
        AuthError, match=r"^example.org did not prove that it knows the password: its rspauth is wrong$"
    ):
        send(new_auth(), request, DigestServer(qop=qop, rspauth="wrong"))

    with pytest.raises(RequestError) as caught:
        send(new_auth(), request, DigestServer(qop=qop, rspauth="wrong"))
    assert caught.value.request is request
    assert "Circle" not in str(pickle.loads(pickle.dumps(caught.value)))


@in_both_colours
@pytest.mark.parametrize("rspauth", [None, "right"])
def test_a_server_may_prove_nothing(rspauth: str | None, send: Any) -> None:
    assert send(new_auth(), get(), DigestServer(rspauth=rspauth)).status_code == 200


@in_both_colours
def test_the_proof_of_a_packed_body_is_that_of_its_bytes(send: Any) -> None:
    packed = gzip.compress(b"content", mtime=0)

    class Packing(DigestServer):
        def _welcome(self, answer: dict[str, str]) -> Response:
            proof = self._proof(answer, b"", packed).decode()
            headers = {"Content-Encoding": "gzip", "Authentication-Info": f'rspauth="{proof}"'}
            return Response(200, headers=headers, stream=ByteStream(packed))

    response = send(new_auth(), get(), Packing(qop="auth-int"))

    assert (response.read(), response.num_bytes_downloaded) == (b"content", len(packed))


def test_a_body_that_was_unpacked_before_proves_nothing() -> None:
    flow = new_auth().sync_auth_flow(get())
    next(flow)
    flow.send(refusal("Digest realm=a, nonce=n, qop=auth-int"))
    headers = {"Content-Encoding": "gzip", "Authentication-Info": "rspauth=00"}
    for response in [
        Response(200, headers=headers, content=gzip.compress(b"content")),
        Response(200, headers=headers, stream=ByteStream(b"")),
    ]:
        response.is_stream_consumed = True

        with pytest.raises(StopIteration):
            flow.send(response)
        flow = new_auth().sync_auth_flow(get())
        next(flow)
        flow.send(refusal("Digest realm=a, nonce=n, qop=auth-int"))


@in_both_colours
def test_auth_int_reads_the_body_of_the_request(send: Any) -> None:
    class Body(ByteStream):
        """One that is not in memory, for all that a request knows."""

    server, auth = DigestServer(qop="auth-int"), new_auth()
    requests = [Request("POST", URL, stream=Body(b"a body")) for _ in range(2)]
    requests[0].read()  # for the server

    for request in requests:
        assert send(auth, request, server).status_code == 200

    assert requests[1].content == b"a body"


def test_bodies_are_left_alone_without_auth_int() -> None:
    flow = new_auth().sync_auth_flow(Request("POST", URL, content=iter([b"body"])))
    flow.send(None)  # type: ignore[arg-type]  # the way a generator begins
    request = flow.send(refusal("Digest realm=a, nonce=n, qop=auth"))
    response = Response(200, stream=ByteStream(b"large"))
    with pytest.raises(StopIteration):
        flow.send(response)

    assert not hasattr(request, "_content")
    assert not response.is_stream_consumed


def test_a_hundred_threads_share_one_instance() -> None:
    server, auth = DigestServer(next_nonce_after=50), new_auth()
    drive_sync(auth, get(), server)
    server._counts.clear()  # each nonce is new to the server, and counts are checked as a set

    seen: set[tuple[str, str]] = set()
    lock = threading.Lock()

    def counting(request: Request) -> Response:
        answer = read_challenges(request.headers["Authorization"])[0].parameters
        with lock:
            assert (answer["nonce"], answer["nc"]) not in seen
            seen.add((answer["nonce"], answer["nc"]))
        return Response(200)

    threads = [
        threading.Thread(target=lambda: [drive_sync(auth, get(), counting) for _ in range(10)]) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 200


def test_flows_that_were_given_one_nonce_count_together() -> None:
    auth = new_auth()
    flows: list[Generator[Request, Response, None]] = [auth.sync_auth_flow(get()) for _ in range(3)]
    for flow in flows:
        next(flow)

    requests = [flow.send(refusal("Digest realm=a, nonce=same, qop=auth")) for flow in flows]

    counts = [read_challenges(request.headers["Authorization"])[0].parameters["nc"] for request in requests]
    assert counts == ["00000001", "00000002", "00000003"]


# Which challenge


@pytest.mark.parametrize(
    ("challenges", "algorithm"),
    [
        (["Digest realm=a, nonce=n, algorithm=MD5, Digest realm=a, nonce=n, algorithm=SHA-256"], "SHA-256"),
        (["Digest realm=a, nonce=n, algorithm=SHA-512", "Digest realm=a, nonce=n, algorithm=MD5"], "SHA-512"),
        (["Basic realm=a, Digest realm=a, nonce=n, algorithm=MD5"], "MD5"),
        (["Digest realm=a, nonce=n, algorithm=FOO", "Digest realm=a, nonce=n, algorithm=MD5"], "MD5"),
        (
            ["Digest realm=a, nonce=n, algorithm=SHA-256-sess, Digest realm=a, nonce=n, algorithm=SHA-256"],
            "SHA-256-sess",
        ),
        (["Digest nonce=n, algorithm=SHA-256", 'DIGEST REALM="a", NONCE="n", ALGORITHM="md5"'], "md5"),
        (["Negotiate", "Digest realm=a nonce=n algorithm=sha-512-256"], "sha-512-256"),
    ],
)
def test_the_strongest_challenge_that_is_whole_is_answered(challenges: list[str], algorithm: str) -> None:
    assert answer_to(*challenges)["algorithm"] == algorithm


@pytest.mark.parametrize("challenges", [[], ["Basic realm=x"], ["Negotiate"], ["{}"]])
def test_without_a_digest_challenge_the_response_is_the_callers(challenges: list[str]) -> None:
    assert answer_to(*challenges) is None


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ("Digest", "it has no realm"),
        ("Digest realm", "it has no realm"),
        ("Digest realm=a", "it has no nonce"),
        ("Digest opaque=", "it has no realm"),
        ("Digest realm=a, nonce=n, algorithm=FOO", "algorithm 'FOO' is not known"),
        ("Digest realm=a, nonce=n, qop=future", "qop 'future' is not known"),
        (b"Digest realm=a, nonce=n, algorithm=\xe9", "algorithm '\u00e9' is not known"),
    ],
)
def test_a_challenge_that_cannot_be_answered_is_an_error_that_says_why(challenge: Any, reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        answer_to(challenge)

    assert str(caught.value) == f"the digest challenge of example.org cannot be answered: {reason}"
    assert str(caught.value.request.url) == URL


def test_an_algorithm_that_this_python_lacks_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashlib.new

    def without_md5(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "md5":
            raise ValueError("disabled")
        return real(name, *arguments, **options)

    monkeypatch.setattr(hashlib, "new", without_md5)

    assert answer_to("Digest realm=a, nonce=n, Digest realm=a, nonce=n, algorithm=SHA")["algorithm"] == "SHA"
    with pytest.raises(ProtocolError, match="algorithm 'MD5' is not available in this Python"):
        answer_to("Digest realm=a, nonce=n")


names = st.sampled_from(["realm", "nonce", "qop", "algorithm", "opaque", "domain", "stale", "x"])
given_values = st.binary(max_size=9) | st.sampled_from([b"auth", b"MD5", b"true", b'"'])


@given(st.lists(st.tuples(names, given_values), max_size=8))
def test_no_challenge_raises_anything_else(parameters: list[tuple[str, bytes]]) -> None:
    value = b"Digest " + b", ".join(name.encode() + b"=" + given for name, given in parameters)

    def server(request: Request) -> Response:
        return Response.from_parts(
            401, Headers.from_wire([(b"WWW-Authenticate", b"www-authenticate", value)]), ByteStream(b""), request, {}
        )

    try:
        drive_sync(new_auth(), get(), server)
    except HTTPError:
        pass


# Where to


@pytest.mark.parametrize(
    ("request_", "uri"),
    [
        (get("https://example.org"), "/"),
        (get("https://example.org/a%2Fb%20c?x=%26&y"), "/a%2Fb%20c?x=%26&y"),
        (get("https://user:pw@example.org/a#b"), "/a"),
        (Request("OPTIONS", "https://example.org/", extensions={"target": b"*"}), "*"),
        (Request("GET", "https://example.org/", extensions={"target": "/other"}), "/other"),
    ],
)
def test_the_uri_is_the_target_as_it_is_sent(request_: Request, uri: str) -> None:
    assert answer_to("Digest realm=a, nonce=n", request=request_)["uri"] == uri


def test_another_origin_is_not_answered_from_this_ones_session() -> None:
    auth, server = new_auth(), DigestServer()
    drive_sync(auth, get(), server)

    for url in ["https://example.org:8443/", "http://example.org/", "https://www.example.org/"]:
        assert "authorization" not in next(auth.sync_auth_flow(get(url))).headers


def test_a_challenge_that_a_redirect_brought_is_not_answered() -> None:
    flow = new_auth().sync_auth_flow(get())
    next(flow)
    response = refusal("Digest realm=a, nonce=chosen-by-a-stranger")
    response.request = get("https://evil.example/")

    with pytest.raises(StopIteration):
        flow.send(response)


def test_what_another_origin_proves_after_a_redirect_proves_nothing() -> None:
    flow = new_auth().sync_auth_flow(get())
    next(flow)
    flow.send(refusal("Digest realm=a, nonce=n, qop=auth"))
    response = Response(
        200, headers={"Authentication-Info": "rspauth=00, nextnonce=evil"}, request=get("https://evil.x/")
    )

    with pytest.raises(StopIteration):
        flow.send(response)


def test_only_the_protection_space_is_answered_unasked() -> None:
    auth = new_auth()
    server = DigestServer(extra=', domain="/private https://example.org/also http://[ https://other.org/"')
    drive_sync(auth, get("https://example.org/private/1"), server)

    asked = {
        path: "authorization" in next(auth.sync_auth_flow(get(f"https://example.org{path}"))).headers
        for path in ["/private/2", "/also", "/public", "/"]
    }

    assert asked == {"/private/2": True, "/also": True, "/public": False, "/": False}


def test_the_sessions_of_many_origins_are_not_kept_for_ever() -> None:
    auth = new_auth()
    for number in range(300):
        answer_to("Digest realm=a, nonce=n", auth=auth, request=get(f"https://h{number}.example.org/"))

    assert len(auth._sessions) == 256


# Proxies


@in_both_colours
@pytest.mark.parametrize(
    ("request_", "uri"),
    [
        (Request("CONNECT", "https://example.org/"), "example.org:443"),
        (Request("CONNECT", "https://[::1]:8443/"), "[::1]:8443"),
        (Request("GET", "http://user:pw@example.org:8080/a?b"), "http://example.org:8080/a?b"),
        (Request("CONNECT", "http://proxy.example/", extensions={"target": b"example.org:443"}), "example.org:443"),
    ],
)
def test_a_proxy_is_answered_by_the_same_code(request_: Request, uri: str, send: Any) -> None:
    server, auth = DigestServer(is_proxy=True), new_auth(for_proxy=True)
    request_ = Request(request_.method, request_.url, extensions=request_.extensions)

    assert send(auth, request_, server).status_code == 200
    assert send(auth, get("https://example.net/"), server).status_code == 200

    assert server.statuses == [407, 200, 200]
    assert server.answers[0]["uri"] == uri
    assert "authorization" not in request_.headers
    with pytest.raises(AuthError, match=r"^the proxy did not prove"):
        send(new_auth(for_proxy=True), get(), DigestServer(is_proxy=True, rspauth="wrong"))


def test_a_proxy_is_not_answered_as_a_server_nor_a_server_as_a_proxy() -> None:
    proxy: Server = DigestServer(is_proxy=True)

    assert drive_sync(new_auth(), get(), proxy).status_code == 407
    assert drive_sync(new_auth(for_proxy=True), get(), DigestServer()).status_code == 401


# The instance


@pytest.mark.parametrize("credentials", [("a\n", "b"), ("a", "b\x00"), (b"\x7f", b"")])
def test_control_characters_are_refused_and_not_shown(credentials: Any) -> None:
    with pytest.raises(ValueError, match="must not hold control characters"):
        DigestAuth(*credentials)


def test_text_that_no_encoding_carries_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="lone surrogates") as caught:
        DigestAuth("a", "secret\ud800")
    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_bytes_are_taken_as_they_are() -> None:
    assert drive_sync(DigestAuth(b"Mufasa", b"Circle of Life"), get(), DigestServer()).status_code == 200


def test_it_survives_pickling_without_its_sessions_and_shows_no_secret() -> None:
    auth = new_auth(for_proxy=True)
    drive_sync(auth, get(), DigestServer(is_proxy=True))

    restored = pickle.loads(pickle.dumps(auth))

    assert "Circle" not in repr(auth)
    assert restored._sessions == {}
    assert drive_sync(restored, get(), DigestServer(is_proxy=True)).status_code == 200


@in_both_colours
def test_a_subclass_with_a_flow_of_its_own_is_asked_for_that(send: Any) -> None:
    class Noting(DigestAuth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            request.headers["X-Noted"] = "yes"
            yield from super().auth_flow(request)

    server = DigestServer()

    assert send(Noting(USER, PASSWORD), get(), server).status_code == 200
    assert server.requests[0].headers["x-noted"] == "yes"
