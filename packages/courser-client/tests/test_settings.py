"""What a client has, and how it becomes part of a request."""

from typing import Any

import pytest

from courser_client import AsyncClient, Client, __version__
from courser_models import URL, Headers, InvalidHeader, InvalidURL, QueryParams, supported_codings
from courser_transport import Timeout

DEFAULTS = [
    ("Accept", "*/*"),
    ("Accept-Encoding", supported_codings()),
    ("Connection", "keep-alive"),
    ("User-Agent", f"python-courser/{__version__}"),
]
FIVE_SECONDS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}

of_both_clients = pytest.mark.parametrize("make", [Client, AsyncClient])


def fields_of(message: Any) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in message.headers.raw]


@of_both_clients
def test_a_request_has_the_fields_of_the_client_after_its_host(make: Any) -> None:
    request = make().build_request("get", "http://h/a?b#c")

    assert (request.method, str(request.url), request.content) == ("GET", "http://h/a?b#c", b"")
    assert fields_of(request) == [("Host", "h"), *DEFAULTS]
    assert request.extensions == {"timeout": FIVE_SECONDS}


@of_both_clients
def test_requests_for_one_text_share_a_url_that_none_can_change(make: Any) -> None:
    client = make()
    first, second = (client.build_request("GET", "http://h/shared?a=1") for _ in range(2))
    assert first.url is second.url

    first.url = first.url.copy_with(path="/other")
    assert str(second.url) == str(client.build_request("GET", "http://h/shared?a=1").url) == "http://h/shared?a=1"

    long = "http://h/" + "a" * 4000
    assert client.build_request("GET", long).url is not client.build_request("GET", long).url


@pytest.mark.parametrize(
    ("of_client", "of_request", "expected"),
    [
        ({"X": "1"}, None, [("Host", "h"), *DEFAULTS, ("X", "1")]),
        (None, {"X": "1"}, [("Host", "h"), *DEFAULTS, ("X", "1")]),
        ({"X": "1", "Y": "2"}, {"x": "3"}, [("Host", "h"), *DEFAULTS, ("Y", "2"), ("x", "3")]),
        ({"accept": "a"}, None, [("Host", "h"), *DEFAULTS[1:], ("accept", "a")]),
        ({"accept": "a"}, {"ACCEPT": "b"}, [("Host", "h"), *DEFAULTS[1:], ("ACCEPT", "b")]),
        (None, [("X", "1"), ("X", "2")], [("Host", "h"), *DEFAULTS, ("X", "1"), ("X", "2")]),
        (None, {}, [("Host", "h"), *DEFAULTS]),
        (None, {"host": "other"}, [*DEFAULTS, ("host", "other")]),
        ({"Host": "other"}, None, [*DEFAULTS, ("Host", "other")]),
        (Headers({"X": "é"}, encoding="utf-8"), None, [("Host", "h"), *DEFAULTS, ("X", "é")]),
    ],
)
@of_both_clients
def test_the_headers_of_a_request_win_name_by_name(
    make: Any, of_client: Any, of_request: Any, expected: list[tuple[str, str]]
) -> None:
    client = make(headers=of_client)

    assert fields_of(client.build_request("GET", "http://h/", headers=of_request)) == expected


@of_both_clients
@pytest.mark.parametrize("headers", [{"host": "other"}, {"content-length": "1"}])
def test_a_body_brings_no_field_that_is_there_already(make: Any, headers: dict[str, str]) -> None:
    request = make().build_request("POST", "http://h/", content=b"x", headers=headers)

    assert request.headers.get_list("Host") == [headers.get("host", "h")]
    assert request.headers.get_list("Content-Length") == ["1"]


@of_both_clients
def test_a_request_shares_nothing_with_its_client(make: Any) -> None:
    client = make(headers={"X": "1"})

    for headers in (None, {"Y": "2"}):
        request = client.build_request("GET", "http://h/", headers=headers)
        request.headers["X"] = "changed"
        request.extensions["timeout"]["read"] = 0

    assert fields_of(client) == [*DEFAULTS, ("X", "1")]
    assert client.build_request("GET", "http://h/").extensions == {"timeout": FIVE_SECONDS}


