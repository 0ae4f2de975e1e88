"""Programs about what goes over a connection and what comes of it, against the peers of `peer.py`.

They are written for `AsyncClient`, and read for `Client` as well. `url` and `other` are two peers, `wire()` is what has
arrived at the first, and `closed` an address where nobody listens.
"""

import re
import textwrap

WITH_CLIENT = "async with AsyncClient({settings}) as client:\n{body}\n{last}"


def for_client(program: str) -> str:
    """Return the same program for `Client`."""
    program = re.sub(r"\b(await|async) ", "", program)
    for name in ("Client", "HTTPTransport", "BaseTransport", "ByteStream"):
        program = program.replace(f"Async{name}", name)
    return re.sub(r"\ba(read|close|iter_\w+)\b", r"\1", program.replace("handle_async_request", "handle_request"))


def using(body: str, last: str = "r.text", settings: str = "") -> str:
    """Return a program whose client has these settings, does this, and is worth `last`."""
    return WITH_CLIENT.format(settings=settings, body=textwrap.indent(textwrap.dedent(body).strip(), "    "), last=last)


def got(path: str, last: str, settings: str = "", arguments: str = "") -> str:
    """Return a program that gets a path."""
    return using(f"r = await client.get(url + {path!r}{arguments})", last, settings)


SEEN = "r.status_code, [h.status_code for h in r.history], r.text, wire()"

SENT = [
    *(
        using(f"r = await client.{method}(url + '/echo')")
        for method in ("get", "options", "delete", "post", "put", "patch")
    ),
    using("r = await client.head(url + '/echo')", "r.content, wire()"),
    *(
        using(f"r = await client.request('POST', url + '/echo', {arguments})")
        for arguments in [
            "content=b'data'", "content='ü'", "content=b''", "content=None", "data={'a': '1', 'b': ['2', 'ü']}", "data={}",
            "json={'a': 'ü', 'b': [1, None]}", "json=None", "json=[]", "json=False",
            "content=b'data', headers={'Content-Type': 'a/b'}", "content=b'', headers={'Content-Length': '0'}",
            "files={'f': ('n.txt', b'data')}, headers={'Content-Type': 'multipart/form-data; boundary=b'}",
            "data={'a': '1'}, files={'f': b'data'}, headers={'Content-Type': 'multipart/form-data; boundary=b'}",
            "content=io.BytesIO(b'a file'), headers={'Content-Length': '6'}",
            "params={'q': 'a b&c', 'n': 1, 'l': [1, 2], 'none': None, 'yes': True}", "params='a=1&b=2'", "params=[('a', '1')]",
            "headers={'X-A': '1', 'x-b': '2'}", "headers=[('X-A', '1'), ('X-A', '2')]", "headers=[(b'X-A', b'1')]",
            "headers={'Host': 'other.example'}", "headers={'User-Agent': 'me'}", "headers={'Accept': 'a/b'}",
            "headers={'Connection': 'close'}", "headers={'accept-encoding': 'identity'}", "headers={'X-Empty': ''}",
            "cookies={'a': '1', 'b': '2'}", "cookies={'a': '1'}, headers={'Cookie': 'c=3'}",
            "auth=('ada', 'secret')", "auth=BasicAuth('ada', '')", "auth=None",
            "auth=lambda request: (request.headers.__setitem__('X-Signed', '1'), request)[1]",
            "extensions={'timeout': {'read': 5.0, 'connect': 5.0, 'write': 5.0, 'pool': 5.0}}",
        ]
    ),
    using("async def body():\n    yield b'one'\n    yield b'two'\nr = await client.post(url + '/echo', content=body())"),
    using(
        "async def body():\n    yield b'one'\n    yield b'two'\n"
        "r = await client.post(url + '/echo', content=body(), headers={'Content-Length': '6'})"
    ),
    *(
        using("r = await client.get(url + '/echo', headers={'X-B': '3'}, params={'b': '3'}, cookies={'b': '3'})", settings=s)
        for s in [
            "headers={'X-A': '1', 'X-B': '2'}", "params={'a': '1', 'b': '2'}", "cookies={'a': '1', 'b': '2'}",
            "headers=[('X-A', '1'), ('X-A', '2')]", "auth=('ada', 'secret')", "headers={'Accept-Encoding': 'br'}",
        ]
    ),
    *(
        using(f"r = await client.get({reference!r})", "r.text.split()[1]", f"base_url=url + {base!r}")
        for base in ["", "/", "/api", "/api/", "/api/v1", "/a%20b"]
        for reference in ["", "/", "x", "/x", "x/y", "./x", "../x", "x?q=1", "?q=1", "x#f", "/x%2Fy", "x y", "ü"]
    ),
    using("r = await client.get(other + '/echo')", "r.text.split()[1]", "base_url=url + '/api'"),
    using("r = await client.get(url + '/echo?a=1', params={'b': '2'})", "r.text.split()[1]"),
    using("r = await client.get(url + '/echo/a b/ü?q=a b&c=ü#f')", "r.text.split()[1], str(r.url) == url"),
    using("r = await client.get(url + '/echo/%7Ea%2Fb/%e4?x=%20+')", "r.text.split()[1]"),
    using("r = await client.get(url.replace('http://', 'http://ada:se%40cret@') + '/echo')"),
    using("r = await client.get(url.replace('http://', 'http://ada@') + '/echo')"),
    using("for n in range(3):\n    r = await client.get(url + f'/echo/{n}')", "len(wire())"),
    using(
        "request = client.build_request('PUT', url + '/echo', json=[1], headers={'X-A': '1'})\n"
        "request.headers['X-Late'] = '2'\nr = await client.send(request)"
    ),
    using("r = await client.send(Request('GET', url + '/echo'))"),
    using("r = await client.send(Request('POST', url + '/echo', content=b'x', headers={'A': '1'}))", settings="headers={'B': '2'}"),
]  # fmt: skip

