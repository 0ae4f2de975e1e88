"""`Remade`: what holds connections is copied and pickled as the arguments that it was made with, and connects anew."""

from __future__ import annotations

import typing


class Remade:
    """Base of transports: a copy has the same settings, and nothing of what has happened since."""

    _made_with: tuple[tuple[typing.Any, ...], dict[str, typing.Any]]

    def __new__(cls, *arguments: typing.Any, **keywords: typing.Any) -> typing.Self:
        made = super().__new__(cls)
        made._made_with = (arguments, keywords)
        return made

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return _remake, (type(self), *self._made_with)


def _remake(cls: type[Remade], arguments: tuple[typing.Any, ...], keywords: dict[str, typing.Any]) -> Remade:
    return cls(*arguments, **keywords)
