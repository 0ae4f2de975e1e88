"""What was measured, and how it is shown: medians and spreads, as a table for people and a document for programs."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from dataclasses import dataclass, field

from scenarios import BY_NAME
from scenarios.definition import Sample, Scenario
from workers import Measurement

BUSY = 0.5


@dataclass(frozen=True)
class Summary:
    """The rounds of one client in one scenario, reduced; `spread` is the interquartile range over the median."""

    rounds: int
    median: float
    smallest: float
    largest: float
    spread: float
    wall: float


@dataclass
class Results:
    """Everything one run measured, by scenario and client; what was expected and is missing is a failure."""

    seconds: float
    server: str = ""
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    versions: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def expect(self, scenario: Scenario, clients: list[str]) -> None:
        for client in clients:
            self.samples[scenario.name, client] = []

    def expects(self, scenario: str, client: str) -> bool:
        return (scenario, client) in self.samples

    def add(self, scenario: Scenario, client: str, measurement: Measurement) -> None:
        self.samples[scenario.name, client].append(measurement.sample)
        self.versions[client] = measurement.version

    def summary(self, scenario: str, client: str) -> Summary | None:
        """Return the reduced rounds, or `None` when there are none or the client failed in one of them."""
        samples = self.samples.get((scenario, client))
        if not samples or (scenario, client) in self.failures:
            return None
        figures = [sample.figure for sample in samples]
        median = statistics.median(figures)
        spread = 0.0
        if len(figures) > 1:
            lower, _, upper = statistics.quantiles(figures, n=4, method="inclusive")
            spread = (upper - lower) / median
        wall = statistics.median(sample.wall for sample in samples)
        return Summary(len(figures), median, min(figures), max(figures), spread, wall)

    def scenarios(self) -> list[tuple[Scenario, list[str]]]:
        """Return the scenarios of this run, each with its clients."""
        found: dict[str, list[str]] = {}
        for scenario, client in self.samples:
            found.setdefault(scenario, []).append(client)
        return [(BY_NAME[name], clients) for name, clients in found.items()]


def as_text(results: Results, verdicts: list[str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items() if version)
    blocks = [f"{_interpreter()}, {results.server}; {versions or 'no client measured'}"]
    if results.load > BUSY:
        blocks.append(
            f"The machine was busy when this began (load {results.load:.1f}): whoever shares the two cores shifts\n"
            "even the ratios, and not always visibly in the spread. Repeat it on a quiet one before believing it."
        )
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
    header = ["", "median", "min..max", "spread", f"× {scenario.peer}", "× floor", f"wall {scenario.wall_unit}"]
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
                _ratio(summary, results.summary(scenario.name, scenario.peer)),
                _ratio(summary, results.summary(scenario.name, "floor")),
                number(summary.wall),
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [f"{scenario.title}: {scenario.unit}, median of {rounds} rounds"]
    for name, *cells in rows:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join(["", name.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)


def _ratio(summary: Summary, reference: Summary | None) -> str:
    return f"{summary.median / reference.median:.2f}" if reference else ""


def number(value: float) -> str:
    """Return three significant digits or all before the point, with thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def as_document(results: Results, verdicts: list[dict[str, object]]) -> dict[str, object]:
    """Return everything as plain values for JSON: each round's sample, the summaries, the failures, the verdicts."""
    return {
        "started": results.started.isoformat(timespec="seconds"),
        "python": _interpreter(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
        "server": results.server,
        "seconds": results.seconds,
        "load_at_start": results.load,
        "versions": results.versions,
        "scenarios": {
            scenario.name: {
                "title": scenario.title,
                "unit": scenario.unit,
                "wall_unit": scenario.wall_unit,
                "clients": {client: _client_document(results, scenario.name, client) for client in clients},
            }
            for scenario, clients in results.scenarios()
        },
        "verdicts": verdicts,
    }


def _client_document(results: Results, scenario: str, client: str) -> dict[str, object]:
    summary = results.summary(scenario, client)
    return {
        "summary": vars(summary) if summary else None,
        "rounds": [vars(sample) for sample in results.samples[scenario, client]],
        "failure": results.failures.get((scenario, client)),
    }


def _interpreter() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
