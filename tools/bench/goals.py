"""What courser is to reach, and whether it did: ratios of two medians of one run, absolute bounds, absent modules.

The table is that of docs/performance.md. A ratio of numbers that scatter proves nothing either way, and neither does
one from a machine that was busy with something else: then there is no verdict, and the sentence says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from report import Results, Summary, number
from scenarios import BY_NAME

WIDEST_SPREAD = 0.25
FEWEST_ROUNDS = 3
BUSY_CORES = 0.15


@dataclass(frozen=True)
class Goal:
    """In `scenario`, courser's figure over the peer's is at most (or at least) `bound`.

    With `peer_scenario` the peer's figure is taken from that one: courser against itself under other conditions.
    Without a peer the figure itself is bounded. With `absent` the bound is on the modules that were loaded.
    """

    scenario: str
    peer: str | None
    bound: float
    at_least: bool = False
    peer_scenario: str | None = None
    absent: tuple[str, ...] = ()


GOALS = [
    Goal("get-64", "aiohttp", 0.60),
    Goal("get-64", "pyreqwest", 1.0),
    Goal("get-64", "httpx2", 0.10),
    Goal("get-64", "floor", 1.8),
    Goal("get-64-uvloop", "wreq", 1.0),
    Goal("get-64-uvloop", "aiohttp", 0.55),
    Goal("get-1000", "courser", 1.8, peer_scenario="get-64"),
    Goal("get-1000", "aiohttp", 0.50),
    Goal("features-unused", "aiohttp", 0.60),
    Goal("features-unused", "httpx2", 0.10),
    Goal("queue-10000", "courser", 1.25, peer_scenario="queue-100"),
    Goal("queue-100000", "courser", 1.25, peer_scenario="queue-100"),
    Goal("get-64-tls", "aiohttp", 0.70),
    Goal("get-64-http2", "httpx2", 0.30),
    Goal("get-sync", "httpx2", 0.35),
    Goal("get-sync", "requests", 0.20),
    Goal("download", "aiohttp", 2.0, at_least=True),
    Goal("download-tls", "aiohttp", 1.0, at_least=True),
    Goal("download-http2", "httpx2", 4.0, at_least=True),
    Goal("upload", "aiohttp", 0.70),
    Goal("upload-http2", "httpx2", 2.0, at_least=True),
    Goal("memory-stream", None, 8.0),
    Goal("memory-idle", None, 15.0),
    Goal("import", None, 25.0),
    Goal("import", None, 0, absent=("anyio", "certifi", "click", "h2", "hpack", "rich", "trio")),
    Goal("making", None, 100.0),
]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one goal: `met` is `None` when the numbers do not allow one, and `objection` says why."""

    goal: Goal
    value: float | None
    met: bool | None
    objection: str = ""

    @property
    def subject(self) -> str:
        """What was compared, for people: «courser / aiohttp»."""
        goal = self.goal
        if goal.absent:
            return f"courser loads none of {', '.join(goal.absent)}"
        if goal.peer is None:
            return "courser"
        where = "" if goal.peer_scenario is None else f" in «{BY_NAME[goal.peer_scenario].title}»"
        return f"courser / {'itself' if goal.peer == 'courser' else goal.peer}{where}"

    @property
    def bound(self) -> str:
        goal = self.goal
        if goal.absent:
            return "none"
        unit = "" if goal.peer else f" {BY_NAME[goal.scenario].unit}"
        return f"{'≥' if goal.at_least else '≤'} {_shown(goal, goal.bound)}{unit}"

    @property
    def outcome(self) -> str:
        if self.met is None:
            return f"no verdict, {self.objection}"
        return "met" if self.met else f"NOT MET{', ' + self.objection if self.objection else ''}"

    @property
    def sentence(self) -> str:
        value = "" if self.value is None or self.goal.absent else f" {_shown(self.goal, self.value)}"
        return f"{BY_NAME[self.goal.scenario].title}: {self.subject}:{value} (goal {self.bound}) {self.outcome}"

    def as_document(self) -> dict[str, object]:
        return {
            "scenario": self.goal.scenario,
            "title": BY_NAME[self.goal.scenario].title,
            "subject": self.subject,
            "bound": self.bound,
            "value": self.value,
            "shown": "" if self.value is None or self.goal.absent else _shown(self.goal, self.value),
            "met": self.met,
            "outcome": self.outcome,
        }


def judge(results: Results) -> list[Verdict]:
    """Return a verdict for every goal whose figures were part of this run, or would be but for a peer left out."""
    verdicts = []
    for goal in GOALS:
        ours, theirs = (goal.scenario, "courser"), (goal.peer_scenario or goal.scenario, goal.peer or "courser")
        if results.expects(*ours) and goal.peer in results.left_out:
            verdicts.append(Verdict(goal, None, None, f"{goal.peer} was left out"))
        elif results.expects(*ours) and results.expects(*theirs):
            verdicts.append(_judge(goal, results, ours, theirs))
    return verdicts


def _judge(goal: Goal, results: Results, ours: tuple[str, str], theirs: tuple[str, str]) -> Verdict:
    our_summary, their_summary = results.summary(*ours), results.summary(*theirs)
    if our_summary is None or their_summary is None:
        missing = "courser" if our_summary is None else goal.peer
        return Verdict(goal, None, None, f"{missing} was not measured")
    if goal.absent:
        # What is loaded does not scatter, and no neighbour changes it.
        loaded = sorted(set(our_summary.modules) & set(goal.absent))
        return Verdict(goal, len(loaded), not loaded, f"it loads {', '.join(loaded)}" if loaded else "")

    value = our_summary.median if goal.peer is None else our_summary.median / their_summary.median
    objection = _objection("courser", our_summary) or _objection(goal.peer or "courser", their_summary)
    if objection:
        return Verdict(goal, value, None, objection)
    return Verdict(goal, value, value >= goal.bound if goal.at_least else value <= goal.bound)


def _objection(client: str, summary: Summary) -> str:
    if summary.rounds < FEWEST_ROUNDS:
        return f"only {summary.rounds} rounds"
    # Memory is what it is, whoever shares the core.
    takes_time = summary.wall is not None
    if takes_time and summary.neighbours is not None and summary.neighbours > BUSY_CORES:
        return f"the machine was busy (others used {summary.neighbours:.1f} cores beside {client})"
    if summary.spread > WIDEST_SPREAD:
        return f"spread too wide ({client}: middle half of the rounds over {summary.spread:.0%} of the median)"
    return ""


def _shown(goal: Goal, value: float) -> str:
    return f"{value:.2f}" if goal.peer else number(value)
