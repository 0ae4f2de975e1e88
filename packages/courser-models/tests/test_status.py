"""`codes`: names, numbers, phrases, kinds."""

import pickle

import pytest

from courser_models import codes


@pytest.mark.parametrize(
    ("name", "number", "phrase"),
    [
        ("OK", 200, "OK"),
        ("NOT_FOUND", 404, "Not Found"),
        ("IM_A_TEAPOT", 418, "I'm a teapot"),
        ("CONTENT_TOO_LARGE", 413, "Content Too Large"),
        ("UNPROCESSABLE_CONTENT", 422, "Unprocessable Content"),
        ("NETWORK_AUTHENTICATION_REQUIRED", 511, "Network Authentication Required"),
    ],
)
def test_a_code_has_a_name_in_both_cases_a_number_and_a_phrase(name: str, number: int, phrase: str) -> None:
    code = codes[name]

    assert code == number
    assert getattr(codes, name) is getattr(codes, name.lower()) is codes(number) is code
    assert str(code) == f"{code}" == str(number)
    assert codes.get_reason_phrase(number) == phrase


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("REQUEST_ENTITY_TOO_LARGE", "CONTENT_TOO_LARGE"),
        ("REQUEST_URI_TOO_LONG", "URI_TOO_LONG"),
        ("REQUESTED_RANGE_NOT_SATISFIABLE", "RANGE_NOT_SATISFIABLE"),
        ("UNPROCESSABLE_ENTITY", "UNPROCESSABLE_CONTENT"),
    ],
)
def test_an_older_name_is_an_alias(older: str, newer: str) -> None:
    assert getattr(codes, older) is getattr(codes, newer)
    assert getattr(codes, older.lower()) is getattr(codes, newer)
    assert codes[newer].name == newer


def test_every_code_of_httpx_is_there() -> None:
    numbers = {
        *[100, 101, 102, 103],
        *[200, 201, 202, 203, 204, 205, 206, 207, 208, 226],
        *[300, 301, 302, 303, 304, 305, 307, 308],
        *range(400, 419),
        *[421, 422, 423, 424, 425, 426, 428, 429, 431, 451],
        *[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
    }

    assert {int(code) for code in codes} == numbers


def test_an_unregistered_code_has_no_phrase() -> None:
    assert codes.get_reason_phrase(299) == ""
    with pytest.raises(ValueError, match="299"):
        codes(299)


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("is_informational", 100, 199),
        ("is_success", 200, 299),
        ("is_redirect", 300, 399),
        ("is_client_error", 400, 499),
        ("is_server_error", 500, 599),
        ("is_error", 400, 599),
    ],
)
def test_a_kind_is_a_range(question: str, first: int, last: int) -> None:
    is_kind = getattr(codes, question)

    assert [number for number in range(1000) if is_kind(number)] == list(range(first, last + 1))


def test_a_code_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(codes.OK)) is codes.OK