RECEIVED = [
    *(
        got(path, last)
        for path in ["/chunked", "/trailers", "/interim", "/http10", "/to-the-end", "/says-close", "/no-phrase", "/json", "/gzip"]
        for last in [
            "r.status_code, r.reason_phrase, r.http_version",
            "r.content",
            "sorted((k, v) for k, v in r.headers.items())",
            "r.num_bytes_downloaded, r.is_closed, r.is_stream_consumed",
        ]
    ),
    *(got(f"/status/{status}", "r.status_code, r.reason_phrase, r.content, r.is_success, r.is_error, repr(r)")
      for status in ["200 OK", "201 Created", "204 No Content", "304 Not Modified", "404 Not Found", "418 Odd", "500 No", "299%20"]),
    *(got(f"/status/{status}", "r.raise_for_status()") for status in ["304 N", "400 B", "404 N", "500 N", "599 N"]),
    got("/status/404 Not Found", "HTTPStatusError('x', request=r.request, response=r).response.text"),
    got("/json", "r.json(), r.encoding, r.charset_encoding"),
    got("/fields", "r.headers.raw"),
    got("/fields", "r.headers.get_list('x-a'), r.headers['x-a'], r.headers['x-empty'], r.headers['x-latin']"),
    got("/lines", "list(r.iter_lines())"),
    got("/chunked", "r.elapsed.total_seconds() > 0"),
    got("/chunked", "sorted(r.extensions) and (r.extensions['http_version'], r.extensions['reason_phrase'])"),
    got("/large", "len(r.content), r.num_bytes_downloaded"),
    got("/echo", "r.encoding, r.text[:4]"),
    got("/status/200 OK", "r.encoding, r.text", "default_encoding='utf-16-le'"),
    got("/damaged", "r.text"),
    got("/chunked", "r.request.method, r.request.headers['host'] == url[7:], str(r.url) == url + '/chunked'"),
    got("/chunked", "r.next_request, r.history, r.has_redirect_location, r.links, r.cookies"),
]  # fmt: skip

