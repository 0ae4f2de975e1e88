"""docs/performance.md from a run: `python tools/bench/page.py` renews it, `--check` only says whether it is current.

The run is kept as docs/performance.json, so that whoever doubts a figure has all of them. The picture beside it is
drawn from it, and of the page itself everything between two markers is written from it; what stands outside is prose
and holds no figure of its own:

    <!-- bench: goals -->
    …
    <!-- /bench -->
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chart
from report import number, write

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python tools/bench/page.py [--check]", file=sys.stderr)
        return 2
    outdated = list(differences(DOCS))
    for path, text in outdated:
        if arguments:
            print(f"{path} is not what python tools/bench/page.py makes of docs/performance.json", file=sys.stderr)
        else:
            path.write_text(text, "utf-8")
            print(f"wrote {path}")
    return 1 if arguments and outdated else 0


def publish(document: dict[str, Any], docs: Path = DOCS) -> list[Path]:
    """Make this run the one that the documentation shows; return the files that were written."""
    run = docs / "performance.json"
    run.write_text(write(document), "utf-8")
    outdated = list(differences(docs))
    for path, text in outdated:
        path.write_text(text, "utf-8")
    return [run, *(path for path, _ in outdated)]


def differences(docs: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that do not show the run that is kept, each with the text that would."""
    document = json.loads((docs / "performance.json").read_text("utf-8"))
    picture, page = docs / "performance.svg", docs / "performance.md"
    wanted = {picture: chart.draw(document), page: fill(page.read_text("utf-8"), document)}
    for path, text in wanted.items():
        if not path.exists() or path.read_text("utf-8") != text:
            yield path, text


def fill(page: str, document: dict[str, Any]) -> str:
    """Return the page with what is between its markers made from this run."""

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}\n{_BLOCKS[match[2]](document)}\n\n{match[3]}"

    return _BLOCK.sub(block, page)


def _conditions(document: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items() if version)
    lines = [
        f"This run began on {document['started'].partition('T')[0]} and took {number(document['minutes'])} minutes: "
        f"{document['python']} on {document['machine']}, {document['server']}; {versions}."
    ]
    if document["neighbours"] is not None:
        lines.append(f"Others used {document['neighbours']:.2f} cores meanwhile.")
    if document["left_out"]:
        lines.append(f"Not installed, and left out: {', '.join(document['left_out'])}.")
    return " ".join(lines)


def _goals(document: dict[str, Any]) -> str:
    rows = [
        (
            goal["title"],
            goal["subject"],
            goal["bound"],
            goal["shown"],
            goal["outcome"].replace("NOT MET", "**not met**"),
        )
        for goal in document["goals"]
    ]
    decided = [goal["met"] for goal in document["goals"]]
    summary = (
        f"{decided.count(True)} of {len(decided)} goals met, {decided.count(False)} not met, "
        f"{decided.count(None)} without a verdict."
    )
    return summary + "\n\n" + _table(("Work", "Compared", "Goal", "Reached", ""), rows)


def _figures(document: dict[str, Any]) -> str:
    """Return a table for each unit."""
    units: dict[str, list[dict[str, Any]]] = {}
    for scenario in document["scenarios"].values():
        units.setdefault(scenario["unit"], []).append(scenario)
    return "\n\n".join(_by_client(unit, scenarios, _median) for unit, scenarios in units.items())


def _median(client: dict[str, Any]) -> str:
    if "failure" in client:
        return "failed"
    return number(client.get("median"))


def _latencies(document: dict[str, Any]) -> str:
    scenarios = [
        scenario
        for scenario in document["scenarios"].values()
        if any("p99" in client for client in scenario["clients"].values())
    ]
    return _by_client("ms, half of the requests / 99 of 100 within", scenarios, _latency)


def _latency(client: dict[str, Any]) -> str:
    return f"{number(client['p50'])} / {number(client['p99'])}" if "p99" in client else ""


def _peaks(document: dict[str, Any]) -> str:
    scenarios = [scenario for name, scenario in document["scenarios"].items() if name in _PEAKS]
    return _by_client("MB at most", scenarios, lambda client: number(client.get("peak")))


_PEAKS = ("get-64", "get-1000", "get-sync", "queue-10000", "download", "upload", "download-http2", "upload-http2")


def _by_client(what: str, scenarios: list[dict[str, Any]], cell: Callable[[dict[str, Any]], str]) -> str:
    """Return a table with a row for each scenario, the clients in the order of their first appearance."""
    clients = list(dict.fromkeys(client for scenario in scenarios for client in scenario["clients"]))
    rows = [
        (scenario["title"], *(cell(scenario["clients"].get(client, {})) for client in clients))
        for scenario in scenarios
    ]
    return _table((what, *clients), rows)


def _modules(document: dict[str, Any]) -> str:
    clients = document["scenarios"].get("import", {}).get("clients", {})
    rows = [(name, ", ".join(client["modules"])) for name, client in clients.items() if client.get("modules")]
    return _table(("Importing", "loads, from outside the standard library"), rows)


def _lost(document: dict[str, Any]) -> str:
    """Return where another client than the floor is ahead of courser, and by how much."""
    rows = []
    for scenario in document["scenarios"].values():
        medians = {name: client["median"] for name, client in scenario["clients"].items() if "median" in client}
        ours = medians.pop("courser", None)
        medians.pop("floor", None)
        if ours is None:
            continue
        sign = -1 if scenario["more_is_better"] else 1
        ahead = sorted((name for name in medians if sign * medians[name] < sign * ours), key=medians.__getitem__)
        if ahead:
            figures = ", ".join(f"{name} {number(medians[name])}" for name in ahead)
            rows.append((scenario["title"], f"{number(ours)} {scenario['unit']}", figures))
    return _table(("Work", "courser", "Ahead of it"), rows) if rows else "Nowhere in this run."


def _failures(document: dict[str, Any]) -> str:
    rows = [
        (scenario["title"], name, client["failure"])
        for scenario in document["scenarios"].values()
        for name, client in scenario["clients"].items()
        if "failure" in client
    ]
    return _table(("Work", "Client", "What happened"), rows) if rows else "Every client did all that it was asked."


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    rule = ["---", *["---:" if _is_numeric(rows, column) else "---" for column in range(1, len(header))]]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, rule, *rows)
    )


def _is_numeric(rows: list[tuple[str, ...]], column: int) -> bool:
    return all(re.fullmatch(r"[\d.,/ ]*|failed", row[column]) for row in rows)


_BLOCKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "conditions": _conditions,
    "goals": _goals,
    "figures": _figures,
    "latencies": _latencies,
    "peaks": _peaks,
    "modules": _modules,
    "lost": _lost,
    "failures": _failures,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
