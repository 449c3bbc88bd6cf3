"""The matrix itself: it has the intended cells, and a cell fails if something is wrong with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ordersaga.contracts.payment import RefundRequest
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.environment import Environment
from resilience.matrix import Cell, Outcome, all_cells, chosen, run_cells, slice_of
from resilience.matrix.cell import FAILED, Expected
from resilience.matrix.report import Run, write
from resilience.matrix.scenario import Scenario

CELLS = {cell.id: cell for cell in all_cells()}
GOOD = CELLS["fault/charge/lose_response/first/fast"]


async def refunded_behind_its_back(scenario: Scenario) -> None:
    await scenario.ended()
    refund = RefundRequest(payment_id=f"pay-{scenario.order_id}", owner=scenario.order().fingerprint)
    await scenario.env.services.payment.refund(refund, timeout=5)


BAD = {
    "ends otherwise": replace(GOOD, id="bad/end", expected=Expected((FAILED,))),
    "fault never happens": replace(GOOD, id="bad/fault", faults=(Fault(Kind.GARBAGE, "refund"),)),
    "books": replace(GOOD, id="bad/books", faults=(), act=refunded_behind_its_back),
    "mail": replace(GOOD, id="bad/mail", expected=replace(GOOD.expected, without_mail=True)),
    "not closed": replace(CELLS["cancel/hold/in/signal/fast"], id="bad/closed"),
}
BAD["not closed"] = replace(BAD["not closed"], expected=replace(BAD["not closed"].expected, closed_as_cancelled=True))


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """One good cell, and bad ones."""
    async with Environment.open(tmp_path_factory.mktemp("judging")) as env:
        yield Run(await run_cells([GOOD, *BAD.values()], env), seconds=1)


def outcome_of(run: Run, cell: Cell) -> Outcome:
    return next(each for each in run.outcomes if each.cell.id == cell.id)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ends otherwise", "it ended completed, but should have ended failed"),
        ("fault never happens", "garbage at refund did not happen"),
        ("books", "the books: order bad.books is completed, but its payment pay-bad.books"),
        ("mail", "live effects: email, payment, reservation, shipment, tracking number; expected: payment"),
        ("not closed", "not Canceled"),
    ],
)
def test_a_cell_fails_for_what_is_wrong_with_it_alone(run: Run, name: str, problem: str) -> None:
    (found,) = outcome_of(run, BAD[name]).problems
    assert problem in found


def test_the_report_has_what_failed_with_its_faults_and_how_to_run_it_again(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    page = (tmp_path / "report.html").read_text()

    assert (document["passed"], document["failed"]) == (1, len(BAD))
    (good,) = [cell for cell in document["cells"] if cell["passed"]]
    assert (good["id"], good["order_id"], good["ended"]) == (GOOD.id, GOOD.order_id, "completed")
    assert good["faults"][0] | {"kind": "lose_response", "call": "charge", "attempts": [1]} == good["faults"][0]
    assert "1 passed, 5 failed" in page
    for cell in BAD.values():
        assert f"<h3>{cell.id}</h3>" in page
        assert f"--cells &#x27;{cell.id}&#x27;" in page


def test_there_are_more_than_a_thousand_cells_and_no_two_share_an_order() -> None:
    assert len(all_cells()) > 1_000
    assert len({cell.order_id for cell in all_cells()}) == len(all_cells())


@pytest.mark.parametrize("call", [*UNDO_OF, *UNDO_OF.values()])
def test_every_kind_of_fault_happens_at_every_call_where_it_has_a_meaning(call: str) -> None:
    kinds = {cell.kind for cell in chosen(f"fault/{call}/*")}
    assert kinds == {kind for kind in Kind if kind.offered_at(call)}
    for family in ("cancel", "kill-worker", "kill-services", "kill-temporal", "kill-all", "stop-worker", "terminate"):
        for moment in ("before", "after"):
            assert chosen(f"{family}/{call}/{moment}/*"), (family, call, moment)


def test_a_slice_has_something_of_everything_and_is_always_the_same() -> None:
    found = slice_of(all_cells(), 330)
    assert len({cell.id for cell in found}) == len(found) == 330
    assert {cell.boundary for cell in found} == {cell.boundary for cell in all_cells()}
    faults = {(cell.boundary, cell.kind) for cell in chosen("fault/*")}
    assert faults <= {(cell.boundary, cell.kind) for cell in found}
    assert {cell.id.split("/")[3] for cell in found if cell.family == "fault"} == {"first", "second", "all"}
    assert [cell.id for cell in slice_of(all_cells(), 330)] == [cell.id for cell in found]
