"""`Origin`, as a key and as text."""

import pickle

import pytest

from courser_models import URL, Origin


@pytest.mark.parametrize(
    ("origin", "text", "authority"),
    [
        (Origin("http", "h", 80), "http://h", "h:80"),
        (Origin("https", "h", 443), "https://h", "h:443"),
        (Origin("https", "h", 80), "https://h:80", "h:80"),
        (Origin("http", "::1", 80), "http://[::1]", "[::1]:80"),
        (Origin("http", "::1", 81), "http://[::1]:81", "[::1]:81"),
        (Origin("x", "h", 5), "x://h:5", "h:5"),
    ],
)
def test_an_origin_is_printed_without_its_default_port_and_its_authority_with_it(
    origin: Origin, text: str, authority: str
) -> None:
    assert str(origin) == text
    assert origin.authority == authority


def test_urls_of_one_origin_have_the_same_key() -> None:
    assert {URL(text).origin for text in ["http://h/a", "HTTP://H:80/b?c", "http://u:p@h#d"]} == {
        Origin("http", "h", 80)
    }


def test_an_origin_survives_pickling() -> None:
    restored = pickle.loads(pickle.dumps(Origin("http", "h", 80)))

    assert (type(restored), restored) == (Origin, Origin("http", "h", 80))