@of_both_clients
def test_a_change_of_headers_holds_for_requests_built_after_it(make: Any) -> None:
    client = make(headers={"X": "1"})

    client.headers["X"] = "2"
    assert client.build_request("GET", "http://h/").headers["X"] == "2"

    client.headers = {"Y": "3"}
    assert fields_of(client) == [*DEFAULTS, ("Y", "3")]
    assert fields_of(client.build_request("GET", "http://h/")) == [("Host", "h"), *DEFAULTS, ("Y", "3")]


@pytest.mark.parametrize(
    ("base_url", "normal"),
    [
        ("", ""),
        ("http://h", "http://h"),
        ("http://h/", "http://h/"),
        ("http://h/api", "http://h/api/"),
        ("http://h/api/", "http://h/api/"),
        (URL("http://h/api"), "http://h/api/"),
    ],
)
@of_both_clients
def test_a_base_url_ends_with_a_slash(make: Any, base_url: Any, normal: str) -> None:
    assert str(make(base_url=base_url).base_url) == normal


@pytest.mark.parametrize(
    ("base_url", "url", "merged"),
    [
        ("http://h/api", "items", "http://h/api/items"),
        ("http://h/api", "/items", "http://h/api/items"),
        ("http://h/api", "", "http://h/api/"),
        ("http://h/api", "?a=1", "http://h/api/?a=1"),
        ("http://h/api", "items?a=1", "http://h/api/items?a=1"),
        ("http://h/api", "../items", "http://h/items"),
        ("http://h/api", "a b", "http://h/api/a%20b"),
        ("http://h", "items", "http://h/items"),
        ("http://u:p@h:81/api", "items", "http://u:p@h:81/api/items"),
        ("http://h/api", "https://other/x", "https://other/x"),
        ("http://h/api", URL("items"), "http://h/api/items"),
        ("", "http://h", "http://h"),
        ("", "/x", "/x"),
    ],
)
@of_both_clients
def test_a_relative_url_is_appended_to_the_base_url(make: Any, base_url: str, url: Any, merged: str) -> None:
    assert str(make(base_url=base_url).build_request("GET", url).url) == merged


@of_both_clients
def test_a_url_without_a_host_gets_no_host_field(make: Any) -> None:
    assert "Host" not in make().build_request("GET", "/x").headers


@pytest.mark.parametrize(
    ("of_client", "of_request", "merged"),
    [
        (None, None, "http://h/?q=1#f"),
        (None, {"a": 1}, "http://h/?a=1#f"),
        (None, {}, "http://h/#f"),
        ({"a": 1}, None, "http://h/?a=1#f"),
        ({"a": 1, "b": 2}, {"a": [3, 4]}, "http://h/?a=3&a=4&b=2#f"),
        ({"a": 1}, {}, "http://h/?a=1#f"),
        ("a=1&b=2&a=3", "c=4", "http://h/?a=1&b=2&a=3&c=4#f"),
        ({}, None, "http://h/?q=1#f"),
    ],
)
@of_both_clients
def test_params_of_client_and_request_replace_the_query(
    make: Any, of_client: Any, of_request: Any, merged: str
) -> None:
    assert str(make(params=of_client).build_request("GET", "http://h/?q=1#f", params=of_request).url) == merged


@pytest.mark.parametrize(
    ("of_client", "of_request", "merged"),
    [
        (None, None, "http://h/?q=1#f"),
        (None, {"a": 1}, "http://h/?q=1&a=1#f"),
        (None, {"q": 2}, "http://h/?q=2#f"),
        (None, {}, "http://h/?q=1#f"),
        ({"a": 1}, None, "http://h/?a=1&q=1#f"),
        ({"q": 7, "a": 1}, None, "http://h/?q=1&a=1#f"),
        ({"q": 7}, {"q": [8, 9]}, "http://h/?q=8&q=9#f"),
    ],
)
@of_both_clients
def test_params_may_merge_with_the_query_instead(make: Any, of_client: Any, of_request: Any, merged: str) -> None:
    client = make(params=of_client, params_mode="merge")

    assert str(client.build_request("GET", "http://h/?q=1#f", params=of_request).url) == merged


@of_both_clients
def test_how_params_are_merged_can_be_changed_and_is_one_of_two(make: Any) -> None:
    client = make()
    client.params_mode = "merge"
    assert str(client.build_request("GET", "http://h/?q=1", params={"a": 1}).url) == "http://h/?q=1&a=1"

    with pytest.raises(ValueError, match="params_mode is 'replace' or 'merge', not 'add'"):
        make(params_mode="add")