_STREAM = "async with client.stream('GET', url + '{path}') as r:\n    {body}"
STREAMED = [
    *(
        using(_STREAM.format(path=path, body=body), last)
        for path in ("/chunked", "/large", "/gzip", "/status/204 No Content")
        for body, last in [
            ("x = b''.join([c async for c in r.aiter_bytes()])", "x, r.is_closed, r.is_stream_consumed"),
            ("x = [len(c) async for c in r.aiter_bytes(1000)]", "x"),
            ("x = b''.join([c async for c in r.aiter_raw()])", "x, r.num_bytes_downloaded"),
            ("x = [len(c) async for c in r.aiter_raw(64)]", "x"),
            ("x = ''.join([c async for c in r.aiter_text(7)])", "x"),
            ("x = [c async for c in r.aiter_lines()]", "x"),
            ("x = await r.aread()", "x, r.content == x, r.text"),
            ("x = r.status_code, r.is_closed", "x, r.is_closed, r.is_stream_consumed"),
            ("r.content", "0"),
            ("r.text", "0"),
            ("r.json()", "0"),
            ("await r.aread()\n    await r.aread()", "r.is_closed"),
            ("[c async for c in r.aiter_bytes()]\n    [c async for c in r.aiter_bytes()]", "0"),
            ("[c async for c in r.aiter_raw()]\n    await r.aread()", "0"),
            ("await r.aread()\n    x = [len(c) async for c in r.aiter_bytes(100)]", "x"),
            ("await r.aclose()\n    await r.aread()", "0"),
            ("await r.aclose()\n    await r.aclose()", "r.is_closed"),
            ("async for c in r.aiter_bytes(5):\n        break", "r.is_closed"),
            ("r.raise_for_status()", "r.is_closed"),
            ("x = r.elapsed", "0"),
        ]
    ),
    using("r = await client.send(client.build_request('GET', url + '/large'), stream=True)\nawait r.aclose()", "r.is_closed"),
    using(_STREAM.format(path="/to/302//echo", body="x = await r.aread()"), "r.status_code, [h.status_code for h in r.history], x[:4]", "follow_redirects=True"),
    using(_STREAM.format(path="/large", body="pass") + "\nr = await client.get(url + '/chunked')", "r.text, len(wire())"),
    using(_STREAM.format(path="/half", body="await r.aread()")),
    using(_STREAM.format(path="/damaged", body="await r.aread()")),
]  # fmt: skip

REDIRECTED = [
    *(
        using(
            f"r = await client.request('{method}', url + '/to/{status}//echo', {body})", SEEN,
            "follow_redirects=True, headers={'X-A': '1'}",
        )
        for status in (300, 301, 302, 303, 304, 305, 307, 308)
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
        for body in ("headers={'X-B': '2'}", "content=b'data', headers={'Content-Type': 'a/b'}", "json={'a': 1}")
    ),
    *(
        got(f"/to/302/{location}", "r.status_code, len(r.history), str(r.url).replace(url, ''), r.text", "follow_redirects=True")
        for location in ["/echo", "echo", "../echo", "?q=1", "#f", "/echo?a=b#f", "//", "", "/echo/ü", "/echo/a b", "/to/302//echo"]
    ),
    got("/to/302//echo#f", "str(r.url).replace(url, '')", "follow_redirects=True"),
    using("r = await client.get(url + '/to/302/' + other + '/echo')", "r.text.replace(other[7:], 'other')", "follow_redirects=True"),
    using("r = await client.get(url + '/to/302/' + other + '/echo', headers={'Authorization': 'a', 'X-A': 'b'})", "r.text.replace(other[7:], 'other')", "follow_redirects=True"),
    using("r = await client.get(url + '/to/302/' + other + '/echo')", "r.text.replace(other[7:], 'other')", "follow_redirects=True, auth=('ada', 'secret')"),
    using("r = await client.get(url + '/to/302//echo', auth=('ada', 'secret'))", SEEN, "follow_redirects=True"),
    using("r = await client.get(url + '/to/302//echo', headers={'Authorization': 'a', 'Cookie': 'b=c'})", SEEN, "follow_redirects=True"),
    using("r = await client.get(url + '/to/302//echo', params={'a': '1'}, cookies={'b': '2'})", SEEN, "follow_redirects=True"),
    using("r = await client.get(url + '/to/302//echo', follow_redirects=True)", SEEN),
    using("r = await client.get(url + '/to/302//echo', follow_redirects=False)", SEEN, "follow_redirects=True"),
    got("/to/302//echo", "n = r.next_request\nn.method, str(n.url) == url + '/echo', n.headers.raw == r.request.headers.raw"),
    using("r = await client.get(url + '/to/302//echo')\nr = await client.send(r.next_request)", SEEN),
    got("/to/302//echo", "r.has_redirect_location, r.is_redirect, r.text, r.is_closed"),
    got("/loop", "0", "follow_redirects=True, max_redirects=3"),
    got("/loop", "0", "follow_redirects=True, max_redirects=0"),
    using("try:\n    await client.get(url + '/loop')\nexcept TooManyRedirects as e:\n    r = e", "len(wire()), str(r.request.url) == url + '/loop'", "follow_redirects=True, max_redirects=5"),
    got("/to/302/ftp://h.example/", "0", "follow_redirects=True"),
    got("/to/302/http://[bad", "0", "follow_redirects=True"),
    got("/to/302/http://[bad", "r.status_code"),
    using("async def body():\n    yield b'one'\nr = await client.post(url + '/to/307//echo', content=body())", SEEN, "follow_redirects=True"),
    using("async def body():\n    yield b'one'\nr = await client.post(url + '/to/303//echo', content=body())", SEEN, "follow_redirects=True"),
    using("r = await client.post(url + '/to/307//echo', content=io.BytesIO(b'a file'), headers={'Content-Length': '6'})", SEEN, "follow_redirects=True"),
    using("r = await client.post(url + '/to/307//echo', files={'f': b'data'}, headers={'Content-Type': 'multipart/form-data; boundary=b'})", SEEN, "follow_redirects=True"),
]  # fmt: skip

