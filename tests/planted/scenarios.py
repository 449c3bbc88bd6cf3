"""The orders that make a planted bug visible. With the correct code, the books balance at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from temporalio.client import WorkflowUpdateStage

from ordersaga.contracts.payment import RefundRequest
from ordersaga.contracts.shipping import ShipmentRequest
from ordersaga.domain.errors import DecisionRefused, OrderNotFound
from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderStatus
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.activities import payment
from ordersaga.orders.executions import find_recovery
from ordersaga.orders.service_clients import PaymentClient
from ordersaga.orders.workflows.ids import recovery_id
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.saga import UndoOutcome
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.stack.faults import Fault, Kind
from resilience.resets import reset
from tests.planted.scenario_run import Scenario, ScenarioRun
from tests.workflow.environment import until

ON_HOLD = {"hold_before_shipping": 300.0}
NOWHERE = {"street": "1 Main St", "city": "New York", "state": "NY", "zip_code": "ABCDE", "country": "US"}
SECONDS = 5.0

# -- calls that fail


async def good(run: ScenarioRun) -> None:
    """Nothing fails."""
    await run.begins()
    await run.ends()


async def one_piece_for_1999(run: ScenarioRun) -> None:
    """Nothing fails, and the price is 19.99."""
    await run.begins(items=[{"sku": f"{run.name}-a", "quantity": 1, "price": 19.99}])
    await run.ends()


async def in_yen(run: ScenarioRun) -> None:
    """Nothing fails, and the price is 1200 yen."""
    await run.begins(currency="JPY", items=[{"sku": f"{run.name}-a", "quantity": 1, "price": 1200}])
    await run.ends()


async def one_sku_on_two_lines(run: ScenarioRun) -> None:
    """Nothing fails, and the same SKU is on two lines of the order."""
    line = {"sku": f"{run.name}-a", "quantity": 1, "price": "5.00"}
    await run.begins(items=[line, line])
    await run.ends()


async def declined(run: ScenarioRun) -> None:
    """The customer's card is declined."""
    await run.begins(payment_method_id="pm_card_chargeDeclined")
    await run.ends()


async def second_line_out_of_stock(run: ScenarioRun) -> None:
    """There is stock for the first line, and none for the second."""
    order = await run.order()
    await run.env.services.inventory.load_stock({f"{run.name}-b": 0})
    await run.env.orders.place_order(order)


def never_answered(call: str) -> Scenario:
    """A call takes effect each time, but its answers are lost until the order gives up."""

    async def scenario(run: ScenarioRun) -> None:
        run.given(Fault(Kind.LOSE_RESPONSE, call, attempts=None))
        await run.begins(policy={"step_deadline": 0.6})
        await run.ends()

    return scenario


def answer_lost_once(call: str) -> Scenario:
    """A call takes effect, its answer is lost, and it is repeated."""

    async def scenario(run: ScenarioRun) -> None:
        run.given(Fault(Kind.LOSE_RESPONSE, call))
        await run.begins(policy={"fast_path": 0.0})
        await run.ends()

    return scenario


async def charged_after_its_refund(run: ScenarioRun) -> None:
    """The charge is still on its way when the order is given up. It arrives after its own undo."""
    run.given(Fault(Kind.HOLD_BACK, "charge", attempts=None))
    await run.begins(policy={"step_deadline": 0.4, "fast_path": 0.3})
    await run.ends()


async def refunded_meanwhile(run: ScenarioRun) -> None:
    """While the charge is being repeated, the call center refunds it."""
    run.given(Fault(Kind.LOSE_RESPONSE, "charge"), Fault(Kind.HOLD_BACK, "charge", attempts=(2,)))
    await run.begins()
    await run.meets(Kind.HOLD_BACK, "charge")
    refund = RefundRequest(payment_id=f"pay-{run.name}", owner=await run.env.owner(run.name))
    await run.env.services.payment.refund(refund, SECONDS)
    run.proxy.release(run.name)
    await run.ends()


async def id_taken(run: ScenarioRun) -> None:
    """Another shipment already has the order's shipment id. A person cancels the order, which stops there."""
    address = {"street": "350 5th Ave", "city": "New York", "state": "NY", "zip": "10118", "country": "US"}
    request: dict[str, object] = {"shipment_id": f"shp-{run.name}", "order_id": run.name, "address": address}
    request |= {"items": [{"sku": f"{run.name}-a", "qty": 1}]}
    await run.env.services.shipping.create(ShipmentRequest.model_validate(request), SECONDS)
    await run.begins()
    if await run.ends_or_waits():
        await run.env.orders.cancel_order(run.name, "another shipment stands in its way")
    await run.ends()


def payment_dies_behind_a_commit(deadline: float) -> Scenario:
    """The payment service dies just after the first commit of a charge; it runs again for the next call."""
    right = SqliteStore.write

    async def scenario(run: ScenarioRun) -> None:
        died: list[str] = []

        async def write(store: SqliteStore, work: Any) -> Any:
            answer = await right(store, work)
            if store._path.stem == "payment" and not died:
                died.append(run.name)
                raise RuntimeError("killed")
            return answer

        with patch.object(SqliteStore, "write", write):
            await run.begins(policy={"step_deadline": deadline})
            await run.ends()
        assert died

    return scenario


async def mail_down(run: ScenarioRun) -> None:
    """No email can be sent until the deadline. The order has shipped by then, so it must complete."""
    run.given(Fault(Kind.ERROR_BEFORE, "notify", attempts=None))
    await run.begins(policy={"step_deadline": 0.6})
    await _must_complete(run)


# -- undos


def undo_answer_lost_once(undo: str) -> Scenario:
    """Next to another order of the same goods, one is refused by shipping.

    An undo is repeated because its answer is lost.
    """

    async def scenario(run: ScenarioRun) -> None:
        other = await run.order(f"{run.name}-2")
        order = await run.order(shipping_address=NOWHERE)
        await run.env.orders.place_order(other.model_copy(update={"items": order.items}))
        run.given(Fault(Kind.LOSE_RESPONSE, undo))
        await run.env.orders.place_order(order)

    return scenario


async def refund_down(run: ScenarioRun) -> None:
    """The shipment is refused, and no refund works until a person has checked."""
    run.given(Fault(Kind.ERROR_BEFORE, "refund", attempts=None))
    await run.begins(shipping_address=NOWHERE, policy={"undo_patience": 0.6})
    if await run.ends_or_waits() and not await run.ends_within(1.0):
        run.proxy.lift(run.name)
        await _retried(run)
    await run.ends()


async def refund_too_late(run: ScenarioRun) -> None:
    """The shipment is refused, and it is too late for a refund until a person has talked to the provider."""

    async def refund(*_: Any) -> Any:
        return SimpleNamespace(status="too_late")

    # The sandbox's payment service has no such answer, but another provider may have.
    outcomes = patch.dict(payment._OUTCOMES, {"too_late": UndoOutcome.TOO_LATE})
    with outcomes, patch.object(PaymentClient, "refund", refund):
        await run.begins(shipping_address=NOWHERE)
        waits = await run.ends_or_waits()
    if waits:
        await _retried(run)
    await run.ends()


# -- cancels


async def cancelled_on_hold_by_signal(run: ScenarioRun) -> None:
    """The customer cancels while the order is on hold: reserved and paid, but not shipped."""
    await _on_hold(run)
    await run.handle.signal(OrderSagaWorkflow.cancel, "changed my mind")
    await run.ends()


async def cancelled_on_hold_natively(run: ScenarioRun) -> None:
    """An operator cancels the run through Temporal while the order is on hold."""
    await _on_hold(run)
    await run.handle.cancel()
    await run.ends()


async def cancelled_and_reset(run: ScenarioRun) -> None:
    """After a cancel, an operator resets the run: the new run knows about the cancel, but about no step."""
    run.given(Fault(Kind.HOLD_ANSWER, "notify", attempts=None))
    await run.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await run.meets(Kind.HOLD_ANSWER, "notify")
    await run.handle.signal(OrderSagaWorkflow.cancel, "at the last moment")
    await _reset(run)
    run.proxy.lift(run.name)
    await run.ends()


async def cancelled_after_all_four(run: ScenarioRun) -> None:
    """The customer cancels when all four effects exist and the parcel has not left."""
    await _cancelled_at_the_mail(run)


async def cancelled_after_the_parcel_left(run: ScenarioRun) -> None:
    """The customer cancels when the carrier has the parcel: it is too late, and the order must complete."""
    await _cancelled_at_the_mail(run, parcel_leaves=True)


