"""Programs about what clients send, follow, keep and refuse; each once for `Client` and once for `AsyncClient`."""

import textwrap

SETTINGS = [
    "",
    "headers={'X-Name': '1', 'Accept': 'text/csv'}",
    "params={'a': '1', 'b': ['2', '3']}",
    "cookies={'c': '1'}",
    "base_url='https://h.example/api/'",
    "base_url='https://h.example/api?key=1'",
    "auth=('me', 'secret')",
    "timeout=3.0",
    "timeout=None",
    "timeout=Timeout(1.0, read=None)",
    "follow_redirects=True",
    "max_redirects=0",
    "default_encoding='latin-1'",
    "trust_env=False",
]
CALLS = [
    "get('https://h.example/x?q=1')",
    "get('https://h.example/x?q=1', params={'a': '9'})",
    "get('https://h.example/x?q=1', params={})",
    "get('https://h.example/x?q=1', params=None)",
    "get('/x')",
    "get('x/../y?q=1')",
    "get('')",
    "get(URL('https://h.example/#part'))",
    "get('https://me:secret@h.example/')",
    "get('https://h.example/', headers={'x-name': '2', 'Accept': 'a/b'})",
    "get('https://h.example/', headers=[('X-Name', '2'), ('X-Name', '3')])",
    "get('https://h.example/', headers={'Authorization': 'Bearer t'})",
    "get('https://h.example/', headers={'Host': 'other.example', 'User-Agent': 'me'})",
    "get('https://h.example/', auth=None)",
    "get('https://h.example/', auth=('you', 'word'))",
    "get('https://h.example/', timeout=7)",
    "get('https://h.example/', timeout=None)",
    "get('https://h.example/', timeout=USE_CLIENT_DEFAULT)",
    "get('https://h.example/', extensions={'timeout': {'read': 1.0}})",
    "get('https://h.example:443/')",
    "get('http://h.example:80/')",
    "options('https://h.example/')",
    "delete('https://h.example/', params={'a': '9'})",
    "post('https://h.example/')",
    "post('https://h.example/', content=b'data')",
    "post('https://h.example/', content='text')",
    "post('https://h.example/', json={'a': [1, 'ü']})",
    "post('https://h.example/', json=None)",
    "post('https://h.example/', json=[])",
    "post('https://h.example/', data={'a': '1', 'b': ['2', '3']})",
    "post('https://h.example/', data={})",
    "post('https://h.example/', files={'f': ('n.txt', b'data')}, headers={'Content-Type': 'multipart/form-data; boundary=b'})",
    "put('https://h.example/', json={'a': 1}, headers={'Content-Type': 'a/b'})",
    "request('get', 'https://h.example/', content=b'data')",
    "request('DELETE', 'https://h.example/', json=[1])",
    "request('QUERY', 'https://h.example/', content=b'q')",
    "send(Request('GET', 'https://h.example/'))",
    "send(Request('POST', 'https://h.example/', content=b'data'), auth=('you', 'word'))",
    "get('ftp://h.example/')",
    "get('https://')",
    "get(1)",
    "request('GET', None)",
]
LOCATIONS = [
    "/there",
    "there",
    "?q=1",
    "//other.example/",
    "http://h.example/",
    "https://h.example:444/",
    "/there|part",
]
LOCATIONS += ["https://you:word@other.example/", "", "ftp://h.example/", "https://h.example/%7Ea", "../up", "/a b"]

_SEEN = "(r.status_code, [(h.status_code, str(h.url)) for h in r.history], str(r.url), r.text, dict(client.cookies))"


def both(handler: str, settings: str, program: str) -> list[str]:
    """Return the program for each client; `$` stands before what an async program awaits."""
    programs = []
    for client, wait in [("Client", ""), ("AsyncClient", "await ")]:
        given = ", ".join(part for part in (f"transport=MockTransport({handler})", settings) if part)
        programs.append(f"client = {client}({given}); {program.replace('$', wait)}")
    return programs


PROGRAMS = [
    program
    for settings in SETTINGS
    for call in CALLS
    for program in both("echo", settings, f"r = $client.{call}; r.json()")
]
for _status in (300, 301, 302, 303, 304, 307, 308, 399):
    for _method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        PROGRAMS += both(
            "redirect",
            "follow_redirects=True, headers={'Authorization': 'a', 'Cookie': 'b=c', 'X-Key': 'd'}",
            f"r = $client.request('{_method}', 'https://h.example/{_status}?/there', content=b'data'); {_SEEN}",
        )
