"""URLs as browsers read them: the data of web-platform-tests (source and licence: wpt-license.md), and our own.

Judged are inputs that are http or https, or that become so through their base. Every case must come out as the data
say, except those in `DEVIATIONS`, which are all refused.
"""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from courser_models import URL, InvalidURL

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "url_cases.json").read_text("utf-8"))

CONTROL = "HTTPX refuses control characters, where browsers drop or escape them"
SPACE = "space at either end: refused in place of stripped; a caller who strips says so, one who forgets is told"

# Input, base → why ours differs.
DEVIATIONS: dict[tuple[str, str | None], str] = {
    ("http://example\t.\norg", "http://example.org/foo/bar"): CONTROL,
    ("\t   :foo.com   \n", "http://example.org/foo/bar"): CONTROL,
    (" foo.com  ", "http://example.org/foo/bar"): SPACE,
    ("http://f:\n/c", "http://example.org/foo/bar"): CONTROL,
    ("  \t", "http://example.org/foo/bar"): CONTROL,
    ("http://example.com/foo\t\x91%91", None): CONTROL,
    ("\x00\x1b\x04\x12 http://example.com/\x1f \r ", None): CONTROL,
    ("http://ho\tst/", None): CONTROL,
    ("http://ho\nst/", None): CONTROL,
    ("http://ho\rst/", None): CONTROL,
    ("https://www.example.com/path{\x7fpath.html?query'\x7f=query#fragment<\x7ffragment", None): CONTROL,
    ("https://x/\x00y", None): CONTROL,
    ("https://x/?\x00y", None): CONTROL,
    ("https://x/?#\x00y", None): CONTROL,
}


def is_http(text: str | None) -> bool:
    return text is not None and text.strip("\t\n\r ").lower().startswith(("http:", "https:"))


def is_judged(case: dict[str, Any]) -> bool:
    if "protocol" in case:
        return case["protocol"] in ("http:", "https:")
    return is_http(case["input"]) or (is_http(case["base"]) and ":" not in case["input"].partition("/")[0])


JUDGED = [case for case in CASES if is_judged(case)]


def read(case: dict[str, Any]) -> URL | None:
    try:
        url = URL(case["input"]) if case["base"] is None else URL(case["base"]).join(case["input"])
    except InvalidURL:
        return None
    return url if url.is_absolute_url else None


def as_browsers_show(url: URL | None) -> dict[str, str] | None:
    if url is None:
        return None
    username, _, password = url.userinfo.decode("ascii").partition(":")
    host = url.raw_host.decode("ascii")
    fragment = str(url).partition("#")[2]
    return {
        "protocol": f"{url.scheme}:",
        "username": username,
        "password": password,
        "hostname": f"[{host}]" if ":" in host else host,
        "port": "" if url.port is None else str(url.port),
        "pathname": url.raw_path.decode("ascii").partition("?")[0],
        "search": f"?{url.query.decode('ascii')}" if url.query else "",
        "hash": f"#{fragment}" if fragment else "",
    }


def expected(case: dict[str, Any]) -> dict[str, str] | None:
    if case.get("failure"):
        return None
    names = ("protocol", "username", "password", "hostname", "port", "pathname", "search", "hash")
    return {name: case[name] for name in names}


def key(case: dict[str, Any]) -> tuple[str, str | None]:
    return case["input"], case["base"]


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: ascii(case["input"][:60]))
def test_an_http_url_is_read_as_browsers_do_or_its_deviation_has_a_reason(case: dict[str, Any]) -> None:
    if key(case) in DEVIATIONS:
        assert read(case) is None
        assert expected(case) is not None
    else:
        assert as_browsers_show(read(case)) == expected(case)


def test_nine_of_ten_http_cases_come_out_as_in_browsers() -> None:
    alike = [case for case in JUDGED if as_browsers_show(read(case)) == expected(case)]

    assert len(JUDGED) > 300
    assert len(alike) >= 0.9 * len(JUDGED)


def test_every_deviation_is_one_of_the_cases() -> None:
    assert DEVIATIONS.keys() <= {key(case) for case in JUDGED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["input"][:60]))
def test_whatever_its_scheme_a_url_is_refused_or_reads_alike_again(case: dict[str, Any]) -> None:
    url = read(case)

    if url is not None:
        again = URL(str(url))
        assert (again, again.origin, again.raw_path) == (url, url.origin, url.raw_path)


def hosts() -> list[tuple[str, str]]:
    lines = (HERE / "ssrf_hosts.txt").read_text("utf-8").splitlines()
    return [(host, address) for host, _, address in (line.partition("\t") for line in lines if line[:1] != "#")]


def embedded(host: str) -> str:
    """Return the IPv4 address that an IPv6 address leads to (mapped, 6to4, NAT64), or the host itself."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    inner = address.ipv4_mapped or address.sixtofour
    return str(address if inner is None else inner)


@pytest.mark.parametrize(("host", "address"), hosts())
def test_a_host_that_is_an_address_in_disguise_is_that_address_or_refused(host: str, address: str) -> None:
    try:
        url = URL(f"http://{host}/")
    except InvalidURL:
        assert address == "refuse"
        return

    read_as = embedded(url.host)
    if "\\" in host:
        assert (read_as, url.path) == ("127.0.0.1", "/@example.org/")  # as in browsers, not example.org
    elif host.startswith("localhost"):
        assert read_as == host  # a name: its address is the resolver's word, and checked when it is dialled
    else:
        assert read_as == address
    assert url.origin is not None
    assert (url.origin.host, url.raw_host) == (url.host, url.host.encode("ascii"))
