"""What HTTPX 0.28.1 has can be called here in the same way: names, parameters, defaults, and what has to be awaited.

More is allowed, as long as it is given by name.
"""

import inspect
from typing import Any

import httpx
import pytest

import courser

NAMES = [name for name in httpx.__all__ if not name.startswith("__")]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(httpx, name))]


def callables() -> list[tuple[str, Any, Any]]:
    """Return what can be called in HTTPX, and what it is called here: functions, constructors and methods."""
    found = []
    for name in NAMES:
        theirs, ours = getattr(httpx, name), getattr(courser, name)
        if inspect.isfunction(theirs):
            found.append((name, theirs, ours))
        elif inspect.isclass(theirs) and not issubclass(theirs, BaseException | int):
            for member in ["__init__", *public_members(theirs)]:
                method = inspect.getattr_static(theirs, member, None)
                if inspect.isfunction(method):
                    found.append((f"{name}.{member}", method, getattr(ours, member, None)))
    return found


def public_members(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def value(default: Any) -> str:
    """Return a default so that those of the two libraries can be compared."""
    if "Unset" in type(default).__name__:
        return "not given"
    return {"UseClientDefault": "the client's"}.get(type(default).__name__, repr(default))


CALLABLES = [pytest.param(*found, id=found[0]) for found in callables()]


def test_every_name_is_here() -> None:
    assert set(httpx.__all__) <= set(courser.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_every_member(name: str) -> None:
    for member in public_members(getattr(httpx, name)):
        assert hasattr(getattr(courser, name), member), member


@pytest.mark.parametrize("name", CLASSES)
def test_what_can_be_set_there_can_be_set_here(name: str) -> None:
    for member in public_members(getattr(httpx, name)):
        theirs = inspect.getattr_static(getattr(httpx, name), member)
        ours = inspect.getattr_static(getattr(courser, name), member)
        if isinstance(theirs, property) and isinstance(ours, property):
            assert theirs.fset is None or ours.fset is not None, member


def test_every_parameter_is_here() -> None:
    assert len(CALLABLES) > 140
    absent = {
        f"{name}({parameter})"
        for name, theirs, ours in callables()
        for parameter in parameters(theirs)
        if parameter not in parameters(ours)
    }

    assert absent == set()


@pytest.mark.parametrize(("name", "theirs", "ours"), CALLABLES)
def test_a_parameter_is_given_as_there_and_has_the_same_default(name: str, theirs: Any, ours: Any) -> None:
    there, here = parameters(theirs), parameters(ours)

    for parameter in there.keys() & here.keys():
        assert here[parameter].kind is there[parameter].kind, parameter
        assert value(here[parameter].default) == value(there[parameter].default), parameter


@pytest.mark.parametrize(("name", "theirs", "ours"), CALLABLES)
def test_what_is_given_by_place_has_its_place(name: str, theirs: Any, ours: Any) -> None:
    def by_place(function: Any) -> list[str]:
        return [
            parameter
            for parameter, about in parameters(function).items()
            if about.kind in (about.POSITIONAL_ONLY, about.POSITIONAL_OR_KEYWORD)
        ]

    there = by_place(theirs)
    assert by_place(ours)[: len(there)] == there


@pytest.mark.parametrize(("name", "theirs", "ours"), CALLABLES)
def test_what_is_awaited_there_is_awaited_here(name: str, theirs: Any, ours: Any) -> None:
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize("client", [courser.Client, courser.AsyncClient])
def test_query_is_called_as_post_is(client: Any) -> None:
    assert parameters(client.query) == parameters(client.post)
