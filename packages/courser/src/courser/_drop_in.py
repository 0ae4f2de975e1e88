"""`install_as_httpx`: courser where `import httpx` and `import httpx2` look.

Modules are made, filled from the table in `_httpx_modules`, and put into `sys.modules` before anybody asks for them.
From then on there is no other HTTPX in the process, so an SDK's `isinstance(client, httpx.Client)` means our `Client`,
and its `except httpx.ReadTimeout` catches what we raise.

httpcore, which HTTPX sends its requests with, stays what it is, but for its errors. Libraries that are handed a
connection (`response.extensions["network_stream"]`) wait for `httpcore.ReadError` to learn that it is gone, and with a
class of its own they would wait for ever; so httpcore is given ours when it is imported.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence

# What they are asked for by `__version__`: the releases that courser's own tests compare it with.
_VERSIONS = {"httpx": "0.28.1", "httpx2": "2.16.2"}
_ERRORS_OF = {"httpx": "httpcore", "httpx2": "httpcore2"}


def install_as_httpx(*names: str) -> None:
    """Let `import httpx` and `import httpx2` give courser, in this process, from now on.

    `names` are the modules to stand in for; by default both. To be called before anything imports them: raises
    `RuntimeError`, and changes nothing, where one was imported already. Calling it again does nothing.

    For programs, never for libraries. For pytest, whose plugins import HTTPX before any test does, there is
    `pytest -p courser.as_httpx`.
    """
    wanted = [name for name in names or _VERSIONS if not isinstance(sys.modules.get(name), _StandIn)]
    unknown = set(wanted) - _VERSIONS.keys()
    if unknown:
        raise ValueError(f"courser stands in for {' and '.join(_VERSIONS)}, not for {', '.join(sorted(unknown))}")
    for name in [*wanted, *(_ERRORS_OF[name] for name in wanted)]:
        before = sys.modules.get(name)
        if before is not None:
            raise RuntimeError(
                f"{name} was imported already, from {getattr(before, '__file__', None)}, and what imported it holds "
                f"its classes; call courser.install_as_httpx() before anything imports {name}"
            )
    for name in wanted:
        _install(name)


class _StandIn(types.ModuleType):
    """A module of ours under a name of HTTPX's."""

    def __getattr__(self, name: str) -> typing.NoReturn:
        raise AttributeError(f"module {self.__name__!r} is courser's, which has no {name!r} there")


def _install(name: str) -> None:
    import courser

    from ._httpx_modules import ATTRIBUTES, modules

    public = {public_name: getattr(courser, public_name) for public_name in courser.__all__}
    private = modules()
    made = {name: _module(name, public, is_package=True)}
    for below, names in private.items():
        is_package = any(other.startswith(f"{below}.") for other in private)
        made[f"{name}.{below}"] = _module(f"{name}.{below}", names, is_package)
    for full_name, module in made.items():
        parent, _, own_name = full_name.rpartition(".")
        if parent:
            setattr(made[parent], own_name, module)
    made[f"{name}.__version__"].__dict__["__version__"] = _VERSIONS[name]
    made[name].__dict__.update(__version__=_VERSIONS[name], __all__=list(courser.__all__))
    for owner, attributes in ATTRIBUTES.items():
        for attribute, value in attributes.items():
            setattr(owner, attribute, value)
    sys.modules.update(made)
    sys.meta_path.insert(0, _ErrorsFinder(_ERRORS_OF[name]))


def _module(name: str, names: Mapping[str, typing.Any], is_package: bool) -> _StandIn:
    module = _StandIn(name, "Courser, in the place of HTTPX.")
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, origin=__file__, is_package=is_package)
    module.__file__ = __file__
    if is_package:
        module.__path__ = []
    module.__package__ = name if is_package else name.rpartition(".")[0]
    module.__dict__.update(names)
    return module


class _ErrorsFinder:
    """Finds httpcore where it is, and lets it be loaded with our errors."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of httpcore, with a loader of ours around its own."""
        if fullname != self._name:
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(fullname, path, target)
                if spec is not None and spec.loader is not None:
                    loader: typing.Any = _ErrorsLoader(spec.loader)
                    spec.loader = loader
                    return spec
        return None


class _ErrorsLoader:
    """Loads httpcore with a module of errors that is there before its own is looked for."""

    def __init__(self, loader: typing.Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """Return the module that httpcore's own loader makes."""
        module: types.ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Run httpcore."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        errors = _httpcore_errors()
        # httpcore writes its own name on everything it offers; these classes are not its own.
        written = {error: error.__module__ for error in errors.values() if isinstance(error, type)}
        name = f"{module.__name__}._exceptions"
        sys.modules[name] = _module(name, errors, is_package=False)
        self._loader.exec_module(module)
        for error, own_module in written.items():
            error.__module__ = own_module
        module.__dict__["_exceptions"] = sys.modules[name]


def _httpcore_errors() -> dict[str, typing.Any]:
    """Return what httpcore's module of errors holds, made of ours."""
    import courser

    names = """
        ConnectError ConnectTimeout LocalProtocolError NetworkError PoolTimeout ProtocolError ProxyError ReadError
        ReadTimeout RemoteProtocolError TimeoutException UnsupportedProtocol WriteError WriteTimeout
    """
    return {
        **{name: getattr(courser, name) for name in names.split()},
        "ConnectionNotAvailable": _ConnectionNotAvailable,
        "ExceptionMapping": Mapping[type[Exception], type[Exception]],
        "map_exceptions": _map_exceptions,
    }


class _ConnectionNotAvailable(Exception):
    """What httpcore's pool is told by a connection that others were quicker to take."""


@contextlib.contextmanager
def _map_exceptions(classes: Mapping[type[Exception], type[Exception]]) -> Iterator[None]:
    """Raise errors as the class that theirs is mapped to."""
    try:
        yield
    except Exception as error:
        for theirs, ours in classes.items():
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise
