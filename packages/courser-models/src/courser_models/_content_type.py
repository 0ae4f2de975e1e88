"""`ContentType`: a media type and its parameters (RFC 9110 §8.3), for programs that want more of it than a charset."""

from __future__ import annotations

import re
import typing

from ._fields import parameters

_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")


class ContentType(typing.NamedTuple):
    """What a `Content-Type` field says (RFC 9110 §8.3)."""

    media_type: str
    """Type and subtype in lower case, such as `"text/html"`."""
    parameters: dict[str, str]
    """The parameters by their lower-case names, quoting undone."""

    @property
    def charset(self) -> str | None:
        """The `charset` parameter as it is written, or None."""
        return self.parameters.get("charset")


# Its public home, also where it is loaded by what a field says, and not by its name.
ContentType.__module__ = "courser_models"


def read_content_type(value: str) -> ContentType | None:
    """Return what a `Content-Type` value says, or None where it names no media type."""
    head, _, rest = value.partition(";")
    media_type = head.strip().lower()
    return ContentType(media_type, parameters(rest)) if _MEDIA_TYPE.fullmatch(media_type) else None
