"""The grammar of challenges (RFC 9110 §11), with what servers make of it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_auth import Challenge, read_auth_parameters, read_challenges

tokens = st.text("abcXYZ09-_.!", min_size=1, max_size=6)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@pytest.mark.parametrize(
    ("value", "challenges"),
    [
        ("", []),
        (" , ,", []),
        ("Basic", [("basic", {}, "")]),
        ('Basic realm="a b"', [("basic", {"realm": "a b"}, "")]),
        ("Negotiate", [("negotiate", {}, "")]),
        ("Negotiate YIIx+/._~-==", [("negotiate", {}, "YIIx+/._~-==")]),
        ("NTLM abc==, Basic realm=x", [("ntlm", {}, "abc=="), ("basic", {"realm": "x"}, "")]),
        # RFC 9110 §11.6.1
        (
            'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
            [
                ("basic", {"realm": "simple"}, ""),
                ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}, ""),
            ],
        ),
        (
            'DIGEST Realm = "a" ,\tNONCE=b,qop="auth,auth-int"',
            [("digest", {"realm": "a", "nonce": "b", "qop": "auth,auth-int"}, "")],
        ),
        ('Digest realm="a, Basic realm=\\"b\\""', [("digest", {"realm": 'a, Basic realm="b"'}, "")]),
        # What servers get wrong
        ('Digest realm="a" nonce="b"', [("digest", {"realm": "a", "nonce": "b"}, "")]),
        ("Digest nonce=abc/def==, opaque=", [("digest", {"nonce": "abc/def==", "opaque": ""}, "")]),
        ("Digest realm=a, realm=b", [("digest", {"realm": "a"}, "")]),
        (",,Basic,, realm=x,,", [("basic", {"realm": "x"}, "")]),
        ('Digest realm="never closed, nonce=b', [("digest", {"realm": "never closed, nonce=b"}, "")]),
        ('realm="nobody", Basic realm="b"', [("basic", {"realm": "b"}, "")]),
        ('Basic realm="a", {garbage, "of, every", kind}, x=y', [("basic", {"realm": "a", "x": "y"}, "")]),
        ("Digest realm=é", [("digest", {"realm": "é"}, "")]),
        ("Negotiate Basic realm=x", [("negotiate", {}, ""), ("basic", {"realm": "x"}, "")]),
    ],
)
def test_challenges_are_read(value: str, challenges: list[tuple[str, dict[str, str], str]]) -> None:
    assert read_challenges(value) == [Challenge(*challenge) for challenge in challenges]


def test_challenges_come_in_several_fields_too() -> None:
    first, second = read_challenges(['Basic realm="a"', "Digest nonce=b"])

    assert (first.realm, second.realm, second.parameters) == ("a", None, {"nonce": "b"})


def test_a_parameter_of_one_field_does_not_belong_to_the_scheme_of_another() -> None:
    assert read_challenges(["Basic", "realm=x"]) == [Challenge("basic", {})]


def test_parameters_without_a_scheme_are_read() -> None:
    assert read_auth_parameters('rspauth="a", QOP=auth, nc=00000001, nc=2') == {
        "rspauth": "a",
        "qop": "auth",
        "nc": "00000001",
    }
    assert read_auth_parameters("") == read_auth_parameters("Digest") == {}


@given(st.lists(st.tuples(tokens, st.dictionaries(tokens.map(str.lower), values, max_size=3)), max_size=3))
def test_what_is_written_by_the_grammar_is_read(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    written = ", ".join(
        f"{scheme} {', '.join(f'{name}={quoted(value)}' for name, value in parameters.items())}".strip()
        for scheme, parameters in challenges
    )

    assert read_challenges(written) == [Challenge(scheme.lower(), parameters) for scheme, parameters in challenges]


@given(st.text(max_size=80) | st.text('a=", \\;', max_size=80))
def test_nothing_that_a_server_says_raises(value: str) -> None:
    read_challenges(value)
    read_auth_parameters(value)


@pytest.mark.parametrize("piece", ["a ", "a=", '"', "\\", '"\\', "a  ", ",", "(", "a =", '="', 'a="', "=", "a, "])
def test_long_values_take_no_longer_than_they_are(piece: str) -> None:
    started = time.perf_counter()

    read_challenges(piece * 20_000)
    read_challenges("Digest " + piece * 20_000)

    assert time.perf_counter() - started < 1.0
