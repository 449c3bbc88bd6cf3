"""The statistics of the bench."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bench.figures import format_spread, parts_of
from bench.history import Run, actions_in, of_orders
from bench.recovery import summary as recovery
from bench.recovery import waited
from bench.result import figures_of
from bench.run import EngineRun
from bench.stats import middle_rate, ratios, rotated, spread, summary

KILLED = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return KILLED + timedelta(seconds=seconds)


def test_the_spread_has_the_median_and_both_ends() -> None:
    assert spread([3.0, 1.0, 9.0]) == {"median": 3.0, "min": 1.0, "max": 9.0, "rounds": 3}


def test_a_figure_that_a_round_has_not_got_is_left_out_of_that_round_only() -> None:
    found = summary({0: {"a": 1.0, "b": 5.0}, 1: {"a": 3.0}})
    assert (found["a"]["median"], found["a"]["rounds"]) == (2.0, 2)
    assert (found["b"]["median"], found["b"]["rounds"]) == (5.0, 1)


def test_ratios_are_taken_within_a_round() -> None:
    """The second round was twice as slow for both engines, so the ratio stays the same, unlike that of the medians."""
    ours = {0: {"ms": 10.0}, 1: {"ms": 20.0}, 2: {"ms": 40.0}}
    base = {0: {"ms": 5.0}, 1: {"ms": 10.0}, 2: {"ms": 80.0}}
    assert ratios(ours, base)["ms"] == {"median": 2.0, "min": 0.5, "max": 2.0, "rounds": 3}


def test_a_round_without_its_pair_has_no_ratio() -> None:
    assert ratios({0: {"ms": 10.0}, 1: {"ms": 20.0}}, {1: {"ms": 10.0}})["ms"]["rounds"] == 1
    assert ratios({0: {"ms": 10.0}}, {0: {"ms": 0.0}}) == {}
    assert ratios({0: {"ms": 10.0}}, {}) == {}


def test_the_rate_is_that_of_the_middle() -> None:
    """Four orders ramp up slowly, ten end at two per second, four are slow at the end."""
    ended = [3.0, 6.0, 9.0, 10.0, *(10.5 + 0.5 * number for number in range(10)), 20.0, 30.0, 40.0, 50.0]
    assert middle_rate(ended, 4) == pytest.approx(2.0)
    assert middle_rate(ended[::-1], 4) == pytest.approx(2.0)


@pytest.mark.parametrize(("ended", "rate"), [([], 0.0), ([2.0], 0.5), ([1.0, 1.0], 2.0), ([2.0, 2.0, 2.1, 4.0], 1.0)])
def test_the_rate_of_few_orders_is_that_of_all(ended: list[float], rate: float) -> None:
    """They come in waves, and the middle of one wave is not a rate."""
    assert middle_rate(ended, 2) == rate


def test_each_round_begins_with_the_next_engine() -> None:
    assert [rotated("abc", number) for number in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert rotated([], 5) == []


def test_a_spread_is_formatted() -> None:
    assert format_spread(spread([27.04, 25.1, 1028.3]), 1) == "27.0 (25.1 to 1,028.3)"
    assert format_spread(spread([27.04]), 0) == "27"


def test_the_parts_of_a_figure() -> None:
    assert parts_of(["cpu_ms", "cpu_ms.worker", "cpu_ms.client", "cpu_ms.worker", "memory_mb.x"], "cpu_ms") == [
        "client",
        "worker",
    ]


def test_a_round_that_went_wrong_does_not_count() -> None:
    good, bad = EngineRun("a", 0, {"ms": 1.0}), EngineRun("a", 1, {"ms": 2.0}, problems=["a worker died"])
    assert figures_of("a", [good, bad, EngineRun("b", 0, {"ms": 3.0}), EngineRun("a", 2)]) == {0: {"ms": 1.0}}


METRICS = """\
# HELP action action counter
# TYPE action counter
action{action_type="grpc_StartWorkflowExecution",namespace="default",operation="Start",service_name="frontend"} 20
action{action_type="grpc_StartWorkflowExecution",namespace="temporal_system",service_name="frontend"} 7
action{action_type="command_BatchMarkers",namespace="default",note="a \\"b\\" {c}"} 1.2e+01
action{action_type="command_BatchMarkers",namespace="default",operation="other"} 3
action_latency_bucket{action_type="command_BatchMarkers",namespace="default",le="0.1"} 99
reaction{action_type="command_BatchMarkers",namespace="default"} 99
"""


def test_actions_are_read_from_the_metrics_by_type_and_for_our_namespace_only() -> None:
    assert actions_in(METRICS) == {"grpc_StartWorkflowExecution": 20, "command_BatchMarkers": 15}


def run(workflow_id: str, started: float = -1.0, closed: float | None = 1.0) -> Run:
    return Run(workflow_id, at(started), None if closed is None else at(closed), 9, 4000)


def test_the_runs_of_an_order_are_those_with_its_id() -> None:
    own, child, other = run("order-full-000001"), run("order-full-000001/mail"), run("order-full-000011")
    assert of_orders([own, child, other, run("watcher")], ["full-000001", "full-000002"]) == {
        "full-000001": [own, child],
        "full-000002": [],
    }


def test_only_orders_in_flight_at_the_kill_have_waited_for_it() -> None:
    runs = {
        "before": [run("a", -5.0, -1.0)],
        "in flight": [run("b", -5.0, 12.0)],
        "with a child": [run("c", -5.0, -1.0), run("d", -2.0, 20.0)],
        "after": [run("e", 1.0, 30.0)],
        "never ended": [run("f", -5.0, None)],
        "not listed": [],
    }
    assert waited(runs, KILLED) == ([12.0, 20.0], 1)


def test_no_kill_has_no_times() -> None:
    found = recovery([])
    assert (found["orders"], found["p99"], found["max"]) == (0, None, None)
