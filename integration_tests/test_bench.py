"""The tool that measures: what it makes of its figures, with figures made up here; nothing is measured."""

import importlib
import json
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tools" / "bench"


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """The modules of the tool, which import each other by their plain names, as its scripts do."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    names = ["chart", "environments", "goals", "machine", "page", "report", "run", "scenarios", "workers", "workload"]
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - before:
            if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


@pytest.fixture
def measured(bench: SimpleNamespace) -> Any:
    """Return a function that makes the results of a run: figures of clients, by scenario."""

    def make(figures: dict[str, dict[str, list[float]]], neighbours: float = 0.0) -> Any:
        results = bench.report.Results(seconds=1.0, server="nginx/1", load=0.0)
        for name, clients in figures.items():
            scenario = bench.scenarios.BY_NAME[name]
            results.expect(scenario, list(clients))
            for client, rounds in clients.items():
                for figure in rounds:
                    sample = bench.report.Sample(figure, 100, figure * 2, 1.0, 3.0, 30.0)
                    results.add(scenario, client, bench.workers.Measurement(sample, "1.2.3"), neighbours)
        return results

    return make


STEADY = [98.0, 100.0, 102.0]


# Judging


def verdict(bench: SimpleNamespace, results: Any, scenario: str, peer: str | None) -> Any:
    return next(
        verdict
        for verdict in bench.goals.judge(results)
        if (verdict.goal.scenario, verdict.goal.peer) == (scenario, peer) and not verdict.goal.absent
    )


@pytest.mark.parametrize(("ours", "met"), [(59.0, True), (60.0, True), (61.0, False)])
def test_a_ratio_up_to_the_bound_meets_the_goal(bench: SimpleNamespace, measured: Any, ours: float, met: bool) -> None:
    results = measured({"get-64": {"courser": [ours] * 3, "aiohttp": [100.0] * 3}})

    assert verdict(bench, results, "get-64", "aiohttp").met is met


@pytest.mark.parametrize(("ours", "met"), [(199.0, False), (200.0, True), (201.0, True)])
def test_a_throughput_has_to_be_at_least_the_bound(
    bench: SimpleNamespace, measured: Any, ours: float, met: bool
) -> None:
    results = measured({"download": {"courser": [ours] * 3, "aiohttp": [100.0] * 3}})

    assert verdict(bench, results, "download", "aiohttp").met is met


def test_a_goal_without_a_peer_bounds_the_figure_itself(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"memory-stream": {"courser": [9.0] * 3}})

    found = verdict(bench, results, "memory-stream", None)
    assert found.met is False
    assert found.sentence.endswith("courser: 9.0 (goal ≤ 8.0 MB) NOT MET")


def test_courser_is_compared_with_itself_under_other_conditions(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": [100.0] * 3}, "get-1000": {"courser": [150.0] * 3}})

    found = verdict(bench, results, "get-1000", "courser")
    assert (found.value, found.met) == (1.5, True)


def test_figures_that_scatter_get_no_verdict(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": [20.0, 50.0, 90.0], "aiohttp": STEADY}})

    found = verdict(bench, results, "get-64", "aiohttp")
    assert found.met is None
    assert "spread too wide (courser" in found.sentence


@pytest.mark.parametrize(
    ("rounds", "met"), [([1.0, 3.0, 7.0], True), ([1.0, 3.0, 9.0], None), ([9.0, 20.0, 50.0], False)]
)
def test_figures_that_scatter_on_one_side_of_their_bound_get_a_verdict(
    bench: SimpleNamespace, measured: Any, rounds: list[float], met: bool | None
) -> None:
    results = measured({"memory-stream": {"courser": rounds}})

    assert verdict(bench, results, "memory-stream", None).met is met


def test_one_round_that_was_disturbed_spoils_nothing(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": [50.0, 50.0, 50.0, 50.0, 500.0], "aiohttp": [100.0] * 5}})

    assert verdict(bench, results, "get-64", "aiohttp").met is True


def test_a_busy_machine_gets_no_verdict(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": [50.0] * 3, "aiohttp": STEADY}}, neighbours=0.6)

    found = verdict(bench, results, "get-64", "aiohttp")
    assert found.met is None
    assert "others used 0.6 cores" in found.sentence


def test_two_rounds_are_too_few(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": [50.0] * 2, "aiohttp": [100.0] * 2}})

    assert verdict(bench, results, "get-64", "aiohttp").objection == "only 2 rounds"


def test_a_peer_that_did_not_install_is_named_in_the_verdict(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": STEADY}})
    results.left_out["pyreqwest"] = "No matching distribution found"

    assert verdict(bench, results, "get-64", "pyreqwest").outcome == "no verdict, pyreqwest was left out"
    assert "pyreqwest: No matching distribution found" in bench.report.as_text(results, [])


def test_a_client_that_failed_once_has_no_median(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"courser": STEADY, "aiohttp": STEADY}})
    results.failures["get-64", "aiohttp"] = "WrongAnswer: expected 18 bytes"

    assert results.summary("get-64", "aiohttp") is None
    assert verdict(bench, results, "get-64", "aiohttp").objection == "aiohttp was not measured"


def test_modules_that_should_not_be_loaded_are_named(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"import": {"courser": [20.0] * 3}})
    results.samples["import", "courser"] = [bench.report.Sample(20.0, 3, modules=("courser", "h2", "trio"))]
    results.neighbours["import", "courser"] = [2.0]

    found = next(verdict for verdict in bench.goals.judge(results) if verdict.goal.absent)
    assert (found.met, found.objection) == (False, "it loads h2, trio")


def test_every_goal_is_about_work_that_both_do(bench: SimpleNamespace) -> None:
    for goal in bench.goals.GOALS:
        assert "courser" in bench.scenarios.BY_NAME[goal.scenario].clients
        if goal.peer:
            assert goal.peer in bench.scenarios.BY_NAME[goal.peer_scenario or goal.scenario].clients


# Measuring


def test_the_spread_is_that_of_the_middle_half(measured: Any) -> None:
    results = measured({"get-64": {"courser": [80.0, 90.0, 100.0, 110.0, 900.0]}})

    summary = results.summary("get-64", "courser")
    assert (summary.median, summary.smallest, summary.largest, summary.spread) == (100.0, 80.0, 900.0, 0.2)
    assert (summary.wall, summary.p50, summary.p99, summary.peak) == (200.0, 1.0, 3.0, 30.0)


def test_the_clock_counts_what_falls_between_its_two_readings(bench: SimpleNamespace) -> None:
    measured = bench.workload.measure_sync(lambda: (200, 18), (200, 18), 0.01)

    assert measured.count == len(measured.latencies) > 100
    sample = measured.microseconds()
    assert sample.wall == pytest.approx(measured.wall / measured.count * 1e6)
    assert 0 < sample.p50 <= sample.p99


def test_a_percentile_of_too_few_is_not_given(bench: SimpleNamespace) -> None:
    stopwatch = bench.workload.Stopwatch(1, 1.0)
    stopwatch.latencies.extend(number / 1000 for number in range(50))
    stopwatch.count, stopwatch.cpu, stopwatch.wall = 50, 1.0, 1.0

    sample = stopwatch.milliseconds()
    assert (sample.figure, sample.p50, sample.p99) == (20.0, 25.0, None)


def test_a_wrong_answer_is_an_error(bench: SimpleNamespace) -> None:
    with pytest.raises(bench.workload.WrongAnswer, match="expected status and length"):
        bench.workload.measure_sync(lambda: (200, 17), (200, 18), 0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_others_use_is_what_we_do_not(bench: SimpleNamespace) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        with_stranger, without_stranger = bench.machine.Neighbours([]), bench.machine.Neighbours([stranger.pid])
        deadline = bench.machine.time.monotonic() + 0.5
        while bench.machine.time.monotonic() < deadline:
            pass
        seen, known = with_stranger.cores(), without_stranger.cores()
    finally:
        stranger.kill()
        stranger.wait()

    assert seen > known


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_peak_is_that_of_the_process_itself(bench: SimpleNamespace) -> None:
    program = """
