"""`import courser` gives everything, under the names that HTTPX has, and is the same thing as in the components."""

import enum
import importlib
import inspect
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import courser

COMPONENTS = [
    importlib.import_module(name) for name in ("courser_models", "courser_transport", "courser_auth", "courser_client")
]
OF_COURSER_ITSELF = {"install_as_httpx", "main"}

# The public names of HTTPX 0.28, by what they are.
HTTPX = {
    "class": """
        ASGITransport AsyncBaseTransport AsyncByteStream AsyncClient AsyncHTTPTransport Auth BaseTransport BasicAuth
        ByteStream Client Cookies DigestAuth HTTPTransport Headers Limits MockTransport NetRCAuth Proxy QueryParams
        Request Response SyncByteStream Timeout URL WSGITransport
    """,
    "error": """
        CloseError ConnectError ConnectTimeout CookieConflict DecodingError HTTPError HTTPStatusError InvalidURL
        LocalProtocolError NetworkError PoolTimeout ProtocolError ProxyError ReadError ReadTimeout RemoteProtocolError
        RequestError RequestNotRead ResponseNotRead StreamClosed StreamConsumed StreamError TimeoutException
        TooManyRedirects TransportError UnsupportedProtocol WriteError WriteTimeout
    """,
    "codes": "codes",
    "function": "create_ssl_context delete get head main options patch post put request stream",
    "constant": "USE_CLIENT_DEFAULT",
    "text": "__description__ __title__ __version__",
}
KINDS = {name: kind for kind, names in HTTPX.items() for name in names.split()}

# The names that httpx2 has besides, and those that nobody else has.
OURS_ALONE = {
    "install_as_httpx": "function",
    "query": "function",
    "AddressNotAllowed": "error",
    "AuthError": "error",
    "CachingResolver": "class",
    "CertificateError": "error",
    "CookieStore": "class",
    "CredentialsFileError": "error",
    "OAuth2ClientCredentials": "class",
    "Token": "class",
    "TokenAuth": "class",
    "TokenError": "error",
    "BearerAuth": "class",
    "FunctionAuth": "class",
    "ContentType": "class",
    "Decoder": "class",
    "DecodingLimitExceeded": "error",
    "InvalidHeader": "error",
    "Origin": "class",
    "Resolver": "class",
    "public_addresses_only": "function",
    "public_key_pin": "function",
    "register_codec": "function",
    "supported_codings": "function",
}

# The parents of the errors of HTTPX 0.28.
PARENTS = {
    "HTTPError": "Exception",
    "RequestError": "HTTPError",
    "TransportError": "RequestError",
    "TimeoutException": "TransportError",
    "ConnectTimeout": "TimeoutException",
    "ReadTimeout": "TimeoutException",
    "WriteTimeout": "TimeoutException",
    "PoolTimeout": "TimeoutException",
    "NetworkError": "TransportError",
    "ConnectError": "NetworkError",
    "ReadError": "NetworkError",
    "WriteError": "NetworkError",
    "CloseError": "NetworkError",
    "ProxyError": "TransportError",
    "ProtocolError": "TransportError",
    "LocalProtocolError": "ProtocolError",
    "RemoteProtocolError": "ProtocolError",
    "UnsupportedProtocol": "TransportError",
    "DecodingError": "RequestError",
    "HTTPStatusError": "HTTPError",
    "InvalidURL": "Exception",
    "CookieConflict": "Exception",
    "TooManyRedirects": "RequestError",
    "StreamError": "RuntimeError",
    "StreamConsumed": "StreamError",
    "StreamClosed": "StreamError",
    "RequestNotRead": "StreamError",
    "ResponseNotRead": "StreamError",
}


def kind_of(thing: Any) -> str:
    if isinstance(thing, type):
        if issubclass(thing, Exception):
            return "error"
        return "codes" if issubclass(thing, enum.IntEnum) else "class"
    if inspect.isfunction(thing):
        return "function"
    return "text" if isinstance(thing, str) else "constant"


def home_of(name: str) -> ModuleType | None:
    """Return the lowest component that has this name."""
    return next((component for component in COMPONENTS if name in component.__all__), None)


def test_all_lists_every_public_name_once() -> None:
    public = {name for name in vars(courser) if not name.startswith("_")}
    public -= {name for name in public if isinstance(getattr(courser, name), ModuleType)}

    assert len(set(courser.__all__)) == len(courser.__all__)
    assert set(courser.__all__) == public | {"__description__", "__title__", "__version__"}


def test_every_name_of_httpx_is_here_and_every_other_is_known() -> None:
    assert len(KINDS) == 69
    assert set(courser.__all__) == {*KINDS, *OURS_ALONE}
    assert {"FunctionAuth", "Origin", "query"} <= set(courser.__all__)  # httpx2's


@pytest.mark.parametrize("name", courser.__all__)
def test_a_name_is_of_the_kind_it_has_in_httpx(name: str) -> None:
    assert kind_of(getattr(courser, name)) == {**KINDS, **OURS_ALONE}[name]


@pytest.mark.parametrize(
    "name", [name for name in courser.__all__ if not name.startswith("__") and name not in OF_COURSER_ITSELF]
)
def test_a_name_is_the_same_thing_as_in_its_component(name: str) -> None:
    home = home_of(name)

    assert home is not None
    assert getattr(courser, name) is getattr(home, name)


@pytest.mark.parametrize("name", [name for name in courser.__all__ if isinstance(getattr(courser, name), type)])
def test_a_class_reports_the_component_that_defines_it(name: str) -> None:
    thing = getattr(courser, name)
    home = home_of(name)

    assert home is not None
    assert (thing.__module__, thing.__qualname__) == (home.__name__, name)
    assert pickle.loads(pickle.dumps(thing)) is thing


