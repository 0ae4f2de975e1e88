"""Everything that is measured, in the order of the report. A new kind of work is a new module and a line here."""

from __future__ import annotations

from scenarios import features, http2, memory, queued, small_get, starting, transfer
from scenarios.definition import Scenario

BY_NAME: dict[str, Scenario] = {
    scenario.name: scenario
    for kind in (small_get, features, queued, transfer, http2, memory, starting)
    for scenario in kind.SCENARIOS
}


def client_names() -> list[str]:
    """Return the name of every client that takes part in anything."""
    return list(dict.fromkeys(client for scenario in BY_NAME.values() for client in scenario.clients))
