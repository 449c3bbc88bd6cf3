"""`ordersaga demo`: its output, its files, and that it can fail."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from ordersaga.audit.books import Books, Rule, Violation
from ordersaga.cli.demo import _report
from ordersaga.cli.exit_codes import Exit
from ordersaga.demo import Cause, DemoRun, Scenario, demo_scenarios
from ordersaga.demo.scenarios import FEWEST
from ordersaga.demo.screen import as_json
from ordersaga.domain.result import CancelOutcome, OrderResult, OrderStatus
from ordersaga.stack import Stack, StackOptions
from tests.acceptance.harness import ORDERSAGA, ROOT, eventually

BALANCED = Books([], {"completed": FEWEST}, 0)
BROKEN = replace(BALANCED, violations=[Violation(Rule.UNDONE, "its payment is live", "1", effect="payment")])

REFUSALS = {
    Cause.OUT_OF_STOCK: "InsufficientInventory",
    Cause.DECLINED: "PaymentDeclined",
    Cause.UNDELIVERABLE: "UndeliverableAddress",
}


def test_the_demo_in_a_bare_environment(tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*ORDERSAGA, "demo", "--orders", "20", "--json"],
        env=bare,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    account = json.loads(line)
    assert account["orders"] == 20
    assert set(account["outcomes"]) == set(Cause)
    assert min(account["outcomes"].values()) >= 1
    assert sum(account["outcomes"].values()) == 20
    assert account["surprises"] == []
    assert (account["books"]["balanced"], account["books"]["violations"]) == (True, [])
    assert "Killed the worker (kill -9)" in done.stderr
    assert list(tmp_path.glob("ordersaga-demo-*")) == []
    eventually(lambda: not running_with(f"TMPDIR={tmp_path}"), "nothing of the demo is left running")


def running_with(variable: str) -> list[psutil.Process]:
    """The processes with this variable in their environment: those that the demo started, and their children."""
    name, _, value = variable.partition("=")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process)
        except psutil.Error:
            continue
    return found


def ended_as_they_should() -> list[Scenario]:
    """The smallest demo, with the end that each scenario must have."""
    scenarios = demo_scenarios(FEWEST)
    for scenario in scenarios:
        status = OrderStatus.FAILED if scenario.cause in REFUSALS else OrderStatus.COMPLETED
        match scenario.cause:
            case Cause.CANCELLED_IN_TIME:
                status, scenario.verdict = OrderStatus.CANCELLED, CancelOutcome.CANCELLED
            case Cause.CANCEL_REFUSED:
                scenario.verdict = CancelOutcome.TOO_LATE
        scenario.result = OrderResult(
            order_id=scenario.order.order_id, status=status, refusal=REFUSALS.get(scenario.cause)
        )
    return scenarios


class FinishedDemo(DemoRun):
    """A finished demo run and its books."""

    def __init__(self, scenarios: list[Scenario], books: Books) -> None:
        self.scenarios = scenarios
        self._books = books

    async def books(self) -> Books:
        return self._books


async def exit_code(scenarios: list[Scenario], books: Books, tmp_path: Path, as_json: bool = True) -> int:
    return await _report(FinishedDemo(scenarios, books), Stack(StackOptions(tmp_path)), keep=False, as_json=as_json)


async def test_all_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = ended_as_they_should()

    assert [scenario.mismatch for scenario in scenarios] == [None] * FEWEST
    assert await exit_code(scenarios, BALANCED, tmp_path) == Exit.OK
    assert json.loads(capsys.readouterr().out) == as_json(scenarios, BALANCED)
    assert await exit_code(scenarios, BALANCED, tmp_path, as_json=False) == Exit.OK
    assert f"Every order ended as expected: {FEWEST} of {FEWEST}." in capsys.readouterr().out


async def test_books_that_do_not_balance_fail_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = ended_as_they_should()

    assert await exit_code(scenarios, BROKEN, tmp_path) == Exit.NO
    account = json.loads(capsys.readouterr().out)
    assert (account["books"]["balanced"], account["surprises"]) == (False, [])
    assert await exit_code(scenarios, BROKEN, tmp_path, as_json=False) == Exit.NO
    shown = capsys.readouterr().out
    assert "violation: 1: its payment is live" in shown
    assert "The books balance." not in shown


def ends(**changes: Any) -> Callable[[Scenario], None]:
    def change(scenario: Scenario) -> None:
        assert scenario.result
        scenario.result = scenario.result.model_copy(update=changes)

    return change


def is_answered(verdict: CancelOutcome | None) -> Callable[[Scenario], None]:
    def change(scenario: Scenario) -> None:
        scenario.verdict = verdict

    return change


def never_ends(scenario: Scenario) -> None:
    scenario.result = None


@pytest.mark.parametrize(
    ("cause", "change", "problem"),
    [
        (Cause.COMPLETED, never_ends, "it has not ended"),
        (Cause.COMPLETED, ends(status=OrderStatus.NEEDS_ATTENTION), "it ended needs_attention, but should have ended"),
        (Cause.LOST_RESPONSE, ends(status=OrderStatus.FAILED), "it ended failed, but should have ended completed"),
        (Cause.WORKER_KILLED, ends(status=OrderStatus.CANCELLED), "should have ended completed"),
        (Cause.OUT_OF_STOCK, ends(refusal="PaymentDeclined"), "failed (PaymentDeclined), but should have ended failed"),
        (Cause.DECLINED, ends(refusal=None), "should have ended failed (PaymentDeclined)"),
        (Cause.UNDELIVERABLE, ends(status=OrderStatus.COMPLETED, refusal=None), "it ended completed"),
        (Cause.CANCELLED_IN_TIME, ends(status=OrderStatus.COMPLETED), "should have ended cancelled"),
        (Cause.CANCELLED_IN_TIME, is_answered(CancelOutcome.TOO_LATE), "its cancellation returned too_late"),
        (Cause.CANCEL_REFUSED, is_answered(CancelOutcome.CANCELLED), "its cancellation returned cancelled"),
        (Cause.CANCEL_REFUSED, is_answered(None), "its cancellation returned None, not too_late"),
    ],
)
async def test_an_order_that_ends_otherwise_fails_it(
    cause: Cause, change: Callable[[Scenario], None], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenarios = ended_as_they_should()
    scenario = next(scenario for scenario in scenarios if scenario.cause is cause)
    change(scenario)

    assert await exit_code(scenarios, BALANCED, tmp_path) == Exit.NO
    account = json.loads(capsys.readouterr().out)
    (mismatch,) = account["surprises"]
    assert (mismatch["order_id"], mismatch["cause"]) == (scenario.order.order_id, cause)
    assert problem in mismatch["problem"]
    assert sum(account["outcomes"].values()) == FEWEST - 1
