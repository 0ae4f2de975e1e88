"""Run one small program against a library, and tell what came out of it in words that both libraries share."""

import ast
import asyncio
import inspect
import pickle
import types
import typing
from collections.abc import Mapping
from typing import Any

from .answers import answers

HELPERS = {"pickle": pickle}


def outcome(program: str, library: types.ModuleType, known: Mapping[str, Any] | None = None) -> Any:
    """Return what the last expression of `program` is worth, or what it raises.

    The program knows every public name of `library`, the answers of `answers.py`, and what is `known` besides. A result
    is told in builtin types, so that those of the two libraries can be compared; of an exception the name of its class
    counts, and not its sentence.
    """
    names: dict[str, Any] = {name: getattr(library, name) for name in dir(library) if not name.startswith("_")}
    names |= HELPERS | answers(library) | dict(known or {})
    tree = ast.parse(program)
    if not isinstance(tree.body[-1], ast.Expr):
        tree.body.append(ast.Expr(ast.Constant("done", lineno=1, col_offset=0), lineno=1, col_offset=0))
    last = ast.Expression(typing.cast(ast.Expr, tree.body.pop()).value)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    async def run() -> Any:
        before = eval(compile(tree, "<program>", "exec", flags), names)
        if inspect.isawaitable(before):
            await before
        value = eval(compile(last, "<program>", "eval", flags), names)
        return _told(await value if inspect.isawaitable(value) else value)

    try:
        return asyncio.run(run())
    except Exception as error:
        return f"raises {type(error).__name__}"


def _told(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, tuple):
        return tuple(_told(item) for item in value)
    if isinstance(value, (list, set, frozenset)):
        return [_told(item) for item in (value if isinstance(value, list) else sorted(value))]
    kind = type(value).__name__
    if kind in ("URL", "QueryParams", "Origin"):
        return f"{kind}: {value}"
    if kind in ("Headers", "Cookies"):
        return f"{kind}: {sorted(value.items())}"
    if isinstance(value, Mapping):
        return {_told(key): _told(item) for key, item in value.items()}
    if isinstance(value, Exception):
        return kind
    if hasattr(value, "__iter__"):
        return [_told(item) for item in value]
    return kind