for _location in LOCATIONS:
    for _settings in ("follow_redirects=True", "follow_redirects=True, auth=('me', 'secret')", ""):
        PROGRAMS += both("redirect", _settings, f"r = $client.get('https://h.example/302?{_location}'); {_SEEN}")
    PROGRAMS += both(
        "redirect",
        "",
        f"r = $client.get('https://h.example/302?{_location}'); n = r.next_request; (n.method, str(n.url), sorted(n.headers))",
    )
for _handler, _settings, _program in [
    ("loop", "follow_redirects=True", "$client.get('https://h.example/')"),
    ("loop", "follow_redirects=True, max_redirects=3", "$client.get('https://h.example/')"),
    ("loop", "", "r = $client.get('https://h.example/', follow_redirects=True)"),
    ("loop", "follow_redirects=True", "r = $client.get('https://h.example/', follow_redirects=False); r.status_code"),
    ("loop", "follow_redirects=True", "r = $client.get('https://h.example/', follow_redirects=USE_CLIENT_DEFAULT)"),
    ("challenge", "auth=('me', 'secret')", "r = $client.get('https://h.example/'); (r.status_code, len(r.history))"),
    ("challenge", "", "r = $client.get('https://h.example/'); (r.status_code, r.text)"),
    ("challenge", "", "r = $client.get('https://me:secret@h.example/'); r.json()"),
    ("challenge", "auth=lambda request: request", "r = $client.get('https://h.example/'); r.status_code"),
    ("challenge", "auth='me'", "client"),
    ("cookie", "", "$client.get('https://h.example/'); r = $client.get('https://h.example/a'); r.json()"),
    ("cookie", "", "$client.get('https://h.example/'); r = $client.get('https://other.example/a'); r.json()"),
    ("cookie", "cookies={'seen': '0'}", "$client.get('https://h.example/'); sorted(client.cookies.values())"),
    ("cookie", "", "r = $client.get('https://h.example/'); dict(r.cookies)"),
    ("status", "", "r = $client.get('https://h.example/404'); r.raise_for_status()"),
    ("status", "", "r = $client.get('https://h.example/200'); r.raise_for_status() is r"),
    ("status", "", "r = $client.get('https://h.example/200'); (r.is_closed, r.is_stream_consumed, r.http_version)"),
    ("status", "", "r = $client.get('https://h.example/200'); r.elapsed.total_seconds() > 0"),
    ("status", "", "r = $client.get('https://h.example/204'); (r.is_success, r.reason_phrase)"),
    ("status", "default_encoding='latin-1'", "r = $client.get('https://h.example/200'); (r.encoding, r.text)"),
    ("status", "default_encoding=lambda content: 'utf-16'", "r = $client.get('https://h.example/200'); r.encoding"),
    ("broken", "", "$client.get('https://h.example/')"),
    ("broken", "follow_redirects=True, auth=('me', 'secret')", "$client.get('https://h.example/')"),
    ("echo", "", "client.is_closed"),
    ("echo", "headers={'a': 'b'}", "client.headers = {'c': 'd'}; sorted(set(client.headers) - {'user-agent'})"),
    ("echo", "params={'a': 'b'}", "client.params = {'c': 'd'}; str(client.params)"),
    ("echo", "cookies={'a': 'b'}", "client.cookies = {'c': 'd'}; dict(client.cookies)"),
    ("echo", "", "client.base_url = 'https://h.example/a'; str(client.base_url)"),
    ("echo", "", "client.timeout = 3; repr(client.timeout)"),
    ("echo", "", "client.timeout = (1, 2, 3, 4); repr(client.timeout)"),
    ("echo", "", "client.auth = ('a', 'b'); isinstance(client.auth, BasicAuth)"),
    ("echo", "", "client.auth = None; client.auth"),
    ("echo", "", "client.auth"),
    ("echo", "", "client.event_hooks"),
    ("echo", "event_hooks={'request': [print]}", "client.event_hooks == {'request': [print], 'response': []}"),
    ("echo", "", "client.event_hooks = {'response': [print]}; client.event_hooks['request']"),
    ("echo", "trust_env=False", "client.trust_env"),
    ("echo", "nonsense=1", "client"),
]:
    PROGRAMS += both(_handler, _settings, _program)


def lines(program: str) -> str:
    """Return a program of several lines, as it would be written."""
    return textwrap.dedent(program).strip()


def scheme(body: str) -> list[str]:
    """Return programs about a scheme with this `auth_flow`, and what it needs, in both clients."""
    head = f"class Scheme(Auth):\n{textwrap.indent(lines(body), '    ')}\n"
    return [
        head + program
        for program in both(
            "challenge",
            "auth=Scheme()",
            "r = $client.post('https://h.example/', content=b'data'); (r.status_code, r.text, len(r.history))",
        )
    ]


