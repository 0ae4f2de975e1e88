"""Credentials that go with every request: their exact form, and what they refuse."""

import base64
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courser_auth import Auth, BasicAuth, BearerAuth
from courser_models import URL, InvalidHeader, InvalidURL, Request, Response

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)


def authorization(auth: Auth) -> str:
    """Return the field that a scheme sends, and assert that it sends one request only."""
    flow = auth.sync_auth_flow(Request("GET", "http://h/"))
    field = next(flow).headers["Authorization"]
    with pytest.raises(StopIteration):
        flow.send(Response(401))
    return field


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 §2
        ("test", "123\u00a3", "Basic dGVzdDoxMjPCow=="),  # RFC 7617 §2.1
        (b"test", b"123\xa3", "Basic dGVzdDoxMjOj"),
        ("", "", "Basic Og=="),
        ("a", "b:c", "Basic YTpiOmM="),
    ],
)
def test_username_and_password_are_encoded_as_rfc_7617_says(username: Any, password: Any, field: str) -> None:
    assert authorization(BasicAuth(username, password)) == field


@settings(deadline=None)
@given(texts.filter(lambda name: ":" not in name), texts)
def test_username_and_password_come_back(username: str, password: str) -> None:
    scheme, _, credentials = authorization(BasicAuth(username, password)).partition(" ")

    assert scheme == "Basic"
    assert base64.b64decode(credentials).decode().split(":", 1) == [username, password]


@pytest.mark.parametrize("username", ["a:b", b"a:b", ":"])
def test_a_username_with_a_colon_is_refused(username: Any) -> None:
    with pytest.raises(ValueError, match="a username with a colon cannot be sent"):
        BasicAuth(username, "secret")


@pytest.mark.parametrize(
    ("username", "password"), [("a\n", "b"), ("a", "b\r\n"), (b"\0", b""), ("", "\x7f"), ("", "\x1f")]
)
def test_control_characters_are_refused(username: Any, password: Any) -> None:
    with pytest.raises(ValueError, match="must not hold control characters"):
        BasicAuth(username, password)


def test_text_that_no_encoding_carries_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="lone surrogates") as caught:
        BasicAuth("ada", "secret\ud800")

    assert "secret" not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("https://ada:secret@h/", b"ada:secret"),
        ("https://a%40b:c%2Fd%3A@h/", b"a@b:c/d:"),
        ("https://ada@h/", b"ada:"),
        ("https://:secret@h/", b":secret"),
        ("https://%ff:%C3%A9@h/", b"\xff:\xc3\xa9"),
    ],
)
def test_the_credentials_of_a_url_are_those_before_they_were_escaped(url: str, credentials: bytes) -> None:
    auth = BasicAuth.from_url(URL(url))

    assert auth is not None
    assert base64.b64decode(authorization(auth).removeprefix("Basic ")) == credentials


def test_a_url_without_userinfo_has_no_credentials() -> None:
    assert BasicAuth.from_url(URL("https://h/")) is None


@pytest.mark.parametrize("userinfo", ["a%3Ab:secret", "a:secret%0A"])
def test_a_userinfo_that_cannot_be_sent_is_refused_and_not_shown(userinfo: str) -> None:
    with pytest.raises(InvalidURL, match=r"^the userinfo of https://h/ cannot be sent: ") as caught:
        BasicAuth.from_url(URL(f"https://{userinfo}@h/"))

    assert "secret" not in str(caught.value)


def test_a_token_is_sent_as_it_is() -> None:
    assert authorization(BearerAuth("abc.def~ghi+/=")) == "Bearer abc.def~ghi+/="


def test_a_function_is_asked_for_the_token_of_the_moment() -> None:
    tokens = iter(["first", "second"])
    auth = BearerAuth(lambda: next(tokens))

    assert [authorization(auth), authorization(auth)] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("token", ["secret\n", "secret\r\nX: y", "secr\u00e9t"])
def test_a_token_that_no_field_can_hold_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InvalidHeader) as caught:
        authorization(BearerAuth(token))

    assert "secr" not in str(caught.value)


def test_credentials_replace_those_that_the_request_has() -> None:
    request = Request("GET", "http://h/", headers={"authorization": "old"})

    for auth in [BasicAuth("a", "b"), BearerAuth("c")]:
        next(auth.auth_flow(request))
        assert len(request.headers.get_list("Authorization")) == 1

    assert request.headers["Authorization"] == "Bearer c"


@pytest.mark.parametrize("auth", [BasicAuth("ada", "secret"), BearerAuth("secret")])
def test_repr_shows_no_secret(auth: Auth) -> None:
    assert "secret" not in repr(auth)
    assert authorization(auth).split()[1] not in repr(auth)


@pytest.mark.parametrize("auth", [BasicAuth("ada", "secret"), BearerAuth("secret")])
def test_a_scheme_survives_pickling(auth: Auth) -> None:
    assert authorization(pickle.loads(pickle.dumps(auth))) == authorization(auth)
