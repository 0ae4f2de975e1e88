"""Internationalised host names: Unicode to the ASCII that goes on the wire, and back for people.

UTS 46 decides what a name may hold and how it is mapped, as it does in browsers (WHATWG URL §3.3, «domain to ASCII»,
not strict): non-transitional, joiners and direction checked, hyphens and the length of labels not. Only this way
`☃.net`, which IDNA 2008 alone would refuse, is the same host here as in the program that showed the link. The tables
and the rules of the labels are those of the package idna, which is imported when the first such name is met.

Both functions are quadratic in places (NFC, Punycode); their callers cap the length first.
"""

from __future__ import annotations

import functools


def to_ascii(domain: str) -> str:
    """Return `domain` with each label in ASCII (UTS 46 §4.2).

    A name that is ASCII already is only brought into lower case: whether its `xn--` labels mean anything is for the
    DNS to say. Raises `ValueError` for a name that no label rule allows.
    """
    if domain.isascii():
        return domain.lower()
    import idna

    labels = [_unicode_label(label) for label in idna.uts46_remap(domain, std3_rules=False).split(".")]
    _check_labels(labels)
    return ".".join(_ascii_label(label) for label in labels)


@functools.lru_cache(maxsize=1024)
def to_unicode(host: str) -> str:
    """Return a name in ASCII with every label decoded that means something (UTS 46 §4.3).

    What is returned always leads back to `host`; where the decoded labels would not, the name is returned unchanged.
    """
    shown = ".".join(_shown_label(label) for label in host.split("."))
    try:
        return shown if to_ascii(shown) == host else host
    except ValueError:
        return host


def _shown_label(label: str) -> str:
    try:
        return _unicode_label(label)
    except ValueError:  # it only looks like an A-label
        return label


def _unicode_label(label: str) -> str:
    """Return the label decoded if it is an A-label (UTS 46 §4, step 4); raises `ValueError` for a broken one."""
    if not label.startswith("xn--"):
        return label
    if not label.isascii():
        raise ValueError(f"label {label!r} begins like one in ASCII but is not")
    import idna

    decoded = label[4:].encode("ascii").decode("punycode")
    if decoded.isascii() or decoded.startswith("xn--") or _ascii_label(decoded) != label:
        raise ValueError(f"label {label!r} is not the encoding of any name")
    if idna.uts46_remap(decoded, std3_rules=False) != decoded:
        raise ValueError(f"label {label!r} encodes characters that no label may hold")
    return decoded


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _check_labels(labels: list[str]) -> None:
    """Apply the validity criteria that the mapping does not imply (UTS 46 §4.1): marks, joiners, direction."""
    import unicodedata

    import idna.core

    directed = any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for label in labels for character in label)
    for label in filter(None, labels):
        idna.core.check_initial_combiner(label)
        for position, character in enumerate(label):
            if character in "\u200c\u200d" and not idna.core.valid_contextj(label, position):
                raise ValueError(f"label {label!r} has a joiner, U+{ord(character):04X}, where none may stand")
        if directed:
            idna.core.check_bidi(label, check_ltr=True)
