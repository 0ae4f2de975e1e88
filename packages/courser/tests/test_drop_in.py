"""`install_as_httpx`: each test is a program of its own, since what it does is for the whole process and for good."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def run(program: str, folder: Path | None = None) -> str:
    """Run a program, in whose `sys.path` the folder comes first, and return what it printed."""
    begin = f"import sys; sys.path.insert(0, {str(folder)!r})\n" if folder else ""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", begin + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_both_names_are_courser() -> None:
    run("""
        import courser
        courser.install_as_httpx()
        import httpx, httpx2
        for module in (httpx, httpx2):
            assert set(module.__all__) == set(courser.__all__)
            for name in courser.__all__:
                assert name == "__version__" or getattr(module, name) is getattr(courser, name), name
        assert (httpx.__version__, httpx2.__version__) == ("0.28.1", "2.16.2")
        from httpx import *
        assert Client is courser.Client
    """)


def test_a_name_that_is_given_is_the_only_one() -> None:
    run("""
        import sys, courser
        courser.install_as_httpx("httpx2")
        import httpx2
        assert httpx2.Client is courser.Client
        assert "httpx" not in sys.modules
    """)


def test_calling_it_again_does_nothing() -> None:
    run("""
        import sys, courser
        courser.install_as_httpx("httpx")
        import httpx, httpx._types
        before, finders = dict(sys.modules), list(sys.meta_path)
        courser.install_as_httpx("httpx")
        assert sys.modules == before and sys.meta_path == finders
        courser.install_as_httpx()
        import httpx2
        assert sys.modules["httpx"] is httpx and httpx2.Client is httpx.Client
    """)


def test_any_other_name_is_refused() -> None:
    run("""
        import courser
        try:
            courser.install_as_httpx("requests")
        except ValueError as error:
            assert str(error) == "courser stands in for httpx and httpx2, not for requests"
        else:
            raise SystemExit("it was not refused")
    """)


@pytest.mark.parametrize("name", ["httpx", "httpx2", "httpcore"])
def test_after_the_real_one_was_imported_it_is_refused_and_nothing_changes(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("")

    shown = run(
        f"""
        import sys, courser, {name}
        install_as_httpx = courser.install_as_httpx
        before, finders = dict(sys.modules), list(sys.meta_path)
        try:
            install_as_httpx()
        except RuntimeError as error:
            print(error)
        assert sys.modules == before and sys.meta_path == finders
        """,
        tmp_path,
    )

    assert shown == (
        f"{name} was imported already, from {tmp_path / f'{name}.py'}, and what imported it holds its classes; call "
        f"courser.install_as_httpx() before anything imports {name}\n"
    )


def test_a_real_one_that_is_installed_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "httpx").mkdir()
    for file in ("__init__", "_client", "_not_in_ours"):
        (tmp_path / "httpx" / f"{file}.py").write_text("raise SystemExit('the real one was loaded')")

    run(
        """
        import importlib, importlib.util, courser
        courser.install_as_httpx()
        import httpx._client
        from httpx import _types
        assert importlib.import_module("httpx._client").Client is courser.Client
        assert importlib.import_module("._types", "httpx") is _types
        assert importlib.util.find_spec("httpx").name == "httpx"
        assert importlib.util.find_spec("httpx._transports.default").name == "httpx._transports.default"
        try:
            import httpx._not_in_ours
        except ModuleNotFoundError as error:
            assert error.name == "httpx._not_in_ours"
        else:
            raise SystemExit("there is no such module")
        """,
        tmp_path,
    )


def test_importing_as_httpx_does_it() -> None:
    run("""
        import courser.as_httpx, httpx
        assert httpx.Client is courser.Client
    """)


def test_what_libraries_import_from_private_modules_is_there() -> None:
    run("""
        import courser.as_httpx
        from httpx.__version__ import __version__
        from httpx._api import get, stream
        from httpx._auth import Auth, BasicAuth, DigestAuth, FunctionAuth, NetRCAuth
        from httpx._client import USE_CLIENT_DEFAULT, AsyncClient, BaseClient, Client, ClientState, EventHook
        from httpx._client import UseClientDefault
        from httpx._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Limits, Proxy, Timeout
        from httpx._content import AsyncIteratorByteStream, ByteStream, IteratorByteStream
        from httpx._decoders import LineDecoder, TextDecoder
        from httpx._exceptions import HTTPError, ReadTimeout
        from httpx._main import main
        from httpx._models import Cookies, Headers, Request, Response
        from httpx._status_codes import codes
        from httpx._transports.asgi import ASGITransport
        from httpx._transports.base import AsyncBaseTransport, BaseTransport
        from httpx._transports.default import AsyncHTTPTransport, HTTPTransport
        from httpx._transports.mock import MockTransport
        from httpx._transports.wsgi import WSGITransport
        from httpx._urls import URL, QueryParams

        assert __version__ == "0.28.1"
        assert issubclass(Client, BaseClient) and issubclass(AsyncClient, BaseClient)
        assert Client()._state is ClientState.UNOPENED
        assert USE_CLIENT_DEFAULT.__class__ is UseClientDefault
        with Client() as client:
            assert client.timeout == DEFAULT_TIMEOUT_CONFIG and client.max_redirects == DEFAULT_MAX_REDIRECTS
        assert DEFAULT_LIMITS.max_connections == 100
    """)


def test_aliases_of_arguments_work_with_optional_and_with_a_bar() -> None:
    run("""
        import typing, courser.as_httpx
        from httpx import _types
        names = '''
            AuthTypes CertTypes CookieTypes FileContent FileTypes HeaderTypes PrimitiveData ProxyTypes QueryParamTypes
            RequestContent RequestData RequestExtensions RequestFiles ResponseContent ResponseExtensions TimeoutTypes
            URLTypes
        '''
        for name in names.split():
            alias = getattr(_types, name)
            typing.Optional[alias], typing.Union[alias, int], alias | None, None | alias
    """)


def test_a_name_that_is_missing_is_told() -> None:
    run("""
        import courser.as_httpx, httpx
        for module, name in [(httpx, "no_such"), (httpx._client, "no_such")]:
            assert not hasattr(module, name)
            try:
                module.no_such
            except AttributeError as error:
                assert str(error) == f"module {module.__name__!r} is courser's, which has no 'no_such' there"
    """)


def test_bodies_are_built_as_libraries_build_them() -> None:
    run("""
        import asyncio, io, courser.as_httpx
        from httpx._content import encode_json, encode_multipart_data, encode_urlencoded_data
        from httpx._multipart import MultipartStream

        form = MultipartStream({"to": ["me", 1]}, {"report": ("r.txt", b"all well")}, b"0123")
        sent = courser.Request("POST", "http://h/", data={"to": ["me", 1]}, files={"report": ("r.txt", b"all well")},
                               headers={"Content-Type": "multipart/form-data; boundary=0123"}).read()
        assert b"".join(form) == sent
        assert form.get_headers() == {
            "Content-Length": str(len(sent)), "Content-Type": "multipart/form-data; boundary=0123"
        }
        assert form.boundary == b"0123"

        async def collect():
            return b"".join([chunk async for chunk in MultipartStream({}, [("f", io.BytesIO(b"1"))], b"0123")])

        assert b'filename="upload"' in asyncio.run(collect())

        headers, stream = encode_json({"a": 1})
        assert headers == {"Content-Length": "7", "Content-Type": "application/json"}
        assert b"".join(stream) == b'{"a":1}'
        headers, stream = encode_urlencoded_data({"a": 1})
        assert headers["Content-Type"] == "application/x-www-form-urlencoded" and b"".join(stream) == b"a=1"
        headers, stream = encode_multipart_data({}, {"f": b"1"}, b"0123")
        assert headers["Content-Type"] == "multipart/form-data; boundary=0123"
    """)


def test_the_parts_of_a_url_can_be_looked_at() -> None:
    run("""
        import courser.as_httpx
        from httpx._urlparse import urlparse
        text = "https://ada:secret@example.org:8443/a%20b?c=d#e"
        parts = courser.URL(text)._uri_reference
        assert parts == urlparse(text)
        assert (parts.scheme, parts.userinfo, parts.host, parts.port) == ("https", "ada:secret", "example.org", 8443)
        assert (parts.path, parts.query, parts.fragment) == ("/a%20b", "c=d", "e")
        assert (parts.netloc, parts.authority) == ("example.org:8443", "ada:secret@example.org:8443")
        assert str(parts) == text
        assert urlparse("http://[::1]/", path="/b").netloc == "[::1]"
    """)


HTTPCORE = {
    "__init__": """
        from ._exceptions import ReadError, WriteError, map_exceptions
        __all__ = ["ReadError", "WriteError"]
        for name in __all__:
            globals()[name].__module__ = "httpcore"
    """,
    "_exceptions": "class ReadError(Exception): pass\nclass WriteError(Exception): pass\ndef map_exceptions(): pass",
}


def test_httpcore_stays_what_it_is_but_for_its_errors(tmp_path: Path) -> None:
    (tmp_path / "httpcore").mkdir()
    for file, text in HTTPCORE.items():
        (tmp_path / "httpcore" / f"{file}.py").write_text(textwrap.dedent(text))

    run(
        f"""
        import sys, courser
        courser.install_as_httpx()
        assert "httpcore" not in sys.modules
        import httpcore, httpcore._exceptions
        assert httpcore.__file__ == {str(tmp_path / "httpcore" / "__init__.py")!r}
        assert type(httpcore.__loader__).__name__ == type(httpcore.__spec__.loader).__name__ == "SourceFileLoader"
        assert httpcore.ReadError is httpcore._exceptions.ReadError is courser.ReadError
        assert courser.ReadError.__module__ == "courser_transport"
        try:
            with httpcore.map_exceptions({{OSError: httpcore.WriteError}}):
                raise BrokenPipeError("gone")
        except courser.WriteError as error:
            assert str(error) == "gone" and isinstance(error.__cause__, BrokenPipeError)
        """,
        tmp_path,
    )


def test_a_program_without_httpcore_does_not_find_it() -> None:
    run("""
        import sys, courser
        courser.install_as_httpx()
        sys.path[:] = []
        sys.path_importer_cache.clear()
        try:
            import httpcore
        except ModuleNotFoundError as error:
            assert error.name == "httpcore"
        else:
            raise SystemExit("where was it?")
    """)