COOKIES = [
    got("/cookie/a=1", "dict(r.cookies), dict(client.cookies)"),
    using("await client.get(url + '/cookie/a=1&b=2; Path=/')\nr = await client.get(url + '/echo')", "r.text, dict(client.cookies)"),
    using("await client.get(url + '/cookie/a=1; Path=/')\nawait client.get(url + '/cookie/a=; Max-Age=0; Path=/')\nr = await client.get(url + '/echo')"),
    using("await client.get(url + '/cookie/a=1; Path=/cookie')\nr = await client.get(url + '/echo')"),
    using("await client.get(url + '/cookie/a=1; Path=/echo')\nr = await client.get(url + '/echo')"),
    using("await client.get(url + '/cookie/a=1; Path=/')\nr = await client.get(url + '/echo', cookies={'a': '2'})"),
    using("await client.get(url + '/cookie/a=1; Path=/')\nr = await client.get(url + '/echo', cookies={'b': '2'})"),
    using("await client.get(url + '/cookie/a=1; Path=/')\nr = await client.get(url + '/echo', headers={'Cookie': 'b=2'})"),
    using("client.cookies.set('a', '1')\nr = await client.get(url + '/echo')"),
    using("client.cookies.set('a', '1', domain='other.example')\nr = await client.get(url + '/echo')"),
    using("client.cookies.clear()\nr = await client.get(url + '/echo')", settings="cookies={'a': '1'}"),
    got("/cookie-to/a=1; Path=%2F/echo", SEEN, "follow_redirects=True"),
    got("/cookie-to/a=1/echo", "[dict(h.cookies) for h in r.history], dict(client.cookies)", "follow_redirects=True"),
]  # fmt: skip

AUTH = [
    *(got("/basic", "r.status_code, len(r.history), r.text, len(wire())", settings=s) for s in ["auth=('ada', 'secret')", "auth=('ada', 'no')", "auth=BasicAuth('ada', 'secret')", ""]),
    *(
        got(f"/digest/{challenge}", "r.status_code, [h.status_code for h in r.history], r.text", "auth=DigestAuth('ada', 'secret')")
        for challenge in ["", ', qop="auth"', ', algorithm=MD5', ', algorithm=SHA-256, qop="auth"', ', algorithm=SHA-512', ', algorithm=MD5-SESS, qop="auth,auth-int"']
    ),
    got("/digest/, algorithm=FOO", "r.status_code", "auth=DigestAuth('ada', 'secret')"),
    got("/digest/, qop=\"auth-int\"", "r.status_code", "auth=DigestAuth('ada', 'secret')"),
    got("/basic", "r.status_code", "auth=DigestAuth('ada', 'secret')"),
    using("for _ in range(3):\n    r = await client.get(url + '/digest/, qop=\"auth\"')", "len(wire()), [part for part in r.text.split() if part.startswith('nc=')]", "auth=DigestAuth('ada', 'secret')"),
    using("r = await client.post(url + '/digest/', content=b'data')", "r.status_code, wire()", "auth=DigestAuth('ada', 'secret')"),
    using("r = await client.get(url + '/to/302//basic')", "r.status_code, len(wire())", "auth=('ada', 'secret'), follow_redirects=True"),
    using("r = await client.get(url + '/to/302//digest')", "r.status_code, [h.status_code for h in r.history]", "auth=DigestAuth('ada', 'secret'), follow_redirects=True"),
]  # fmt: skip