import machine
machine.forget_peak_memory()
before = machine.peak_memory()
large = bytearray(b"x") * 50_000_000
del large
print(machine.peak_memory() - before, machine.peak_memory() - machine.resident_memory())
"""
    # In a process of its own: this one may have so much free already that fifty megabytes more change nothing.
    folder = Path(bench.machine.__file__).parent
    output = subprocess.check_output([sys.executable, "-c", program], cwd=folder, text=True)

    growth, given_back = map(int, output.split())
    assert 49_000_000 < growth < 60_000_000
    assert given_back > 0


# Choosing


def test_a_quick_run_has_all_that_its_goals_need(bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick"])
    plan = {scenario.name: clients for scenario, clients in bench.run.make_plan(bench.run.parse_arguments())}

    needed = [goal for goal in bench.goals.GOALS if goal.scenario in plan and not goal.peer_scenario]
    assert len(needed) > 15
    unmeasured = [goal for goal in needed if goal.peer and goal.peer not in plan[goal.scenario]]
    assert [(goal.scenario, goal.peer) for goal in unmeasured] == [("features-unused", "httpx2")]


def test_slow_peers_take_part_only_when_named(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def plan(*arguments: str) -> dict[str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["run.py", "--scenarios", "get-1000", *arguments])
        return {scenario.name: clients for scenario, clients in bench.run.make_plan(bench.run.parse_arguments())}

    assert "httpx" not in plan()["get-1000"]
    assert "httpx in «small GET, asyncio, c=1000»" in capsys.readouterr().err
    assert plan("--clients", "httpx") == {"get-1000": ["httpx"]}


def test_only_a_whole_run_is_published(bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--publish"])

    with pytest.raises(SystemExit):
        bench.run.parse_arguments()


def test_a_client_left_out_is_in_no_plan(bench: SimpleNamespace) -> None:
    scenarios = bench.scenarios.BY_NAME
    plan = [(scenarios["get-64"], ["courser", "wreq"]), (scenarios["get-sync"], ["wreq"])]

    assert bench.run.without(plan, {"wreq"}) == [(scenarios["get-64"], ["courser"])]


def test_a_peer_that_does_not_install_is_left_out_with_the_reason(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(*command: str) -> None:
        if "virtualenv" in command:
            Path(command[-1]).mkdir()
        elif "bad==1" in command:
            raise bench.environments._NotInstalled("No matching distribution found for bad==1")

    monkeypatch.setattr(bench.environments, "_run", run)
    monkeypatch.setattr(bench.environments, "PINS", tmp_path)
    made = tmp_path / "made"
    (tmp_path / "bad.txt").write_text("bad==1\n")
    (tmp_path / "good.txt").write_text("good==1\n")

    prepared = bench.environments.prepare(["courser", "bad", "good"], made, lambda sentence: None)

    assert prepared.left_out == {"bad": "No matching distribution found for bad==1"}
    assert list(prepared.pythons) == ["good"]
    assert prepared.python("courser") == sys.executable

    monkeypatch.setattr(bench.environments, "_run", lambda *command: pytest.fail("it is there already"))
    assert bench.environments.prepare(["good"], made, lambda sentence: None).pythons == prepared.pythons


def test_every_peer_has_its_versions_pinned(bench: SimpleNamespace) -> None:
    peers = set(bench.scenarios.client_names()) - {"courser", "floor"}

    assert {path.stem for path in (FOLDER / "peers").glob("*.txt")} == peers
    for peer in peers:
        lines = (FOLDER / "peers" / f"{peer}.txt").read_text("utf-8").split()
        assert all("==" in line for line in lines), peer
        assert any(line.startswith((f"{peer}==", f"{peer}[")) for line in lines), peer


# Showing


@pytest.fixture
def document(bench: SimpleNamespace, measured: Any) -> Any:
    results = measured(
        {
            "get-64": {
                "floor": [20.0] * 3,
                "courser": [60.0] * 3,
                "wreq": [40.0] * 3,
                "aiohttp": [120.0] * 3,
                "httpx": [9_000.0] * 3,
            },
            "download": {"courser": [3_000.0] * 3, "aiohttp": [1_000.0] * 3},
        }
    )
    results.failures["download", "aiohttp"] = "ClientError: a < b | c"
    return bench.report.as_document(results, [verdict.as_document() for verdict in bench.goals.judge(results)])


def test_the_text_has_each_client_with_its_ratios(bench: SimpleNamespace, measured: Any) -> None:
    results = measured({"get-64": {"floor": [20.0] * 3, "courser": [60.0] * 3, "aiohttp": [120.0] * 3}})
    text = bench.report.as_text(results, ["the verdict"])

    row = next(line.split() for line in text.splitlines() if line.startswith("  courser"))
    assert row == ["courser", "60.0", "60.0..60.0", "0%", "0.50", "3.00", "120", "1.0", "3.0", "30.0"]
    assert text.endswith("Goals\n  the verdict")


def test_the_document_survives_being_written(bench: SimpleNamespace, document: Any) -> None:
    text = bench.report.write(document)

    assert json.loads(text) == json.loads(json.dumps(document))
    assert sum(line.lstrip().startswith('"wreq":') for line in text.splitlines()) == 1


def test_the_chart_is_an_svg_with_a_bar_for_each_client(bench: SimpleNamespace, document: Any) -> None:
    picture = xml.etree.ElementTree.fromstring(bench.chart.draw(document))

    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    assert [text for text in texts if text in {"floor", "wreq", "courser", "aiohttp", "httpx"}] == [
        *["floor", "wreq", "courser", "aiohttp", "httpx"],  # a cost: the least comes first
        "courser",  # aiohttp failed at the download
    ]
    width = float(picture.attrib["width"])
    right = [
        float(bar.attrib["x"]) + float(bar.attrib["width"])
        for bar in picture.iter()
        if "x" in bar.attrib and bar.tag.endswith("rect")
    ]
    assert max(right) < width


def test_a_bar_too_long_for_the_panel_is_cut(bench: SimpleNamespace, document: Any) -> None:
    drawn = bench.chart.draw(document)

    assert drawn.count("<polygon") == 1
    assert ">9,000<" in drawn


def test_the_page_keeps_its_prose_and_renews_what_is_between_the_markers(bench: SimpleNamespace, document: Any) -> None:
    page = "before\n<!-- bench: figures -->\nold\n<!-- /bench -->\nafter <!-- bench: lost -->\n<!-- /bench -->\n"

    filled = bench.page.fill(page, document)

    assert filled.startswith("before\n<!-- bench: figures -->\n\n| µs cpu per request | floor |")
    assert "| small GET, asyncio, c=64 | 20.0 | 60.0 | 40.0 | 120 | 9,000 |" in filled
    assert "| small GET, asyncio, c=64 | 60.0 µs cpu per request | wreq 40.0 |" in filled
    assert "old" not in filled
    assert bench.page.fill(filled, document) == filled


def test_the_page_says_what_failed_without_breaking_its_table(bench: SimpleNamespace, document: Any) -> None:
    filled = bench.page.fill("<!-- bench: failures -->\n<!-- /bench -->", document)

    assert "| 100 MB download, asyncio | aiohttp | ClientError: a < b \\| c |" in filled


def test_the_page_and_the_chart_show_the_run_that_is_kept(bench: SimpleNamespace) -> None:
    outdated = [path.name for path, _ in bench.page.differences(bench.page.DOCS)]

    assert not outdated, "python tools/bench/page.py writes them"


def test_the_prose_of_the_page_has_no_figures_of_its_own(bench: SimpleNamespace) -> None:
    prose = bench.page._BLOCK.sub("", (bench.page.DOCS / "performance.md").read_text("utf-8"))

    units = [word for word in ("µs", " ms", "MB", "KB", "%") if word in prose]
    assert not units