@pytest.mark.parametrize(("name", "parent"), PARENTS.items())
def test_an_error_has_the_parent_it_has_in_httpx(name: str, parent: str) -> None:
    assert getattr(courser, name).__bases__[0].__name__ == parent


def test_the_tree_of_errors_is_whole() -> None:
    errors = {name for name in courser.__all__ if kind_of(getattr(courser, name)) == "error"}

    assert errors == {*PARENTS, *(name for name, kind in OURS_ALONE.items() if kind == "error")}


@pytest.mark.parametrize("name", sorted(PARENTS))
def test_an_error_survives_pickling(name: str) -> None:
    error_class = getattr(courser, name)
    request = courser.Request("GET", "http://h/")
    if error_class is courser.HTTPStatusError:
        error = error_class("it failed", request=request, response=courser.Response(404))
    elif issubclass(error_class, courser.RequestError):
        error = error_class("it failed", request=request)
    else:
        error = error_class("it failed")

    restored = pickle.loads(pickle.dumps(error))

    assert (type(restored), str(restored), restored.args) == (error_class, "it failed", ("it failed",))
    if isinstance(error, courser.RequestError | courser.HTTPStatusError):
        assert restored.request.url == "http://h/"
    if isinstance(error, courser.HTTPStatusError):
        assert restored.response.status_code == 404


def test_what_clients_are_built_of_is_where_httpx_has_it() -> None:
    assert issubclass(courser.HTTPTransport, courser.BaseTransport)
    assert issubclass(courser.AsyncHTTPTransport, courser.AsyncBaseTransport)
    assert issubclass(courser.ByteStream, courser.SyncByteStream)
    assert issubclass(courser.ByteStream, courser.AsyncByteStream)
    assert courser.codes.OK == 200


def test_a_program_can_be_written_with_these_names_alone() -> None:
    class Echo(courser.BaseTransport):
        def handle_request(self, request: courser.Request) -> courser.Response:
            return courser.Response(courser.codes.OK, json=request.url.params.multi_items(), request=request)

    with courser.Client(transport=Echo(), timeout=courser.Timeout(5.0), limits=courser.Limits()) as client:
        response = client.get("https://example.org/", params={"a": [1, 2]})

    assert response.raise_for_status().json() == [["a", "1"], ["a", "2"]]


def test_title_description_and_version_are_texts() -> None:
    assert courser.__title__ == "courser"
    assert courser.__description__ == "A fast HTTP client for Python, for asyncio, trio and threads."
    assert [part.isdigit() for part in courser.__version__.split(".")] == [True, True, True]


def test_importing_loads_no_event_loop_and_nothing_that_is_not_used() -> None:
    program = (
        "import sys, courser; unused = {'asyncio', 'anyio', 'trio', 'h2', 'idna', 'certifi', 'click', 'rich', 'httpx'};"
        "print(*sorted(unused & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert (result.stdout.split(), result.stderr) == ([], "")


def test_importing_loads_little_beyond_asyncio_and_ssl() -> None:
    seldom = {
        *(
            "datetime",
            "email",
            "hashlib",
            "http",
            "importlib.util",
            "ipaddress",
            "json",
            "pathlib",
            "unicodedata",
            "urllib",
        ),
        *("courser.compat", "courser._drop_in", "courser._main"),
        *(
            f"courser_models.{name}"
            for name in ("_content_type", "_cookie_dates", "_idna", "_multipart", "_raw_url", "_status")
        ),
        *(
            f"courser_auth.{name}"
            for name in ("_basic", "_challenge", "_cookie_files", "_cookie_jar", "_digest", "_netrc")
        ),
        *("courser_auth._token", "courser_auth._steps"),
        *(f"courser_transport.{name}" for name in ("_asgi", "_mock", "_public_addresses", "_stats", "_wsgi")),
        *(
            f"courser_transport.{name}"
            for name in ("_aside", "_hand_over", "_http1._arbiter", "_http2", "_proxy", "_resolver")
        ),
        *(
            f"courser_transport._backends.{name}"
            for name in ("anyio", "asyncio", "threads", "_happy_eyeballs", "_lookup")
        ),
        *(f"courser_transport._tls.{name}" for name in ("_certificates", "_context", "_der", "_pins", "_reasons")),
    }
    program = (
        "import asyncio, ssl, sys; before = set(sys.modules); import courser; loaded = set(sys.modules) - before;"
        f"print(len(loaded), *sorted({seldom} & loaded))"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    number, *found = result.stdout.split()
    assert (found, result.stderr) == ([], "")
    assert int(number) <= 73


def test_what_nearly_every_program_needs_is_imported_at_once() -> None:
    needed = {
        *("AsyncClient", "Client", "AsyncHTTPTransport", "HTTPTransport", "get", "stream"),
        *("Request", "Response", "URL", "Headers", "Cookies", "Timeout", "Limits"),
        *("HTTPError", "HTTPStatusError", "ConnectError", "ReadTimeout"),
    }
    program = f"import courser; print(*sorted({needed} - set(vars(courser))))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == []


def test_what_is_imported_later_is_there_all_the_same() -> None:
    assert {*courser.__all__, "compat"} <= set(dir(courser))
    for name, module in courser._LATER.items():
        assert getattr(courser, name) is getattr(importlib.import_module(module), name)
    for component in COMPONENTS:
        assert set(component.__all__) <= set(dir(component))
    with pytest.raises(AttributeError, match="module 'courser' has no attribute 'AsyncClents'"):
        courser.AsyncClents  # noqa: B018  # type: ignore[attr-defined]