_SHORT = "timeout=Timeout(5.0, read=0.1)"
FAILED = [
    *(got(path, "r.text", _SHORT) for path in ["/silent", "/slow", "/close", "/half", "/half-chunked", "/nonsense", "/bad-length", "/bad-chunk", "/reset"]),
    *(using(f"r = await client.get(url + '{path}')", "0", "timeout=0.1") for path in ["/silent", "/slow"]),
    using("r = await client.get(url + '/silent', timeout=0.1)", "0"),
    using("r = await client.get(closed)", "0"),
    using("r = await client.get('http://name.invalid/')", "0"),
    using("r = await client.get('https://' + url[7:])", "0", "verify=False"),
    using("r = await client.get('ftp://h.example/')", "0"),
    using("r = await client.get('/relative')", "0"),
    using("r = await client.get('')", "0"),
    using("r = await client.get(url + '/silent')", "0", "timeout=(1.0, 0.1, 1.0, 1.0)"),
    using("r = await client.post(url + '/echo', content=b'x', headers={'Content-Length': '5'}, timeout=0.2)", "0"),
    using("try:\n    await client.get(url + '/silent', timeout=0.1)\nexcept ReadTimeout as e:\n    r = e", "str(r.request.url) == url + '/silent', r.request.method, isinstance(r, TransportError)"),
    using("async with client.stream('GET', url + '/slow') as a:\n    await client.get(url + '/echo')", "0", "limits=Limits(max_connections=1), timeout=Timeout(5.0, pool=0.1)"),
    using("try:\n    await client.get(url + '/reset')\nexcept NetworkError:\n    pass\nr = await client.get(url + '/chunked')"),
    using("await client.aclose()\nr = await client.get(url + '/echo')", "0"),
    "client = AsyncClient()\nawait client.aclose()\nasync with client:\n    pass",
    "async with AsyncClient() as client:\n    async with client:\n        pass",
    "client = AsyncClient()\nr = await client.get(url + '/chunked')\nx = client.is_closed\nawait client.aclose()\nx, client.is_closed",
]  # fmt: skip

_HOOKS = "event_hooks={'request': [note, late], 'response': [note, late]}"
HOOKED = [
    "seen = []\nasync def note(it): seen.append(type(it).__name__)\nasync def late(it): seen.append(it.headers.get('x-a', '-'))\n"
    + using(body, "seen, r.text", settings)
    for body, settings in [
        ("r = await client.get(url + '/chunked')", _HOOKS),
        ("r = await client.get(url + '/to/302//echo')", f"{_HOOKS}, follow_redirects=True"),
        ("r = await client.get(url + '/basic')", f"{_HOOKS}, auth=('ada', 'secret')"),
        ("r = await client.get(url + '/digest/')", f"{_HOOKS}, auth=DigestAuth('ada', 'secret')"),
        ("r = await client.get(url + '/fields')", _HOOKS),
    ]
] + [
    "async def change(request): request.headers['X-Changed'] = '1'\n" + using("r = await client.get(url + '/echo')", settings="event_hooks={'request': [change]}"),
    "async def read(response): await response.aread()\n" + using("r = await client.get(url + '/chunked')", settings="event_hooks={'response': [read]}"),
    "async def refuse(response): response.raise_for_status()\n" + using("r = await client.get(url + '/status/404 N')", settings="event_hooks={'response': [refuse]}"),
    "async def fail(request): raise ValueError('no')\n" + using("r = await client.get(url + '/echo')", "0", "event_hooks={'request': [fail]}"),
]  # fmt: skip

ASYNC = [*SENT, *RECEIVED, *STREAMED, *REDIRECTED, *COOKIES, *AUTH, *FAILED, *HOOKED]
# The functions without a client know no other world.
FUNCTIONS = [
    *(f"r = {method}(url + '/echo', headers={{'X-A': '1'}}, params={{'a': '1'}}, cookies={{'b': '2'}}, auth=('c', 'd'))\nr.text" for method in ("get", "options", "delete", "post", "put", "patch")),
    "r = head(url + '/echo')\nr.status_code, r.content",
    "r = post(url + '/echo', json={'a': 1}, timeout=3.0)\nr.text",
    "r = put(url + '/echo', data={'a': '1'})\nr.text",
    "r = patch(url + '/echo', content=b'data')\nr.text",
    "r = request('PROPFIND', url + '/echo', content=b'data')\nr.text",
    "with stream('GET', url + '/large') as r:\n    x = len(b''.join(r.iter_bytes()))\nx, r.is_closed",
    "r = get(url + '/to/302//echo')\nr.status_code, len(r.history)",
    "r = get(url + '/to/302//echo', follow_redirects=True)\nr.status_code, len(r.history)",
    "get(url + '/silent', timeout=0.1)",
    "get(closed)",
]  # fmt: skip
PROGRAMS = [*ASYNC, *(for_client(program) for program in ASYNC), *FUNCTIONS]
