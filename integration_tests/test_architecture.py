"""What five packages promise each other: one class under every name, errors that travel, imports that cost little."""

import importlib
import inspect
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import courser

COMPONENTS = ("courser_models", "courser_transport", "courser_auth", "courser_client")


def public_names() -> list[tuple[ModuleType, str]]:
    """Return every public name of every component, with the component that offers it."""
    modules = [importlib.import_module(component) for component in COMPONENTS]
    return [(module, name) for module in modules for name in module.__all__]


def public_classes_and_functions() -> list[Any]:
    things = [(module, name, getattr(module, name)) for module, name in public_names()]
    return [
        pytest.param(module, thing, id=f"{module.__name__}.{name}")
        for module, name, thing in things
        if inspect.isclass(thing) or inspect.isfunction(thing)
    ]


def errors() -> list[type[Exception]]:
    """Return every exception class that a component offers."""
    things = {getattr(module, name) for module, name in public_names() if name[0].isupper()}
    found = [thing for thing in things if inspect.isclass(thing) and issubclass(thing, Exception)]
    return sorted(found, key=lambda error: error.__name__)


def test_what_courser_exports_is_what_the_components_define() -> None:
    shared = [(module, name) for module, name in public_names() if name in exported()]

    assert shared
    for module, name in shared:
        assert getattr(courser, name) is getattr(module, name), f"{name} is not that of {module.__name__}"


def test_whatever_courser_exports_comes_from_a_component_or_is_about_the_whole() -> None:
    known = {name for _, name in public_names()}

    assert exported() - known == {"install_as_httpx", "main"}


def exported() -> set[str]:
    """Return what courser offers, but for `__version__`, of which every distribution has its own."""
    return {name for name in courser.__all__ if not name.startswith("__")}


@pytest.mark.parametrize(("module", "thing"), public_classes_and_functions())
def test_a_public_name_reports_a_module_it_can_be_imported_from(module: ModuleType, thing: Any) -> None:
    assert thing.__module__ in COMPONENTS
    assert getattr(importlib.import_module(thing.__module__), thing.__name__) is thing
    # A component may pass on what belongs to one below it, never what belongs to one above.
    assert COMPONENTS.index(thing.__module__) <= COMPONENTS.index(module.__name__)


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_an_error_survives_pickling(error: type[Exception]) -> None:
    request = courser.Request("GET", "http://example.org/")
    original = an_instance_of(error, request)

    restored = pickle.loads(pickle.dumps(original))

    assert type(restored) is error
    assert restored.args == original.args
    assert str(restored) == str(original) != ""
    if isinstance(restored, courser.RequestError | courser.HTTPStatusError):
        assert (restored.request.method, restored.request.url) == ("GET", request.url)
    if isinstance(restored, courser.HTTPStatusError):
        assert restored.response.status_code == 404


def an_instance_of(error: type[Exception], request: courser.Request) -> Exception:
    if issubclass(error, courser.HTTPStatusError):
        return error("not found", request=request, response=courser.Response(404, request=request))
    if issubclass(error, courser.RequestError):
        return error("something went wrong", request=request)
    try:
        return error("something went wrong")
    except TypeError:
        return error()  # those that always say the same


def test_the_errors_form_the_tree_that_httpx_has() -> None:
    parents = {name: parent.__name__ for name in TREE if (parent := getattr(courser, name).__mro__[1])}

    assert parents == TREE


TREE = {
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
    "ProtocolError": "TransportError",
    "LocalProtocolError": "ProtocolError",
    "RemoteProtocolError": "ProtocolError",
    "UnsupportedProtocol": "TransportError",
    "DecodingError": "RequestError",
    "HTTPStatusError": "HTTPError",
    "InvalidURL": "Exception",
    "StreamError": "RuntimeError",
    "StreamConsumed": "StreamError",
    "StreamClosed": "StreamError",
    "ResponseNotRead": "StreamError",
    "RequestNotRead": "StreamError",
}


def test_importing_courser_loads_no_optional_package() -> None:
    unwanted = {"h2", "hpack", "hyperframe", "trio", "anyio", "sniffio", "click", "rich", "socksio"}

    assert {name.split(".")[0] for name in footprint("courser")} & unwanted == set()


def test_importing_courser_loads_no_certificates() -> None:
    in_fresh_interpreter("""if True:
        import ssl

        def refuse(*arguments, **keywords):
            raise AssertionError("certificates were loaded")

        ssl.SSLContext.load_verify_locations = refuse
        ssl.SSLContext.load_default_certs = refuse
        ssl.SSLContext.set_default_verify_paths = refuse
        import courser
    """)


def test_importing_the_models_loads_no_network() -> None:
    unwanted = {"socket", "_socket", "ssl", "_ssl", "asyncio", "anyio", "select", "selectors"}

    assert footprint("courser_models") & unwanted == set()


@pytest.mark.parametrize(
    ("component", "above"),
    [
        ("courser_models", {"courser_transport", "courser_auth", "courser_client", "courser"}),
        ("courser_transport", {"courser_auth", "courser_client", "courser"}),
        ("courser_auth", {"courser_transport", "courser_client", "courser"}),
        ("courser_client", {"courser"}),
    ],
)
def test_a_component_imports_nothing_above_or_beside_it(component: str, above: set[str]) -> None:
    assert footprint(component) & above == set()


def footprint(module: str) -> set[str]:
    """Return the modules that a fresh interpreter loads for an import."""
    program = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    return set(in_fresh_interpreter(program).split())


def in_fresh_interpreter(program: str) -> str:
    """Run the program where nothing has been imported yet, and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout
