"""Values of fields that have a structure of their own: lists, parameters, links (RFC 9110 §5.6).

A quoted string is one piece, whatever separators it holds; one that never ends runs to the end of the value. What is
malformed is passed over, and never raises: these values come from peers.
"""

from __future__ import annotations

import re

_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)'
_LINK = rf'<([^<>]*)>((?:[^",]|{_QUOTED})*)'


def read_links(value: str) -> dict[str, dict[str, str]]:
    """Return the links of a `Link` value (RFC 8288 §3): parameters and `url`, by relation, or by URL without one.

    A link with several relations stands under each of them; of several links with one relation the last counts.
    """
    links: dict[str, dict[str, str]] = {}
    for match in re.finditer(_LINK, value, re.DOTALL):
        url = match[1].strip()
        link = {"url": url, **parameters(match[2])}
        if "title*" in link:
            link["title"] = _extended(link["title*"]) or link.get("title", "")
        for relation in link.get("rel", "").lower().split() or [url]:
            links[relation] = link
    return links


def split(value: str, separator: str) -> list[str]:
    """Return the elements between the separators (`,` or `;`) that stand outside of quoted strings."""
    if '"' not in value:
        return [element.strip() for element in value.split(separator)]
    elements: list[str] = []
    start = 0
    for match in re.finditer(f"{_QUOTED}|{separator}", value, re.DOTALL):
        if match[0] == separator:
            elements.append(value[start : match.start()].strip())
            start = match.end()
    elements.append(value[start:].strip())
    return elements


def parameters(text: str) -> dict[str, str]:
    """Return `;name=value` pairs; of a repeated name the first counts."""
    parameters: dict[str, str] = {}
    for element in split(text, ";"):
        name, equals, value = element.partition("=")
        if equals and name.strip():
            value = value.strip()
            quoted = re.match(_QUOTED, value, re.DOTALL)
            if quoted is not None:
                value = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
            parameters.setdefault(name.strip().lower(), value)
    return parameters


def _extended(value: str) -> str:
    """Return the text of `charset'language'escaped` (RFC 8187 §3.2), or nothing where it is not that."""
    import urllib.parse

    charset, _, rest = value.partition("'")
    if charset.lower() not in ("utf-8", "iso-8859-1"):
        return ""
    return urllib.parse.unquote(rest.partition("'")[2], charset, "replace")
