"""What was measured, and how it is shown: medians and spreads, as a table for people and a document for programs."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sample import Sample
from scenarios import BY_NAME
from scenarios.definition import Scenario
from workers import Measurement

BUSY_LOAD = 0.5


@dataclass(frozen=True)
class Summary:
    """The rounds of one client in one scenario, reduced; `spread` is the interquartile range over the median.

    `neighbours` is how many cores others used meanwhile. All but `smallest`, `largest` and `spread` are medians, and
    `None` where the scenario or the system does not tell.
    """

    rounds: int
    median: float
    smallest: float
    largest: float
    spread: float
    wall: float | None
    p50: float | None
    p99: float | None
    peak: float | None
    neighbours: float | None
    modules: tuple[str, ...] = ()


@dataclass
class Results:
    """Everything one run measured, by scenario and client; what was expected and is missing is a failure.

    Who was left out altogether, because it is not installed, is not expected anywhere.
    """

    seconds: float
    server: str = ""
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    versions: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    neighbours: dict[tuple[str, str], list[float | None]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def expect(self, scenario: Scenario, clients: list[str]) -> None:
        for client in clients:
            self.samples[scenario.name, client] = []
            self.neighbours[scenario.name, client] = []

    def expects(self, scenario: str, client: str) -> bool:
        return (scenario, client) in self.samples

    def add(self, scenario: Scenario, client: str, measurement: Measurement, neighbours: float | None = None) -> None:
        """Note one round, and how many cores others used while it ran."""
        self.samples[scenario.name, client].append(measurement.sample)
        self.neighbours[scenario.name, client].append(neighbours)
        self.versions[client] = measurement.version

    def summary(self, scenario: str, client: str) -> Summary | None:
        """Return the reduced rounds, or `None` when there are none or the client failed in one of them."""
        samples = self.samples.get((scenario, client))
        if not samples or (scenario, client) in self.failures:
            return None
        figures = [sample.figure for sample in samples]
        median = statistics.median(figures)
        spread = 0.0
        if len(figures) > 1 and median:
            lower, _, upper = statistics.quantiles(figures, n=4, method="inclusive")
            spread = (upper - lower) / median
        return Summary(
            rounds=len(figures),
            median=median,
            smallest=min(figures),
            largest=max(figures),
            spread=spread,
            wall=_median(sample.wall for sample in samples),
            p50=_median(sample.p50 for sample in samples),
            p99=_median(sample.p99 for sample in samples),
            peak=_median(sample.peak for sample in samples),
            neighbours=_median(self.neighbours[scenario, client]),
            modules=samples[-1].modules,
        )

    def scenarios(self) -> list[tuple[Scenario, list[str]]]:
        """Return the scenarios of this run, each with its clients."""
        found: dict[str, list[str]] = {}
        for scenario, client in self.samples:
            found.setdefault(scenario, []).append(client)
        return [(BY_NAME[name], clients) for name, clients in found.items()]

    def busy(self) -> float | None:
        """Return how many cores others used over the whole run, in the middle."""
        return _median(cores for rounds in self.neighbours.values() for cores in rounds)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def as_text(results: Results, verdicts: list[str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items() if version)
    blocks = [f"{_interpreter()}, {results.server}; {versions or 'no client measured'}"]
    if results.load > BUSY_LOAD:
        blocks.append(
            f"The machine was busy when this began (load {results.load:.1f}): whoever shares the two cores shifts\n"
            "even the ratios, and not always visibly in the spread. Repeat it on a quiet one before believing it."
        )
    if (busy := results.busy()) is not None:
        blocks.append(f"While it ran others used {busy:.2f} cores in the middle of the rounds.")
    if results.left_out:
        left_out = [f"  {client}: {reason}" for client, reason in results.left_out.items()]
        blocks.append("\n".join(["Left out, because they did not install", *left_out]))
    blocks += [_table(results, scenario, clients) for scenario, clients in results.scenarios()]
    if results.failures:
        blocks.append("\n".join(["Errors", *(f"  {line}" for line in _errors(results))]))
    if verdicts:
        blocks.append("\n".join(["Goals", *(f"  {verdict}" for verdict in verdicts)]))
    return "\n\n".join(blocks)


def _errors(results: Results) -> list[str]:
    """Return a line for each client and reason: a client that is not installed fails everywhere for the same one."""
    places: dict[tuple[str, str], list[str]] = {}
    for (scenario, client), reason in results.failures.items():
        places.setdefault((client, reason), []).append(scenario)
    return [f"{client} in {', '.join(names)}: {reason}" for (client, reason), names in places.items()]


def _table(results: Results, scenario: Scenario, clients: list[str]) -> str:
    wall = f"wall {scenario.wall_unit}" if scenario.wall_unit else ""
    peer, floor = f"× {scenario.peer}", "× floor" if "floor" in clients else ""
    header = ["", "median", "min..max", "spread", peer, floor, wall, "p50 ms", "p99 ms", "peak MB"]
    rows = [header]
    rounds = 0
    for client in clients:
        summary = results.summary(scenario.name, client)
        if summary is None:
            reason = "failed" if (scenario.name, client) in results.failures else "not measured"
            rows.append([client, reason, *[""] * (len(header) - 2)])
            continue
        rounds = max(rounds, summary.rounds)
        rows.append(
            [
                client,
                number(summary.median),
                f"{number(summary.smallest)}..{number(summary.largest)}",
                f"{summary.spread:.0%}",
                ratio(summary.median, results.summary(scenario.name, scenario.peer)),
                ratio(summary.median, results.summary(scenario.name, "floor")),
                number(summary.wall),
                number(summary.p50),
                number(summary.p99),
                number(summary.peak),
            ]
        )
    # Columns that say nothing here are left away.
    columns = [column for column in range(len(header)) if column == 0 or any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in columns}
    lines = [f"{scenario.title}: {scenario.unit}, median of {rounds} rounds"]
    for row in rows:
        name, *cells = (row[column].rjust(widths[column]) for column in columns)
        lines.append("  ".join(["", row[0].ljust(len(name)), *cells]).rstrip())
    for client in clients:
        summary = results.summary(scenario.name, client)
        if summary and summary.modules:
            lines.append(f"  {client} loads {', '.join(summary.modules)}")
    return "\n".join(lines)


def ratio(median: float, reference: Summary | None) -> str:
    return f"{median / reference.median:.2f}" if reference and reference.median else ""


def number(value: float | None) -> str:
    """Return about three significant digits, or all before the point, with thousands apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def as_document(results: Results, verdicts: list[dict[str, object]]) -> dict[str, Any]:
    """Return everything as plain values for JSON: the summaries, each round's figure, the failures, the verdicts."""
    return {
        "started": results.started.isoformat(timespec="seconds"),
        "minutes": round((datetime.datetime.now(datetime.UTC) - results.started).total_seconds() / 60, 1),
        "python": _interpreter(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "server": results.server,
        "seconds": results.seconds,
        "load_at_start": round(results.load, 2),
        "neighbours": _rounded(results.busy()),
        "versions": results.versions,
        "left_out": results.left_out,
        "scenarios": {
            scenario.name: {
                "title": scenario.title,
                "unit": scenario.unit,
                "wall_unit": scenario.wall_unit,
                "peer": scenario.peer,
                "more_is_better": scenario.more_is_better,
                "clients": {client: _client_document(results, scenario.name, client) for client in clients},
            }
            for scenario, clients in results.scenarios()
        },
        "goals": verdicts,
    }


def _client_document(results: Results, scenario: str, client: str) -> dict[str, object]:
    if failure := results.failures.get((scenario, client)):
        return {"failure": failure}
    summary = results.summary(scenario, client)
    if summary is None:
        return {"failure": "not measured"}
    document = {name: _rounded(value) for name, value in vars(summary).items() if value not in (None, ())}
    return {**document, "figures": [_rounded(sample.figure) for sample in results.samples[scenario, client]]}


def _rounded(value: Any) -> Any:
    """Return a float with five digits that count: more than that was never measured."""
    return float(f"{value:.5g}") if isinstance(value, float) else value


def write(document: dict[str, Any]) -> str:
    """Return the document as JSON, a client to a line, so that a newer run makes a difference that can be read."""
    lines: list[str] = []
    _write(document, "", lines)
    return "\n".join(lines) + "\n"


def _write(value: Any, indent: str, lines: list[str], before: str = "", after: str = "") -> None:
    line = json.dumps(value, ensure_ascii=False)
    nested = isinstance(value, dict | list) and any(isinstance(inner, dict) for inner in _members(value))
    if not nested:
        lines.append(f"{indent}{before}{line}{after}")
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    lines.append(f"{indent}{before}{opening}")
    names = [f"{json.dumps(name)}: " for name in value] if isinstance(value, dict) else [""] * len(value)
    members = _members(value)
    for position, (name, inner) in enumerate(zip(names, members, strict=True)):
        _write(inner, indent + " ", lines, name, "," if position < len(members) - 1 else "")
    lines.append(f"{indent}{closing}{after}")


def _members(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


def _interpreter() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