# -- runs


async def terminated_on_hold(run: ScenarioRun) -> None:
    """An operator terminates the run while the order is on hold; then the watcher makes a round."""
    await _on_hold(run)
    await run.handle.terminate("somebody pressed the button")
    await _watched(run)
    await run.ends()


async def reset_on_hold(run: ScenarioRun) -> None:
    """An operator resets the run to its beginning while the order is on hold."""
    await _on_hold(run)
    await _reset(run)

    async def on_hold_again() -> bool:
        timeline = (await run.handle.query(OrderSagaWorkflow.get_order)).timeline
        return bool(timeline) and timeline[-1].kind == "hold_begun"

    await until(on_hold_again)


async def reset_and_going_on(run: ScenarioRun) -> None:
    """An operator resets the run to its beginning. While the order continues, the watcher makes a round."""
    run.given(Fault(Kind.HOLD_ANSWER, "notify", attempts=None))
    await run.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await run.meets(Kind.HOLD_ANSWER, "notify")
    await _reset(run)
    await _watched(run)
    orders = run.env.orders
    if await find_recovery(orders.temporal, run.name) is not None:
        await orders.temporal.get_workflow_handle(recovery_id(run.name)).result()
    run.proxy.lift(run.name)
    await _must_complete(run)


async def placed_twice(run: ScenarioRun) -> None:
    """The shop places the order again, because it got no answer the first time."""
    order = await run.order(policy={"hold_before_shipping": 1.0})
    placed = [await run.env.orders.submit_order(order) for _ in range(2)]
    for each in placed:
        await run.env.orders.temporal.get_workflow_handle(each.workflow_id).result()
    if [each.created for each in placed] != [True, False]:
        run.answers.add("answer: one order was created twice")


async def two_want_the_last_piece(run: ScenarioRun) -> None:
    """Two orders want the last piece at the same time."""
    line = {"sku": f"{run.name}-a", "quantity": 1, "price": "5.00"}
    orders = [await run.order(name, items=[line]) for name in (run.name, f"{run.name}-2")]
    await run.env.services.inventory.load_stock({f"{run.name}-a": 1})
    await asyncio.gather(*(run.env.orders.place_order(order) for order in orders))


# -- helpers


async def _reset(run: ScenarioRun) -> None:
    """Restart the order from its beginning, which terminates the current run."""
    await reset(run.env.orders.temporal, f"order-{run.name}")


async def _watched(run: ScenarioRun) -> None:
    """Run a round of the watcher, once Temporal lists the order's run as terminated."""
    temporal, round_id = run.env.orders.temporal, f"watch-{run.name}"

    async def listed() -> bool:
        query = f'WorkflowId = "order-{run.name}" AND ExecutionStatus = "Terminated"'
        return (await temporal.count_workflows(query)).count == 1

    await until(listed)
    queue = run.env.orders.settings.task_queue
    await temporal.execute_workflow(WatcherWorkflow.run, id=round_id, task_queue=queue)


async def _on_hold(run: ScenarioRun) -> None:
    await run.begins(policy=ON_HOLD)
    await run.has("held", "captured")


async def _cancelled_at_the_mail(run: ScenarioRun, parcel_leaves: bool = False) -> None:
    run.given(Fault(Kind.HOLD_ANSWER, "notify"))
    await run.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await run.meets(Kind.HOLD_ANSWER, "notify")
    if parcel_leaves:
        await run.env.parcel_leaves(run.name)
    update = await run.handle.start_update(
        OrderSagaWorkflow.request_cancel, "changed my mind", wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    run.proxy.release(run.name)
    answer: CancelAnswer = await update.result()
    status = (await run.ends()).status
    if (answer.outcome is CancelOutcome.CANCELLED) is not (status is OrderStatus.CANCELLED):
        run.answers.add(f"answer: the cancel was {answer.outcome}, and the order is {status}")


async def _retried(run: ScenarioRun) -> None:
    with suppress(OrderNotFound, DecisionRefused):  # with wrong code, it may have ended by itself
        await run.env.orders.resolve(run.name, OrderDecision(choice="retry", by="Ada"))


async def _must_complete(run: ScenarioRun) -> None:
    status = (await run.ends()).status
    if status is not OrderStatus.COMPLETED:
        run.answers.add(f"answer: the order is {status}, and had to complete")
