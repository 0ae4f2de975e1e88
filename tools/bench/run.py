"""Measure courser beside its peers: `python tools/bench/run.py`, with `--quick` in under two minutes.

nginx serves on one core and each client runs in its own process on another. A round measures every scenario with
every client once; then the next round does it again in another order. So a machine that slows down half-way slows
everybody, and only the ratios are to be believed. Progress goes to stderr, the table and the verdicts on the goals of
docs/design/performance.md to stdout, everything measured to the file of `--json`.

    run.py       the command line and the flow            scenarios/   what is measured, one kind of work a file
    servers.py   nginx                                    clients/     how each client is asked, one family a file
    cores.py     who runs on which core                   workload.py  the loop around the clock
    workers.py   one measurement in a process of its own  goals.py     what courser is to reach
    worker.py    that process                             report.py    medians, table, JSON
    calls.py     another tool: which Python calls one request makes
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

import cores
import goals
import report
import scenarios
import servers
import workers
from scenarios.definition import Scenario

ROUNDS, SECONDS, QUICK_SECONDS = 5, 1.0, 0.2


def main() -> int:
    arguments = parse_arguments()
    plan = make_plan(arguments)
    if not plan:
        print("nothing to measure: none of these clients takes part in these scenarios", file=sys.stderr)
        return 2

    # A polite kill must still stop nginx and remove the temporary directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    pinned = cores.choose()
    if pinned.note:
        say(pinned.note)
    results = report.Results(seconds=arguments.seconds)
    interrupted = False
    try:
        with servers.running_nginx(pinned.server) as endpoints:
            results.server = endpoints.server
            measure(plan, arguments.rounds, arguments.seconds, endpoints, pinned.client, results)
    except servers.ServerUnavailable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted; this is what was measured until then")

    verdicts = goals.judge(results)
    print(report.as_text(results, [verdict.sentence for verdict in verdicts]))
    if arguments.json:
        document = report.as_document(results, [verdict.as_document() for verdict in verdicts])
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if interrupted:
        return 130
    return 1 if any(client == "courser" for _, client in results.failures) else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure courser beside its peers, against nginx on loopback.")
    parser.add_argument("--quick", action="store_true", help="shorter rounds, without the slowest peers")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("--seconds", type=float, help=f"length of one; default {SECONDS}, with --quick {QUICK_SECONDS}")
    parser.add_argument("--clients", type=comma_separated, metavar="A,B", help=", ".join(scenarios.client_names()))
    parser.add_argument("--scenarios", type=comma_separated, metavar="A,B", help=", ".join(scenarios.BY_NAME))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured to FILE")
    arguments = parser.parse_args()

    if arguments.seconds is None:
        arguments.seconds = QUICK_SECONDS if arguments.quick else SECONDS
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    for name in arguments.clients or ():
        if name not in scenarios.client_names():
            parser.error(f"no client is called {name!r}; there are {', '.join(scenarios.client_names())}")
    for name in arguments.scenarios or ():
        if name not in scenarios.BY_NAME:
            parser.error(f"no scenario is called {name!r}; there are {', '.join(scenarios.BY_NAME)}")
    return arguments


def comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def make_plan(arguments: argparse.Namespace) -> list[tuple[Scenario, list[str]]]:
    """Return each scenario with its clients; say aloud who is left out for slowness, unless asked for by name."""
    plan = []
    for scenario in scenarios.BY_NAME.values():
        if arguments.scenarios and scenario.name not in arguments.scenarios:
            continue
        clients = [name for name in scenario.clients if not arguments.clients or name in arguments.clients]
        if not arguments.clients:
            too_slow = scenario.on_request + (scenario.not_quick if arguments.quick else ())
            left_out = [name for name in clients if name in too_slow]
            clients = [name for name in clients if name not in too_slow]
            if left_out:
                say(f"too slow for this run, ask with --clients: {', '.join(left_out)} in «{scenario.title}»")
        if clients:
            plan.append((scenario, clients))
    return plan


def measure(
    plan: list[tuple[Scenario, list[str]]],
    rounds: int,
    seconds: float,
    endpoints: servers.Endpoints,
    core: int | None,
    results: report.Results,
) -> None:
    for scenario, clients in plan:
        results.expect(scenario, clients)
    total = rounds * sum(len(clients) for _, clients in plan)
    started = time.monotonic()
    done = 0
    for round_number in range(rounds):
        for scenario, clients in plan:
            # Rotated, so that nobody always runs after the same neighbour.
            shift = round_number % len(clients)
            for client in clients[shift:] + clients[:shift]:
                done += 1
                if (scenario.name, client) in results.failures:
                    continue
                place = f"[{done:>{len(str(total))}}/{total}] round {round_number + 1} · {scenario.title} · {client}:"
                try:
                    measurement = workers.measure(scenario, client, endpoints, seconds, core)
                except workers.MeasurementFailed as error:
                    results.failures[scenario.name, client] = str(error)
                    say(f"{place} FAILED: {error}")
                    continue
                results.add(scenario, client, measurement)
                elapsed = time.monotonic() - started
                remaining = elapsed / done * (total - done)
                figure = report.number(measurement.sample.figure)
                say(f"{place} {figure} {scenario.unit} ({elapsed:.0f} s, about {remaining:.0f} s to go)")


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
