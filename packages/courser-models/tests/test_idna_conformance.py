"""Internationalised hosts: the data of web-platform-tests (source and licence: wpt-license.md), and what they lack."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from idna import uts46data

from courser_models import URL, InvalidURL

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("toascii_cases.json").read_text("utf-8"))

# The longest of all: its A-label form has 261 characters.
TOO_LONG = [case["input"] for case in CASES if len(case["output"] or "") > 253]

# Input → why ours differs.
DEVIATIONS: dict[str, str] = {TOO_LONG[0]: "no host may be longer than 253 characters: the DNS has no longer names"}
if int(uts46data.__version__.partition(".")[0]) < 16:
    for young in ("look\u180eout.net", "\u04c0.com"):
        DEVIATIONS[young] = "the package idna, where it is an old one, has the tables of Unicode 15"


def ascii_host(host: str) -> str | None:
    try:
        return URL(f"https://{host}/").raw_host.decode("ascii")
    except InvalidURL:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["input"][:60]))
def test_a_host_becomes_ascii_as_in_browsers_or_its_deviation_has_a_reason(case: dict[str, Any]) -> None:
    if case["input"] in DEVIATIONS:
        assert ascii_host(case["input"]) is None
        assert case["output"] is not None
    else:
        assert ascii_host(case["input"]) == case["output"]


def test_nine_of_ten_hosts_become_ascii_as_in_browsers() -> None:
    alike = [case for case in CASES if ascii_host(case["input"]) == case["output"]]

    assert len(CASES) >= 60
    assert len(alike) >= 0.9 * len(CASES)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("a\u200db", "has a joiner, U+200D"),
        ("a\u200cb", "has a joiner, U+200C"),
        ("a.\u0301", "combining"),
        ("\u202ea", "U+202E not allowed"),
        ("1a.א", "First codepoint in label '1a'"),
        ("אa", "right-to-left"),
        ("xn--\u0161", "begins like one in ASCII"),
        ("xn--a.ß", "not allowed"),
        ("xn--zn7c.ß", "U+FFFD not allowed"),
        ("xn--.ß", "not the encoding of any name"),
        ("xn--abc-.ß", "not the encoding of any name"),
        ("xn--xn---epa.ß", "not the encoding of any name"),
        ("xn--Pq9a.ß", "not a valid domain name"),
        ("\u00ad", "nothing but characters that are ignored"),
        ("\uff05\uff14\uff11", "no host may hold: '%41'"),
        ("a\uff0fb", "no host may hold: 'a/b'"),
        ("a\u2100b", "no host may hold: 'aa/cb'"),
        ("é" * 254, "host of 254 characters"),
        ("é." * 126 + "é", "is longer than the 253 allowed"),
    ],
)
def test_a_host_that_no_rule_of_labels_allows_is_refused_with_that_rule(host: str, reason: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        URL(f"http://{host}/")

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("raw_host", "host"),
    [
        ("xn--bcher-kva.XN--fiqs8s.", "bücher.中国."),
        ("www.xn--bcher-kva.de", "www.bücher.de"),
        ("xn--n3h.net", "☃.net"),
        ("xn--a", "xn--a"),
        ("xn--a-yoc", "xn--a-yoc"),
        ("xn--ls8h=", "xn--ls8h="),
        ("xn--a.xn--bcher-kva", "xn--a.xn--bcher-kva"),
        ("xn--.com", "xn--.com"),
    ],
)
def test_a_host_is_shown_decoded_where_that_leads_back_to_it(raw_host: str, host: str) -> None:
    url = URL(f"http://{raw_host}/")

    assert (url.host, url.raw_host) == (host, raw_host.lower().encode("ascii"))
    assert url.copy_with(host=url.host) == url


@given(st.text(max_size=12) | st.text("abé中אxn--.\u200d\u0301ßŠ１", max_size=12))
def test_the_host_that_is_shown_leads_back_to_the_host_that_is_sent(host: str) -> None:
    try:
        url = URL("http://h/").copy_with(host=host)
    except InvalidURL:
        return
    if not url.host:
        return

    assert url.copy_with(host=url.host) == url
    assert URL(f"http://[{url.host}]/" if ":" in url.host else f"http://{url.host}/") == url
