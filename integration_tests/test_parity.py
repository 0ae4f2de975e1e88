"""Programs written for HTTPX give the same results here, but for the differences that are meant."""

import warnings
from collections.abc import Iterator

import httpx
import pytest

import courser

from .parity import programs_of_clients, programs_of_headers, programs_of_messages, programs_of_urls
from .parity.differences import DIFFERENCES, Difference
from .parity.outcome import outcome

PROGRAMS = [
    *programs_of_urls.PROGRAMS,
    *programs_of_headers.PROGRAMS,
    *programs_of_messages.PROGRAMS,
    *programs_of_clients.PROGRAMS,
]
MEANT = {program for difference in DIFFERENCES for program in difference.programs}
ABOUT = [part for difference in DIFFERENCES for part in difference.about]


def differs(program: str) -> bool:
    return bool(outcome(program, httpx) != outcome(program, courser))


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # httpx 0.28.1 has its own, and where ours are wanted other tests look for them.
        warnings.simplefilter("ignore")
        yield


def test_the_other_library_is_the_one_that_is_named() -> None:
    assert httpx.__version__ == "0.28.1"


def test_programs_that_no_difference_is_about_have_the_same_outcome() -> None:
    same = [program for program in PROGRAMS if program not in MEANT and not any(part in program for part in ABOUT)]
    assert len(same) > 3400

    unexpected = [
        f"{program}\n    httpx: {outcome(program, httpx)!r}\n    courser: {outcome(program, courser)!r}"
        for program in same
        if differs(program)
    ]
    assert not unexpected, "\n".join(unexpected)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.reason)
def test_a_difference_that_is_meant_is_still_there(difference: Difference) -> None:
    programs, about = difference.programs, difference.about
    assert programs or about

    for program in programs:
        assert program in PROGRAMS, f"no such program: {program}"
        assert differs(program), f"no difference any more: {program}"
    for part in about:
        assert any(part in program and differs(program) for program in PROGRAMS), f"no difference any more: {part}"
