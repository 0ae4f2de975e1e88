"""Where courser means to differ from HTTPX 0.28.1, and why. Everything else that the programs show is the same.

`programs` differ, each of them. `about` are parts of programs: of those that hold one, some differ.
"""

from typing import NamedTuple

from . import programs_of_clients, programs_of_exchanges


class Difference(NamedTuple):
    """One intended difference; `told` is how its rows in docs/migrating-from-httpx.md begin."""

    reason: str
    told: tuple[str, ...]
    programs: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


def urls(*addresses: str) -> tuple[str, ...]:
    """Return what every program about one of these URLs holds."""
    return tuple(f"URL({address!r})" for address in addresses)


def clients(*parts: str, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the programs of clients that hold all these parts, and nothing of `without`."""
    return tuple(
        program
        for program in programs_of_clients.PROGRAMS
        if all(part in program for part in parts) and not any(part in program for part in without)
    )


def exchanges(*parts: str) -> tuple[str, ...]:
    """Return the programs of exchanges that hold all these parts."""
    return tuple(program for program in programs_of_exchanges.PROGRAMS if all(part in program for part in parts))


DIFFERENCES = [
    # URLs
    Difference(
        "A userinfo is written as browsers write it: no `:` before an empty password, and one inside as %3A.",
        told=("`user:@host`, `user:pa:ss@host`",),
        about=urls("https://user:@example.org/", "https://user:pa:ss@example.org/"),
    ),
    Difference(
        "In http(s) a backslash is a slash, as in browsers. Read otherwise, `good\\@evil` has another host here than there.",
        told=("a backslash in an `http` or `https` URL",),
        about=urls('https://example.org/{braces}|\\^`"<>', "http://good.example\\@evil.example/"),
    ),
    Difference(
        "An apostrophe in a query is sent as %27, as browsers send it.",
        told=("`'` in a query",),
        about=urls("https://example.org/?q='single'"),
    ),
    Difference(
        "Addresses have one spelling (RFC 5952, WHATWG): what is compared and logged is what is connected to.",
        told=("`127.1`, `0x7f.1`, `[::ffff:192.0.2.1]`",),
        about=urls("http://[::ffff:192.0.2.1]/", "http://127.1/", "http://0x7f.1/", "http://2130706433/"),
    ),
    Difference(
        "A zone is what follows the %25, so that it can be connected to (RFC 6874).",
        told=("the zone in `[fe80::1%25eth0]`",),
        about=urls("http://[fe80::1%25eth0]/"),
    ),
    Difference(
        "A port is at most 65535; sync HTTPX dials what is left modulo 65536.",
        told=("a port above 65535",),
        programs=("URL(scheme='https', host='example.org', port=70000)",),
        about=urls("http://example.org:65536/", "http://example.org:-1/"),
    ),
    Difference(
        "A host holds no space, slash, `@`, `?` or `%`, and 253 characters at most, whichever way it is given.",
        told=("a space, `/`, `@`, `?`, `%` in a host; more than 253 characters",),
        programs=(
            "URL('https://example.org/', host='a/b')",
            "URL('https://example.org/', host='a@b')",
            "URL('https://example.org/', host='a?b')",
            "URL('https://' + 'a' * 300 + '/')",
            "URL(scheme='https', netloc=b'user@example.org')",
        ),
        about=urls("http://exam ple.org/", "http://exam%20ple.org/"),
    ),
    Difference(
        "A http(s) URL without a host goes nowhere, and says so when it is made and not when it is sent.",
        told=("`http` and `https` URLs without a host",),
        programs=("URL('https://example.org/a').copy_with(host='')",),
        about=urls("http://user@/", "http://"),
    ),
    Difference(
        "`http:x`, `http:/x` and `http:///x` name the host that browsers go to.",
        told=("`http:x`, `http:/x`, `http:///x`",),
        programs=(
            "URL('/a/b').join('https:g')",
            "URL('/a/b').join('https:/g')",
            "URL('mailto:x').join('https:g')",
            "URL('mailto:x').join('https:/g')",
        ),
        about=urls("http:///path", "http:path", "http:/path"),
    ),
    Difference(
        "Space around a URL is a mistake that is named, and does not turn it into a relative one.",
        told=("a space at the start or end",),
        about=urls(" http://example.org/", "http://example.org/ "),
    ),
    Difference(
        "Hosts follow UTS 46 (non-transitional), as browsers do: symbols are names, and displaying one never raises.",
        told=("`❤.example`",),
        about=urls("http://\u2764.example/", "http://xn--ls8h=.example/"),
    ),
    Difference(
        "A reference that begins with `:` has no scheme and is a path.",
        told=("`://example.org`",),
        about=urls("://example.org"),
    ),
    Difference(
        "An authority that is there and empty stays: `all://` is not `all:` (RFC 3986 §5.3).",
        told=("`all://`, `file:///etc/hosts`",),
        about=urls("all://", "file:///etc/hosts"),
    ),
    Difference(
        "A path that would be read back as a scheme is refused.",
        told=('`URL(path="a:b")`',),
        programs=("URL(path='a:b')",),
    ),
    Difference(
        "To change the user name is not to drop the password.",
        told=("`copy_with(username=…)`",),
        programs=("URL('https://user:pass@example.org/').copy_with(username='other')",),
    ),
    Difference(
        "Dot segments cannot make an absolute path relative (RFC 3986 §5.2.4).",
        told=('`URL("/a/b").join("../../g")`',),
        programs=(
            "URL('/a/b').join('../../g')",
            "URL('/a/b').join('../../../g')",
            "URL('/a/b').join('/../g')",
        ),
    ),
    Difference(
        "A reference is resolved against its base whatever the base's scheme (RFC 3986 §5.2).",
        told=("a reference joined to `mailto:x`",),
        about=("URL('mailto:x').join(",),
    ),
    Difference(
        "The order of parameters is kept, that of interleaved repeats too: signatures are made over it.",
        told=('`QueryParams("a=1&b=2&a=3")`',),
        programs=(
            "URL('https://example.org/?a=1&b=2').copy_add_param('a', '3')",
            "QueryParams('a=1&b=2&a=3')",
            "QueryParams([('a', '1'), ('b', '2'), ('a', '3')])",
            "QueryParams('a=1&b=2&a=3').multi_items()",
        ),
    ),
    # What is no value of the kind
    Difference(
        "What has the wrong type raises TypeError, in a sentence; HTTPX fails somewhere inside.",
        told=("arguments of the wrong type, an iterator as a file of a form too",),
        programs=(
            "QueryParams('a=1', b='2')",
            "QueryParams(42)",
            "Headers({1: 'a'})",
            "h = Headers()\nh['a'] = 1",
            "h = Headers()\nh['a'] = None",
            "Request('POST', 'https://example.org/', headers={'Content-Type': 'multipart/form-data; boundary=bound'}, "
            "files={'f': 42}).read()",
            "Request('POST', 'https://example.org/', files={'f': (c for c in [b'x'])}).headers.get('transfer-encoding')",
            "Headers({'a': '1'}) == 42",
        ),
    ),
    # Fields
    Difference(
        "What no field may hold is refused when it is set; HTTPX waits until it is sent, or sends it.",
        told=("a line break, a NUL, text outside ASCII in a value; a space in a name", "a line break in a part's type or fields",),
        programs=(
            "Headers({'A': 'ü'})['a']",
            "Headers({'A': 'ü'}).encoding",
            "Headers({'A': '日本'}).raw",
            "Headers({'a': 'b\\r\\nc: d'})",
            "Headers({'a\\n': 'b'})",
            "Headers({'a': 'b\\x00'})",
            "Headers({'a b': 'c'})",
            "Headers({'': 'c'})",
            "Headers({'a:': 'c'})",
            "Request('GET', 'https://example.org/', headers={'A': 'b\\nc'})",
            "Response(200, headers={'A': 'b\\nc'})",
            "Request('POST', 'https://example.org/', headers={'Content-Type': 'multipart/form-data; boundary=bound'}, "
            "files={'f': ('n', b'x', 'a/b\\r\\nX-Injected: 1')}).read()",
            "Request('POST', 'https://example.org/', headers={'Content-Type': 'multipart/form-data; boundary=bound'}, "
            "files={'f': ('n', b'x', 'a/b', {'X\\r\\nY': '1'})}).read()",
        ),
        about=("headers=[('Set-Cookie', 'a=ü')]",),
    ),
    Difference(
        "A comma inside a quoted string separates nothing.",
        told=("`get_list(…, split_commas=True)`",),
        programs=("Headers([('a', '\"x,y\", z')]).get_list('a', split_commas=True)",),
    ),
    Difference(
        "`|` joins two sets of fields, as it joins two dicts, and a name may be bytes everywhere.",
        told=("two `Headers` joined by a vertical bar", '`headers[b"name"] = b"value"`',),
        programs=(
            "Headers({'a': '1'}) | {'b': '2'}",
            "{'b': '2'} | Headers({'a': '1'})",
            "h = Headers({'a': '1'})\nh |= {'b': '2'}\nh",
            "h = Headers()\nh[b'a'] = b'1'\nh",
        ),
    ),
    Difference(
        "Nothing that is printed shows a password, a cookie or a token.",
        told=("`repr` of `Cookie` and `Set-Cookie`", "`repr` of `Cookies`", "`repr` of a request",),
        programs=(
            "repr(Headers({'Cookie': 'secret', 'Set-Cookie': 'secret'}))",
            "repr(Cookies({'a': '1'}))",
            "c = Cookies()\nc.set('a', '1', domain='x.example', path='/p')\nrepr(c)",
            "repr(Request('GET', 'https://user:secret@example.org/?a=b'))",
        ),
    ),
    # Cookies
    Difference(
        "The value of a cookie is text.",
        told=("a number as value",),
        programs=("Cookies({'a': 1})['a']",),
    ),
    Difference(
        "A cookie that goes to the hosts below its domain has the jar's mark for that, the dot.",
        told=("the domain that `set` gives, in the jar",),
        programs=("c = Cookies()\nc.set('a', '1', domain='x.example')\n[(k.name, k.domain) for k in c.jar]",),
    ),
    Difference(
        "A cookie set without a domain goes back to its host alone (RFC 6265 §5.4).",
        told=("a cookie that a server set without a domain",),
        programs=(
            "r = Request('GET', 'http://www.example.org/')\nResponse(200, headers=[('Set-Cookie', 'a=1; Path=/')], "
            "request=Request('GET', 'https://example.org/x/y')).cookies.set_cookie_header(r)\nr.headers.get('cookie')",
        ),
    ),
    Difference(
        "A cookie without `=` has no name, and is passed over (RFC 6265 §5.2); HTTPX raises KeyError later.",
        told=("`Set-Cookie` without `=`",),
        about=("headers=[('Set-Cookie', 'a')]",),
    ),
    # Requests
    Difference(
        "A file that was read to its middle is sent from there, with the length of what is left.",
        told=("a file as `content` that was read to its middle",),
        programs=(
            "f = __import__('io').BytesIO(b'file content')\nf.read(5)\n"
            "Request('POST', 'https://example.org/', content=f).headers.raw",
        ),
    ),
    Difference(
        "A message has a length or a transfer coding, never both (RFC 9112 §6.2).",
        told=("`Transfer-Encoding` given with a body",),
        programs=(
            "Request('POST', 'https://example.org/', content=b'a', headers={'Transfer-Encoding': 'chunked'}).headers.raw",
            "Response(200, headers={'Transfer-Encoding': 'chunked'}, content=b'abc').headers.raw",
        ),
    ),
    Difference(
        "Every request has its Host, one with a stream too.",
        told=("`stream=`",),
        programs=("Request('POST', 'https://example.org/', stream=ByteStream(b'abc')).headers.raw",),
    ),
    Difference(
        "A body of the other colour is refused with a sentence, and not by an assertion.",
        told=("an async body read by a sync call",),
        programs=(
            "async def g():\n    yield b'a'\n    yield b'b'\nr = Request('POST', 'https://example.org/', content=g())\n"
            "r.read()",
        ),
    ),
    Difference(
        "An address is read when the request is made.",
        told=('`Request("GET", "http://[")`',),
        programs=("Request('GET', 'http://[')",),
    ),
    Difference(
        "A backslash in a file's name stays one (WHATWG, multipart/form-data).",
        told=("a backslash in the filename of a part",),
        programs=(
            "Request('POST', 'https://example.org/', headers={'Content-Type': 'multipart/form-data; boundary=bound'}, "
            "files={'f\"': ('n\"\\r\\n\\\\ä', b'x')}).read()",
        ),
    ),
    # Responses
    Difference(
        "Only encodings of text are charsets; others are read as UTF-8, and no peer chooses what its bytes will mean.",
        told=("`charset=utf-7`, `charset=base64`",),
        programs=(
            "Response(200, headers={'Content-Type': 'text/plain; charset=base64'}, content=b'aGk=').text",
            "Response(200, headers={'Content-Type': 'text/plain; charset=utf-7'}, content=b'+AGE-').text",
        ),
    ),
    Difference(
        "A line ends at LF, CR or CRLF. U+2028 and its kin are data, in JSON for one.",
        told=("`iter_lines` at U+2028, U+0085, VT, FF",),
        programs=("list(Response(200, content='a\\u2028b\\x0bc\\x0cd\\x85e'.encode()).iter_lines())",),
    ),
    Difference(
        "`x-gzip` is gzip (RFC 9110 §8.4.1.3).",
        told=("`x-gzip`",),
        programs=(
            "Response(200, headers={'Content-Encoding': 'x-gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10)).content[:2]",
        ),
    ),
    Difference(
        "Every member of a gzip stream is content (RFC 1952 §2.2), and one that is cut short is an error, not an end.",
        told=("content that ends early in its `gzip` coding", "a `gzip` stream of several members",),
        programs=(
            "Response(200, headers={'Content-Encoding': 'gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10) * 2).text",
            "Response(200, headers={'Content-Encoding': 'gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10)[:-4]).text",
        ),
    ),
    Difference(
        "A quoted string in a Link is one piece (RFC 8288 §3).",
        told=("a quoted `;` or `,` in `Link`",),
        programs=(
            "Response(200, headers={'Link': '<https://e.org/2>; rel=next; title=\"a, b; c\"'}).links",
        ),
    ),
    Difference(
        "A status without a phrase is printed without a space for it.",
        told=("`repr(Response(299))`",),
        programs=("repr(Response(299))",),
    ),
    # Codes and errors
    Difference(
        "Codes have the names of RFC 9110; HTTPX's are aliases.",
        told=("the names of codes",),
        programs=("[c.name for c in codes]",),
    ),
    Difference(
        "Errors can be pickled, as between processes they are.",
        told=("an `HTTPStatusError` that is pickled",),
        programs=(
            "pickle.loads(pickle.dumps(HTTPStatusError('no', request=Request('GET', 'https://example.org/'), "
            "response=Response(500)))).response.status_code",
        ),
    ),
    # Clients
    Difference(
        "A relative URL without a base URL reaches a transport of the program's own; HTTPX fails where it looks for cookies.",
        told=("a relative URL without a base URL, to a transport of your own",),
        programs=tuple(
            program
            for call in ("get('/x')", "get('x/../y?q=1')", "get('')")
            for program in clients(f"client.{call}", without=("base_url",))
        ),
    ),
    Difference(
        "What is appended to a base URL with a query goes to its path; HTTPX appends it to the query.",
        told=("what is appended to a base URL with a query",),
        programs=tuple(
            program
            for call in ("get('/x')", "get('x/../y?q=1')", "get('')")
            for program in clients(f"client.{call}", "api?key=1")
        ),
    ),
    Difference(
        "An https URL without a host is none, with a base URL as well.",
        told=("`http` and `https` URLs without a host",),
        programs=clients("client.get('https://')"),
    ),
    Difference(
        "Credentials leave a URL when they are used, so that they are in no log and no Referer field.",
        told=("a URL with credentials",),
        programs=clients("client.get('https://me:secret@h.example/')"),
    ),
    Difference(
        "Credentials in a redirect's Location are not taken.",
        told=("credentials in a redirect's `Location`",),
        programs=(
            *clients("302?https://you:word@other.example/", "follow_redirects=True"),
            *clients("302?https://you:word@other.example/", "r.next_request"),
        ),
    ),
    Difference(
        "The time that a response took is known as soon as it has been read, also where all of it was there at once.",
        told=("`elapsed` of a response that came whole",),
        programs=clients("r.elapsed.total_seconds()"),
    ),
    Difference(
        "When its response is complete an app hears that its client has left, as under a server.",
        told=("… `receive` after a complete response",),
        programs=clients('done.append((await receive())["type"])'),
    ),
]  # fmt: skip

# What goes over a connection, and what comes of it.
OF_EXCHANGES = [
    Difference(
        "Where a redirect drops the body, the fields about it go too (RFC 9110 §15.4); HTTPX sends a type of nothing.",
        told=("`Content-Type` where a redirect drops the body",),
        programs=tuple(
            program
            for status, methods in [(301, ["POST"]), (302, ["POST", "PUT", "DELETE"]), (303, ["POST", "PUT", "DELETE"])]
            for method in methods
            for body in ("content=b'data'", "json={'a': 1}")
            for program in exchanges(f"request('{method}', url + '/to/{status}//echo', {body}")
        ),
    ),
    Difference(
        "A redirect to what is no URL, or has no host, is an error of the server; HTTPX connects to what it makes of it.",
        told=("a `Location` that is no URL, or has no host",),
        programs=(*exchanges("/to/302///')"), *exchanges("/to/302/http://[bad')", "follow_redirects=True")),
    ),
    Difference(
        "An open file is a body for the async client too, read beside the loop, and is sent again from where it began.",
        told=("an open file as `content` of an `AsyncClient`, or sent again",),
        programs=(*exchanges("content=io.BytesIO", "async "), *exchanges("content=io.BytesIO", "/to/307/", "with Client")),
    ),
    Difference(
        "A cookie of the call takes the place of the client's of that name; HTTPX sends both.",
        told=("a cookie of the call that the client has too",),
        programs=exchanges("/cookie/a=1; Path=/')", "cookies={'a': '2'}"),
    ),
    Difference(
        "Digest names the algorithm where the challenge did (RFC 7616 §3.4).",
        told=("`algorithm` in what Digest answers",),
        programs=(
            *exchanges("/digest/')", "auth=DigestAuth", "r.text"),
            *exchanges("/digest/, qop=\"auth\"')", "r.status_code"),
            *exchanges("client.post(url + '/digest/'"),
        ),
    ),
    Difference(
        "An algorithm that nobody knows is an error of the protocol, and no KeyError; `auth-int` is answered.",
        told=("a Digest challenge with an unknown algorithm, or with `auth-int` alone",),
        programs=(*exchanges("algorithm=FOO"), *exchanges("qop=\"auth-int\"')")),
    ),
    Difference(
        "`history` has every response, those before a challenge too.",
        told=("`history` of a challenge behind a redirect",),
        programs=exchanges("/to/302//digest"),
    ),
    Difference(
        "A status without a phrase is printed without a space for it.",
        told=("`repr(Response(299))`",),
        programs=exchanges("/status/299"),
    ),
]  # fmt: skip

# Rows of docs/migrating-from-httpx.md that no program of these shows, and the test that does.
SHOWN_ELSEWHERE = {
    "a cookie for a public suffix, such as `co.uk`": "packages/courser-auth/tests/test_cookie_store.py::test_a_public_suffix_is_refused",
    "a `Secure` cookie that is set or replaced without TLS": "packages/courser-auth/tests/test_cookie_store.py::test_a_page_without_tls_leaves_secure_cookies_alone",
    "`__Host-` and `__Secure-` names": "packages/courser-auth/tests/test_cookie_store.py::test_a_name_must_keep_what_it_promises",
    "`Client(cookies={…})` without a domain, where a redirect leads to another origin": "integration_tests/test_credential_table.py::test_a_secret_arrives_where_it_was_meant_to_go_and_nowhere_else",
    "two `Location` fields that differ": "packages/courser-client/tests/test_redirects.py::test_two_locations_are_an_error",
    "`Proxy-Authorization` given as a field": "integration_tests/test_credential_table.py::test_proxy_authorization_goes_to_no_server",
    "`sni_hostname`, `target` and their kin, where a redirect leads to another origin": "integration_tests/test_credential_table.py::test_the_name_and_the_target_of_one_origin_are_not_anothers",
    "mounts and the proxies of the environment": "packages/courser-client/tests/test_mounts.py::test_an_explicit_mount_goes_before_the_environment",
    "the logger, and the URLs in it": "packages/courser-client/tests/test_hooks.py::test_an_exchange_is_logged_without_what_is_nobodys_business",
    "`User-Agent`": "integration_tests/test_httpbin.py::test_a_get_arrives_with_params_and_fields",
    "the content of a redirect or a challenge in `history`": "integration_tests/test_credential_table.py::test_the_body_of_a_redirect_is_not_decoded_and_read_for_64_kib_at_most",
    "`ASGITransport`: the response": "packages/courser-transport/tests/test_asgi.py::test_an_endless_app_is_read_as_it_answers",
    "… an exception after the response began, with `raise_app_exceptions=False`": "packages/courser-transport/tests/test_asgi.py::test_an_exception_in_the_response_is_never_a_short_200",
    "… an app that breaks the rules": "packages/courser-transport/tests/test_asgi.py::test_an_app_that_breaks_the_rules_is_a_protocol_error",
    "… context variables that the app sets": "packages/courser-transport/tests/test_asgi.py::test_the_app_has_the_callers_context_variables",
    '`scope["server"]`, `SERVER_PORT` without a port in the URL': "packages/courser-transport/tests/test_asgi.py::test_the_app_is_told_what_is_asked_of_it",
    "`get`, `options`, `head`, `delete`": "integration_tests/test_parity_signatures.py::test_a_parameter_is_given_as_there_and_has_the_same_default",
    "a request on a kept connection that the server closes at this moment": "packages/courser-transport/tests/test_resend.py::test_over_real_sockets_a_peer_that_closes_as_we_send_goes_unnoticed_but_by_a_post",
    "bytes after a complete response": "integration_tests/test_hostile.py::test_bytes_after_a_response_never_answer_the_next_request",
    "an answer before the end of a request's body": "packages/courser-transport/tests/test_upload.py::test_an_answer_that_does_not_want_the_body_ends_it",
    "a body without a length over TLS, cut without a goodbye": "packages/courser-transport/tests/test_tls.py::test_an_unsigned_end_is_an_error",
    "a response with `Content-Length` and `Transfer-Encoding`": "integration_tests/test_hostile.py::test_a_broken_response_is_refused_and_its_connection_closed",
    "a response that came whole": "packages/courser-transport/tests/test_connection.py::test_a_response_that_comes_whole_frees_the_connection_before_it_is_read",
    "the sentence of `raise_for_status()`": "integration_tests/test_canaries.py::test_no_secret_is_shown",
}  # fmt: skip
