"""What courser is to reach, as ratios of two medians of one run, and whether it did.

The table is the one of docs/design/performance.md, as far as the scenarios and peers here cover it. A ratio of numbers
that scatter proves nothing either way, so a wide spread gets no verdict.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from report import Results, Summary
from scenarios import BY_NAME

WIDEST_SPREAD = 0.25
FEWEST_ROUNDS = 3


@dataclass(frozen=True)
class Goal:
    """In `scenario`, courser's figure over the peer's is at most (or at least) `bound`.

    With `peer_scenario` the peer's figure is taken from that one: courser against itself under other conditions.
    """

    scenario: str
    peer: str
    bound: float
    at_least: bool = False
    peer_scenario: str | None = None


GOALS = [
    Goal("get-64", "aiohttp", 0.60),
    Goal("get-64", "httpx2", 0.10),
    Goal("get-64", "floor", 1.8),
    Goal("get-1000", "aiohttp", 0.50),
    Goal("get-1000", "courser", 1.8, peer_scenario="get-64"),
    Goal("get-64-uvloop", "aiohttp", 0.55),
    Goal("get-64-tls", "aiohttp", 0.70),
    Goal("get-sync", "httpx2", 0.35),
    Goal("get-sync", "requests", 0.20),
    Goal("download", "aiohttp", 2.0, at_least=True),
    Goal("download-tls", "aiohttp", 1.0, at_least=True),
    Goal("get-64-http2", "httpx2", 0.30),
    Goal("download-http2", "httpx2", 4.0, at_least=True),
    Goal("upload-http2", "httpx2", 2.0, at_least=True),
]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one goal: `met` is `None` when the numbers do not allow one."""

    goal: Goal
    ratio: float | None
    met: bool | None
    sentence: str

    def as_document(self) -> dict[str, object]:
        return asdict(self)


def judge(results: Results) -> list[Verdict]:
    """Return a verdict for every goal whose two figures were part of this run."""
    verdicts = []
    for goal in GOALS:
        ours, theirs = (goal.scenario, "courser"), (goal.peer_scenario or goal.scenario, goal.peer)
        if results.expects(*ours) and results.expects(*theirs):
            verdicts.append(_judge(goal, results, ours, theirs))
    return verdicts


def _judge(goal: Goal, results: Results, ours: tuple[str, str], theirs: tuple[str, str]) -> Verdict:
    peer = goal.peer if goal.peer_scenario is None else f"itself in «{BY_NAME[goal.peer_scenario].title}»"
    subject = f"courser / {peer}, {BY_NAME[goal.scenario].title}"
    bound = f"(goal {'≥' if goal.at_least else '≤'} {goal.bound:.2f})"

    our_summary, their_summary = results.summary(*ours), results.summary(*theirs)
    if our_summary is None or their_summary is None:
        missing = "courser" if our_summary is None else goal.peer
        return Verdict(goal, None, None, f"{subject}: no verdict, {missing} was not measured {bound}")

    ratio = our_summary.median / their_summary.median
    objection = _objection("courser", our_summary) or _objection(goal.peer, their_summary)
    if objection:
        return Verdict(goal, ratio, None, f"{subject}: {ratio:.2f} {bound} no verdict, {objection}")
    met = ratio >= goal.bound if goal.at_least else ratio <= goal.bound
    return Verdict(goal, ratio, met, f"{subject}: {ratio:.2f} {bound} {'met' if met else 'NOT MET'}")


def _objection(client: str, summary: Summary) -> str:
    if summary.rounds < FEWEST_ROUNDS:
        return f"only {summary.rounds} rounds"
    if summary.spread > WIDEST_SPREAD:
        return f"spread too wide ({client}: middle half of the rounds over {summary.spread:.0%} of the median)"
    return ""