@of_both_clients
def test_params_go_with_a_relative_url(make: Any) -> None:
    client = make(base_url="http://h/api", params={"key": "k"})

    assert str(client.build_request("GET", "items", params={"page": 2}).url) == "http://h/api/items?key=k&page=2"


@pytest.mark.parametrize(
    ("timeout", "by_phase"),
    [
        (3, {"connect": 3, "read": 3, "write": 3, "pool": 3}),
        (None, {"connect": None, "read": None, "write": None, "pool": None}),
        (Timeout(1.0, read=None), {"connect": 1.0, "read": None, "write": 1.0, "pool": 1.0}),
        ((1, 2, 3, 4), {"connect": 1, "read": 2, "write": 3, "pool": 4}),
    ],
)
@of_both_clients
def test_a_timeout_goes_along_by_phase(make: Any, timeout: Any, by_phase: dict[str, float | None]) -> None:
    of_client = make(timeout=timeout).build_request("GET", "http://h/")
    of_request = make(timeout=9).build_request("GET", "http://h/", timeout=timeout)

    assert of_client.extensions == of_request.extensions == {"timeout": by_phase}


@of_both_clients
def test_a_timeout_in_the_extensions_wins(make: Any) -> None:
    given = {"timeout": {"read": 1.0}, "note": "x"}

    request = make().build_request("GET", "http://h/", timeout=2.0, extensions=given)

    assert request.extensions == {"timeout": {"read": 1.0}, "note": "x"}
    assert request.extensions is not given


@of_both_clients
def test_extensions_go_along_with_the_timeout_of_the_client(make: Any) -> None:
    given = {"note": "x"}

    assert make().build_request("GET", "http://h/", extensions=given).extensions == {
        "note": "x",
        "timeout": FIVE_SECONDS,
    }
    assert given == {"note": "x"}


@of_both_clients
def test_settings_can_be_changed(make: Any) -> None:
    client = make(params={"a": 1}, timeout=1, base_url="http://h/")

    client.params, client.timeout, client.base_url = {"b": 2}, None, "http://other/api"

    assert (client.params, client.timeout, client.base_url) == (
        QueryParams({"b": 2}),
        Timeout(None),
        URL("http://other/api/"),
    )
    request = client.build_request("GET", "x")
    assert str(request.url) == "http://other/api/x?b=2"
    assert request.extensions == {"timeout": dict.fromkeys(["connect", "read", "write", "pool"])}


@of_both_clients
def test_an_empty_client_has_empty_settings(make: Any) -> None:
    client = make()

    assert (client.params, client.timeout, client.base_url) == (QueryParams(), Timeout(5.0), URL(""))
    assert fields_of(client) == DEFAULTS


@pytest.mark.parametrize(
    ("body", "fields", "content"),
    [
        ({"content": b"abc"}, [("Content-Length", "3")], b"abc"),
        (
            {"data": {"a": "1"}},
            [("Content-Length", "3"), ("Content-Type", "application/x-www-form-urlencoded")],
            b"a=1",
        ),
        ({"json": [1]}, [("Content-Length", "3"), ("Content-Type", "application/json")], b"[1]"),
        ({"content": [b"a", b"b"]}, [("Transfer-Encoding", "chunked")], b"ab"),
        ({}, [("Content-Length", "0")], b""),
    ],
)
@of_both_clients
def test_a_body_brings_its_fields(make: Any, body: Any, fields: list[tuple[str, str]], content: bytes) -> None:
    request = make().build_request("POST", "http://h/", **body)

    assert fields_of(request) == [("Host", "h"), *DEFAULTS, *fields]
    assert request.read() == content


@of_both_clients
def test_what_may_not_be_sent_is_refused_when_the_request_is_built(make: Any) -> None:
    with pytest.raises(InvalidURL):
        make().build_request("GET", "http://h:x/")
    with pytest.raises(InvalidURL):
        make(base_url="http://h:x/")
    with pytest.raises(InvalidHeader):
        make().build_request("GET", "http://h/", headers={"A": "b\r\n"})
    with pytest.raises(InvalidHeader):
        make(headers={"A": "b\r\n"})
    with pytest.raises(ValueError, match="timeout must not be negative"):
        make().build_request("GET", "http://h/", timeout=-1)


@of_both_clients
def test_whether_the_environment_is_trusted_can_be_asked_and_changed(make: Any) -> None:
    client = make()
    assert client.trust_env

    client.trust_env = False

    assert not client.trust_env
    assert not make(trust_env=False).trust_env
