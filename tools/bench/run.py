"""Measure courser beside its peers: `nox -s bench`, with `-- --quick` in under two minutes.

nginx serves on one core and each client runs in its own process, and its own environment, on another. A round measures
every scenario with every client once; then the next round does it again in another order. So a machine that slows down
half-way slows everybody, and only the ratios are to be believed. Progress goes to stderr, the tables and the verdicts
on the goals to stdout, everything measured to the file of `--json`; `--publish` renews docs/performance.md.

    run.py       the command line and the flow            scenarios/       what is measured, one kind of work a file
    servers.py   nginx                                    clients/         how each client is asked, one family a file
    cores.py     who runs on which core                   peers/           the pinned versions of each peer
    machine.py   memory, and who else is busy             environments.py  what they are installed into
    workers.py   one measurement in its own process       goals.py         what courser is to reach
    worker.py    that process                             report.py        medians, tables, JSON
    workload.py  the loop around the clock                chart.py         the picture of a run
    sample.py    what one round says                      page.py          docs/performance.md, from a run
    calls.py     another tool: calls of one request

Without `--environments` every client is looked for in the Python that runs this.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

import cores
import environments
import goals
import machine
import page
import report
import scenarios
import servers
import workers
from scenarios.definition import Scenario

ROUNDS, SECONDS = 5, 1.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.1


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
    installed = environments.prepare(clients_of(plan), arguments.environments, say)
    plan = without(plan, set(installed.left_out))
    results = report.Results(seconds=arguments.seconds, left_out=installed.left_out)
    interrupted = False
    try:
        with servers.running_nginx(pinned.server) as endpoints:
            results.server = endpoints.server
            measure(plan, arguments.rounds, arguments.seconds, endpoints, pinned.client, installed, results)
    except servers.ServerUnavailable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted; this is what was measured until then")

    verdicts = goals.judge(results)
    print(report.as_text(results, [verdict.sentence for verdict in verdicts]))
    document = report.as_document(results, [verdict.as_document() for verdict in verdicts])
    if arguments.json:
        arguments.json.write_text(report.write(document), encoding="utf-8")
    if interrupted:
        return 130
    if arguments.publish:
        for path in page.publish(document):
            say(f"wrote {path}")
    return 1 if any(client == "courser" for _, client in results.failures) else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure courser beside its peers, against nginx on loopback.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, only the peers that goals name")
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}, with --quick {QUICK_ROUNDS}")
    parser.add_argument("--seconds", type=float, help=f"length of one; default {SECONDS}, with --quick {QUICK_SECONDS}")
    parser.add_argument("--clients", type=comma_separated, metavar="A,B", help=", ".join(scenarios.client_names()))
    parser.add_argument("--scenarios", type=comma_separated, metavar="A,B", help=", ".join(scenarios.BY_NAME))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured to FILE")
    parser.add_argument("--publish", action="store_true", help="renew docs/performance.* with this run, a whole one")
    parser.add_argument("--environments", type=Path, metavar="FOLDER", help="install the peers below it, each apart")
    arguments = parser.parse_args()

    if arguments.seconds is None:
        arguments.seconds = QUICK_SECONDS if arguments.quick else SECONDS
    if arguments.rounds is None:
        arguments.rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    if arguments.publish and (arguments.quick or arguments.clients or arguments.scenarios or arguments.rounds < ROUNDS):
        parser.error(f"--publish is for a whole run: every scenario and client, at least {ROUNDS} rounds")
    for name in arguments.clients or ():
        if name not in scenarios.client_names():
            parser.error(f"no client is called {name!r}; there are {', '.join(scenarios.client_names())}")
    for name in arguments.scenarios or ():
        if name not in scenarios.BY_NAME:
            parser.error(f"no scenario is called {name!r}; there are {', '.join(scenarios.BY_NAME)}")
    return arguments


def comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


Plan = list[tuple[Scenario, list[str]]]


def make_plan(arguments: argparse.Namespace) -> Plan:
    """Return each scenario with its clients; say aloud who is left out for slowness, unless asked for by name."""
    plan = []
    for scenario in scenarios.BY_NAME.values():
        if arguments.scenarios and scenario.name not in arguments.scenarios:
            continue
        clients = [name for name in scenario.clients if not arguments.clients or name in arguments.clients]
        if not arguments.clients:
            too_slow = [name for name in clients if name in scenario.on_request]
            if arguments.quick and scenario.quick is not None:
                clients = [name for name in clients if name in scenario.quick]
            elif too_slow:
                clients = [name for name in clients if name not in too_slow]
                say(f"too slow unless asked for with --clients: {', '.join(too_slow)} in «{scenario.title}»")
        if clients:
            plan.append((scenario, clients))
    return plan


def clients_of(plan: Plan) -> list[str]:
    return list(dict.fromkeys(client for _, clients in plan for client in clients))


def without(plan: Plan, left_out: set[str]) -> Plan:
    kept = [(scenario, [client for client in clients if client not in left_out]) for scenario, clients in plan]
    return [(scenario, clients) for scenario, clients in kept if clients]


def measure(
    plan: Plan,
    rounds: int,
    seconds: float,
    endpoints: servers.Endpoints,
    core: int | None,
    installed: environments.Environments,
    results: report.Results,
) -> None:
    for scenario, clients in plan:
        results.expect(scenario, clients)
    total = rounds * sum(len(clients) for _, clients in plan)
    started = time.monotonic()
    done = 0
    neighbours = machine.Neighbours([endpoints.process_group])
    for round_number in range(rounds):
        for scenario, clients in plan:
            # Rotated, so that nobody always runs after the same neighbour.
            shift = round_number % len(clients)
            for client in clients[shift:] + clients[:shift]:
                done += 1
                if (scenario.name, client) in results.failures:
                    continue
                place = f"[{done:>{len(str(total))}}/{total}] round {round_number + 1} · {scenario.title} · {client}:"
                neighbours.cores()
                try:
                    measurement = workers.measure(scenario, client, endpoints, seconds, core, installed.python(client))
                except workers.MeasurementFailed as error:
                    results.failures[scenario.name, client] = str(error)
                    say(f"{place} FAILED: {error}")
                    continue
                results.add(scenario, client, measurement, neighbours.cores())
                elapsed = time.monotonic() - started
                remaining = elapsed / done * (total - done)
                figure = report.number(measurement.sample.figure)
                say(f"{place} {figure} {scenario.unit} ({elapsed:.0f} s, about {remaining:.0f} s to go)")


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