PROGRAMS += [
    *scheme("""
        def auth_flow(self, request):
            request.headers["Authorization"] = "mine"
            yield request
    """),
    *scheme("""
        def auth_flow(self, request):
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = response.headers["www-authenticate"]
                yield request
    """),
    *scheme("""
        requires_response_body = True
        def auth_flow(self, request):
            response = yield request
            request.headers["Authorization"] = response.text
            yield request
    """),
    *scheme("""
        requires_request_body = True
        def auth_flow(self, request):
            request.headers["Authorization"] = request.content.decode()
            yield request
    """),
    *scheme("""
        def auth_flow(self, request):
            token = yield Request("GET", "https://h.example/token", headers={"Authorization": "a"})
            request.headers["Authorization"] = str(token.status_code)
            yield request
    """),
    *scheme("""
        def auth_flow(self, request):
            raise ValueError("no")
            yield request
    """),
    *scheme("""
        def auth_flow(self, request):
            yield request
            raise ValueError("no")
    """),
    *scheme("""
        def sync_auth_flow(self, request):
            request.headers["Authorization"] = "sync"
            yield request
        async def async_auth_flow(self, request):
            request.headers["Authorization"] = "async"
            yield request
    """),
    *scheme("pass"),
    # Written for HTTPX: transports, wrappers, clients that were extended, hooks
    lines("""
        class Transport(BaseTransport):
            def handle_request(self, request):
                return Response(200, json={"path": request.url.path})
        with Client(transport=Transport()) as client: r = client.get("https://h.example/a")
        r.json()
    """),
    lines("""
        class Transport(AsyncBaseTransport):
            async def handle_async_request(self, request):
                return Response(200, json={"path": request.url.path})
        async with AsyncClient(transport=Transport()) as client: r = await client.get("https://h.example/a")
        r.json()
    """),
    lines("""
        class Wrapper(BaseTransport):
            def __init__(self, inner): self.inner, self.closed = inner, 0
            def handle_request(self, request):
                request.headers["X-Added"] = "1"
                response = self.inner.handle_request(request)
                response.headers["X-Seen"] = "1"
                return response
            def close(self): self.closed += 1
        wrapper = Wrapper(MockTransport(echo))
        with Client(transport=wrapper) as client: r = client.get("https://h.example/a")
        (r.headers["x-seen"], "x-added" in r.text, wrapper.closed)
    """),
    lines("""
        class Stream(SyncByteStream):
            def __iter__(self):
                yield b"a"
                yield b"b"
        class Transport(BaseTransport):
            def handle_request(self, request): return Response(200, stream=Stream())
        with Client(transport=Transport()).stream("GET", "https://h.example/") as r: chunks = list(r.iter_raw())
        chunks
    """),
    lines("""
        class Stream(AsyncByteStream):
            async def __aiter__(self):
                yield b"a"
                yield b"b"
        class Transport(AsyncBaseTransport):
            async def handle_async_request(self, request): return Response(200, stream=Stream())
        async with AsyncClient(transport=Transport()).stream("GET", "https://h.example/") as r: content = await r.aread()
        content
    """),
    lines("""
        class Mine(Client):
            def send(self, request, **keywords):
                request.headers["X-Mine"] = "1"
                return super().send(request, **keywords)
        with Mine(transport=MockTransport(echo)) as client:
            texts = [client.get("https://h.example/").text, client.request("POST", "https://h.example/").text]
            with client.stream("GET", "https://h.example/") as r: texts.append(r.read().decode())
        ["x-mine" in text for text in texts]
    """),
    lines("""
        class Mine(AsyncClient):
            async def send(self, request, **keywords):
                request.headers["X-Mine"] = "1"
                return await super().send(request, **keywords)
        async with Mine(transport=MockTransport(aecho)) as client:
            texts = [(await client.get("https://h.example/")).text, (await client.put("https://h.example/")).text]
            async with client.stream("GET", "https://h.example/") as r: texts.append((await r.aread()).decode())
        ["x-mine" in text for text in texts]
    """),
    lines("""
        class Mine(Client):
            def request(self, method, url, **keywords):
                return super().request(method, "https://h.example/mine" + url, **keywords)
            def build_request(self, *arguments, **keywords):
                request = super().build_request(*arguments, **keywords)
                request.headers["X-Built"] = "1"
                return request
        r = Mine(transport=MockTransport(echo)).get("/a")
        (r.json()["url"], "x-built" in r.text)
    """),
    lines("""
        class Mine(AsyncClient):
            async def request(self, method, url, **keywords):
                return await super().request(method, "https://h.example/mine" + url, **keywords)
        r = await Mine(transport=MockTransport(aecho)).put("/a", json={"a": 1})
        (r.request.method, r.json()["url"])
    """),
    lines("""
        seen = []
        hooks = {"request": [lambda q: seen.append(q.method)], "response": [lambda r: seen.append(r.status_code)]}
        client = Client(transport=MockTransport(redirect), event_hooks=hooks, follow_redirects=True)
        client.post("https://h.example/303?/there")
        seen
    """),
    lines("""
        seen = []
        async def request_hook(request): seen.append(request.method)
        async def response_hook(response): seen.append((response.status_code, await response.aread() != b""))
        hooks = {"request": [request_hook], "response": [response_hook]}
        client = AsyncClient(transport=MockTransport(redirect), event_hooks=hooks, follow_redirects=True)
        await client.post("https://h.example/303?/there")
        seen
    """),
    lines("""
        def refuse(response): response.raise_for_status()
        client = Client(transport=MockTransport(status), event_hooks={"response": [refuse]})
        client.get("https://h.example/500")
    """),
    lines("""
        client = Client(transport=MockTransport(echo))
        client.close()
        client.close()
        client.get("https://h.example/")
    """),
    lines("""
        client = AsyncClient(transport=MockTransport(echo))
        await client.aclose()
        await client.aclose()
        client.is_closed
    """),
    lines("""
        client = Client(transport=MockTransport(echo))
        with client: pass
        with client: pass
    """),
    lines("""
        client = Client(transport=MockTransport(echo))
        client.get("https://h.example/")
        with client: pass
    """),
    lines("""
        client = Client(transport=MockTransport(echo))
        r = client.send(client.build_request("GET", "https://h.example/"), stream=True)
        before = r.is_closed
        r.close()
        (before, r.is_closed)
    """),
    lines("""
        client = AsyncClient(transport=MockTransport(echo))
        r = await client.get("https://h.example/")
        (r.request.method, str(r.request.url), r.history, r.next_request)
    """),
    "Client(transport=MockTransport(aecho)).get('https://h.example/')",
    "r = await AsyncClient(transport=MockTransport(aecho)).get('https://h.example/'); r.json()",
    "Client(transport=MockTransport(echo)).patch('https://h.example/', content=iter([b'a', b'b'])).json()",
    "await AsyncClient(transport=MockTransport(echo)).post('https://h.example/', content=iter([b'a', b'b']))",
    # Apps
    lines("""
        def app(environ, start_response):
            start_response("201 Made", [("Content-Type", "text/plain"), ("X-A", "1"), ("X-A", "2")])
            names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "REMOTE_ADDR", "SCRIPT_NAME")
            return [repr([environ[name] for name in names] + [environ["wsgi.input"].read()]).encode()]
        r = Client(transport=WSGITransport(app, script_name="/s")).post("https://h.example/a%20b?q=%20", content=b"data")
        (r.status_code, r.headers.get_list("x-a"), r.text)
    """),
    lines("""
        def app(environ, start_response): raise ValueError("no")
        Client(transport=WSGITransport(app)).get("https://h.example/")
    """),
    lines("""
        async def app(scope, receive, send):
            names = ("type", "method", "scheme", "path", "raw_path", "query_string", "client", "root_path", "http_version")
            message = await receive()
            told = repr([scope[name] for name in names] + [message["body"], sorted(dict(scope["headers"]))])
            await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1"), (b"x-a", b"2")]})
            await send({"type": "http.response.body", "body": told.encode()})
        client = AsyncClient(transport=ASGITransport(app, root_path="/s"))
        r = await client.post("https://h.example/a%20b?q=%20", content=b"data")
        (r.status_code, r.headers.get_list("x-a"), r.text)
    """),
    lines("""
        async def app(scope, receive, send): raise ValueError("no")
        await AsyncClient(transport=ASGITransport(app)).get("https://h.example/")
    """),
    lines("""
        async def app(scope, receive, send): raise ValueError("no")
        r = await AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False)).get("https://h.example/")
        (r.status_code, r.text)
    """),
    lines("""
        done = []
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", "text/plain")]})
            await send({"type": "http.response.body", "body": b"hello"})
            done.append((await receive())["type"])
        r = await AsyncClient(transport=ASGITransport(app)).get("https://h.example/")
        (r.text, done)
    """),
    lines("""
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})
            raise ValueError("later")
        await AsyncClient(transport=ASGITransport(app)).get("https://h.example/")
    """),
]
