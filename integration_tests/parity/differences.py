"""Where courser means to differ from HTTPX 0.28.1, and why. Everything else that the programs show is the same.

`programs` differ, each of them. `about` are parts of programs: of those that hold one, some differ.
"""

from typing import NamedTuple

from . import programs_of_clients


class Difference(NamedTuple):
    """One intended difference."""

    reason: str
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


DIFFERENCES = [
    # URLs
    Difference(
        "A userinfo is written as browsers write it: no `:` before an empty password, and one inside as %3A.",
        about=urls("https://user:@example.org/", "https://user:pa:ss@example.org/"),
    ),
    Difference(
        "In http(s) a backslash is a slash, as in browsers. Read otherwise, `good\\@evil` has another host here than there.",
        about=urls('https://example.org/{braces}|\\^`"<>', "http://good.example\\@evil.example/"),
    ),
    Difference(
        "An apostrophe in a query is sent as %27, as browsers send it.",
        about=urls("https://example.org/?q='single'"),
    ),
    Difference(
        "Addresses have one spelling (RFC 5952, WHATWG): what is compared and logged is what is connected to.",
        about=urls("http://[::ffff:192.0.2.1]/", "http://127.1/", "http://0x7f.1/", "http://2130706433/"),
    ),
    Difference(
        "A zone is what follows the %25, so that it can be connected to (RFC 6874).",
        about=urls("http://[fe80::1%25eth0]/"),
    ),
    Difference(
        "A port is at most 65535; sync HTTPX dials what is left modulo 65536.",
        programs=("URL(scheme='https', host='example.org', port=70000)",),
        about=urls("http://example.org:65536/", "http://example.org:-1/"),
    ),
    Difference(
        "A host holds no space, slash, `@`, `?` or `%`, and 253 characters at most, whichever way it is given.",
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
        programs=("URL('https://example.org/a').copy_with(host='')",),
        about=urls("http://user@/", "http://"),
    ),
    Difference(
        "`http:x`, `http:/x` and `http:///x` name the host that browsers go to.",
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
        about=urls(" http://example.org/", "http://example.org/ "),
    ),
    Difference(
        "Hosts follow UTS 46 (non-transitional), as browsers do: symbols are names, and displaying one never raises.",
        about=urls("http://\u2764.example/", "http://xn--ls8h=.example/"),
    ),
    Difference(
        "A reference that begins with `:` has no scheme and is a path.",
        about=urls("://example.org"),
    ),
    Difference(
        "An authority that is there and empty stays: `all://` is not `all:` (RFC 3986 §5.3).",
        about=urls("all://", "file:///etc/hosts"),
    ),
    Difference("A path that would be read back as a scheme is refused.", programs=("URL(path='a:b')",)),
    Difference(
        "To change the user name is not to drop the password.",
        programs=("URL('https://user:pass@example.org/').copy_with(username='other')",),
    ),
    Difference(
        "Dot segments cannot make an absolute path relative (RFC 3986 §5.2.4).",
        programs=(
            "URL('/a/b').join('../../g')",
            "URL('/a/b').join('../../../g')",
            "URL('/a/b').join('/../g')",
        ),
    ),
    Difference(
        "A reference is resolved against its base whatever the base's scheme (RFC 3986 §5.2).",
        about=("URL('mailto:x').join(",),
    ),
    Difference(
        "The order of parameters is kept, that of interleaved repeats too: signatures are made over it.",
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
        programs=("Headers([('a', '\"x,y\", z')]).get_list('a', split_commas=True)",),
    ),
    Difference(
        "`|` joins two sets of fields, as it joins two dicts, and a name may be bytes everywhere.",
        programs=(
            "Headers({'a': '1'}) | {'b': '2'}",
            "{'b': '2'} | Headers({'a': '1'})",
            "h = Headers({'a': '1'})\nh |= {'b': '2'}\nh",
            "h = Headers()\nh[b'a'] = b'1'\nh",
        ),
    ),
    Difference(
        "Nothing that is printed shows a password, a cookie or a token.",
        programs=(
            "repr(Headers({'Cookie': 'secret', 'Set-Cookie': 'secret'}))",
            "repr(Cookies({'a': '1'}))",
            "c = Cookies()\nc.set('a', '1', domain='x.example', path='/p')\nrepr(c)",
            "repr(Request('GET', 'https://user:secret@example.org/?a=b'))",
        ),
    ),
    # Cookies
    Difference("The value of a cookie is text.", programs=("Cookies({'a': 1})['a']",)),
    Difference(
        "A cookie that goes to the hosts below its domain has the jar's mark for that, the dot.",
        programs=("c = Cookies()\nc.set('a', '1', domain='x.example')\n[(k.name, k.domain) for k in c.jar]",),
    ),
    Difference(
        "A cookie set without a domain goes back to its host alone (RFC 6265 §5.4).",
        programs=(
            "r = Request('GET', 'http://www.example.org/')\nResponse(200, headers=[('Set-Cookie', 'a=1; Path=/')], "
            "request=Request('GET', 'https://example.org/x/y')).cookies.set_cookie_header(r)\nr.headers.get('cookie')",
        ),
    ),
    Difference(
        "A cookie without `=` has no name, and is passed over (RFC 6265 §5.2); HTTPX raises KeyError later.",
        about=("headers=[('Set-Cookie', 'a')]",),
    ),
    # Requests
    Difference(
        "A file that was read to its middle is sent from there, with the length of what is left.",
        programs=(
            "f = __import__('io').BytesIO(b'file content')\nf.read(5)\n"
            "Request('POST', 'https://example.org/', content=f).headers.raw",
        ),
    ),
    Difference(
        "A message has a length or a transfer coding, never both (RFC 9112 §6.2).",
        programs=(
            "Request('POST', 'https://example.org/', content=b'a', headers={'Transfer-Encoding': 'chunked'}).headers.raw",
            "Response(200, headers={'Transfer-Encoding': 'chunked'}, content=b'abc').headers.raw",
        ),
    ),
    Difference(
        "Every request has its Host, one with a stream too.",
        programs=("Request('POST', 'https://example.org/', stream=ByteStream(b'abc')).headers.raw",),
    ),
    Difference(
        "A body of the other colour is refused with a sentence, and not by an assertion.",
        programs=(
            "async def g():\n    yield b'a'\n    yield b'b'\nr = Request('POST', 'https://example.org/', content=g())\n"
            "r.read()",
        ),
    ),
    Difference("An address is read when the request is made.", programs=("Request('GET', 'http://[')",)),
    Difference(
        "A backslash in a file's name stays one (WHATWG, multipart/form-data).",
        programs=(
            "Request('POST', 'https://example.org/', headers={'Content-Type': 'multipart/form-data; boundary=bound'}, "
            "files={'f\"': ('n\"\\r\\n\\\\ä', b'x')}).read()",
        ),
    ),
    # Responses
    Difference(
        "Only encodings of text are charsets; others are read as UTF-8, and no peer chooses what its bytes will mean.",
        programs=(
            "Response(200, headers={'Content-Type': 'text/plain; charset=base64'}, content=b'aGk=').text",
            "Response(200, headers={'Content-Type': 'text/plain; charset=utf-7'}, content=b'+AGE-').text",
        ),
    ),
    Difference(
        "A line ends at LF, CR or CRLF. U+2028 and its kin are data, in JSON for one.",
        programs=("list(Response(200, content='a\\u2028b\\x0bc\\x0cd\\x85e'.encode()).iter_lines())",),
    ),
    Difference(
        "`x-gzip` is gzip (RFC 9110 §8.4.1.3).",
        programs=(
            "Response(200, headers={'Content-Encoding': 'x-gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10)).content[:2]",
        ),
    ),
    Difference(
        "Every member of a gzip stream is content (RFC 1952 §2.2), and one that is cut short is an error, not an end.",
        programs=(
            "Response(200, headers={'Content-Encoding': 'gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10) * 2).text",
            "Response(200, headers={'Content-Encoding': 'gzip'}, "
            "content=__import__('gzip').compress(b'hello ' * 10)[:-4]).text",
        ),
    ),
    Difference(
        "A quoted string in a Link is one piece (RFC 8288 §3).",
        programs=(
            "Response(200, headers={'Link': '<https://e.org/2>; rel=next; title=\"a, b; c\"'}).links",
        ),
    ),
    Difference("A status without a phrase is printed without a space for it.", programs=("repr(Response(299))",)),
    # Codes and errors
    Difference("Codes have the names of RFC 9110; HTTPX's are aliases.", programs=("[c.name for c in codes]",)),
    Difference(
        "Errors can be pickled, as between processes they are.",
        programs=(
            "pickle.loads(pickle.dumps(HTTPStatusError('no', request=Request('GET', 'https://example.org/'), "
            "response=Response(500)))).response.status_code",
        ),
    ),
    # Clients
    Difference(
        "A relative URL without a base URL reaches a transport of the program's own; HTTPX fails where it looks for cookies.",
        programs=tuple(
            program
            for call in ("get('/x')", "get('x/../y?q=1')", "get('')")
            for program in clients(f"client.{call}", without=("base_url",))
        ),
    ),
    Difference(
        "What is appended to a base URL with a query goes to its path; HTTPX appends it to the query.",
        programs=tuple(
            program
            for call in ("get('/x')", "get('x/../y?q=1')", "get('')")
            for program in clients(f"client.{call}", "api?key=1")
        ),
    ),
    Difference("An https URL without a host is none, with a base URL as well.", programs=clients("client.get('https://')")),
    Difference(
        "Credentials leave a URL when they are used, so that they are in no log and no Referer field.",
        programs=clients("client.get('https://me:secret@h.example/')"),
    ),
    Difference(
        "Credentials in a redirect's Location are not taken.",
        programs=(
            *clients("302?https://you:word@other.example/", "follow_redirects=True"),
            *clients("302?https://you:word@other.example/", "r.next_request"),
        ),
    ),
    Difference(
        "The time that a response took is known as soon as it has been read, also where all of it was there at once.",
        programs=clients("r.elapsed.total_seconds()"),
    ),
    Difference(
        "When its response is complete an app hears that its client has left, as under a server.",
        programs=clients('done.append((await receive())["type"])'),
    ),
]  # fmt: skip
