"""The picture of a run: an SVG with a panel for each of a few scenarios and a bar for each client.

Written by hand, so that no library is needed to draw forty rectangles. A panel has its own scale, since a download and
a request have nothing in common. A bar that would leave the panel is cut, which its end shows, and its figure stands
beside it; otherwise the slowest client would flatten all others.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from report import number

SHOWN = ("get-64", "get-64-uvloop", "get-64-tls", "get-64-http2", "get-sync", "get-1000", "download", "download-http2")
_COLUMNS = 2
_WIDTH, _NAMES, _BARS = 470, 78, 320
_HEADING, _ROW, _BAR, _GAP, _MARGIN = 46, 19, 13, 22, 12
# A bar longer than so many times that of courser is cut.
_CUT = 8.0
_STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; }
    .unit, .figure { fill: #57606a; }
    .peer { fill: #b6c0cc; }
    .courser { fill: #1f6feb; }
    .floor { fill: #dfe4ea; }
    .name-courser, .figure-courser { font-weight: 600; fill: #24292f; }
"""


def draw(document: dict[str, Any]) -> str:
    """Return the SVG of a run's document, as `report.as_document` made it."""
    panels = [_panel(document["scenarios"][name]) for name in SHOWN if name in document["scenarios"]]
    panels = [panel for panel in panels if panel]
    rows = [panels[first : first + _COLUMNS] for first in range(0, len(panels), _COLUMNS)]
    parts, top = [], _MARGIN
    for row in rows:
        for column, panel in enumerate(row):
            left = _MARGIN + column * (_WIDTH + _GAP)
            parts.append(f'<g transform="translate({left} {top})">')
            parts += [line for _, line in panel]
            parts.append("</g>")
        top += max(height for panel in row for height, _ in panel) + _GAP
    width, height = 2 * _MARGIN + _COLUMNS * _WIDTH + (_COLUMNS - 1) * _GAP, top
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="courser beside other clients, a panel for each kind of work">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _panel(scenario: dict[str, Any]) -> list[tuple[int, str]]:
    """Return the lines of a panel, each with the height that it reaches; nothing when nobody was measured."""
    medians = {name: client["median"] for name, client in scenario["clients"].items() if "median" in client}
    if not medians:
        return []
    longest = max(medians.values())
    if "courser" in medians:
        longest = min(longest, _CUT * medians["courser"])
    better = "more is better" if scenario["more_is_better"] else "less is better"
    lines = [
        (14, _text(0, 14, "title", scenario["title"])),
        (30, _text(0, 30, "unit", f"{scenario['unit']}, {better}")),
    ]
    for position, (name, median) in enumerate(
        sorted(medians.items(), key=lambda item: item[1], reverse=scenario["more_is_better"])
    ):
        top = _HEADING + position * _ROW
        length = max(1.0, min(median / longest, 1.0) * _BARS) if longest else 1.0
        kind = name if name in ("courser", "floor") else "peer"
        base = top + _BAR - 2
        lines.append((top + _ROW, _text(_NAMES - 6, base, f"name-{kind}", name, anchor="end")))
        lines.append((top + _ROW, _bar(_NAMES, top, length, kind, cut=median > longest)))
        lines.append((top + _ROW, _text(_NAMES + length + 6, base, f"figure figure-{kind}", number(median))))
    return lines


def _bar(left: int, top: int, length: float, kind: str, cut: bool) -> str:
    if not cut:
        return f'<rect class="{kind}" x="{left}" y="{top}" width="{length:.1f}" height="{_BAR}"/>'
    right, middle, bottom = left + length, top + _BAR / 2, top + _BAR
    points = f"{left},{top} {right:.1f},{top} {right - 6:.1f},{middle} {right:.1f},{bottom} {left},{bottom}"
    return f'<polygon class="{kind}" points="{points}"/>'


def _text(left: float, base: float, kind: str, content: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{left:.0f}" y="{base:.0f}" text-anchor="{anchor}">{escape(content)}</text>'
