"""What happens to the orders in which a planted bug shows. With the right code the books balance in the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from temporalio.client import WorkflowUpdateStage

from ordersaga.activities import payment
from ordersaga.clients import PaymentClient
from ordersaga.contracts.payment import RefundRequest
from ordersaga.contracts.shipping import ShipmentRequest
from ordersaga.domain.errors import DecisionRefused, OrderNotFound
from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderStatus
from ordersaga.domain.worklist import OrderDecision
from ordersaga.endings import find_settlement
from ordersaga.saga import UndoOutcome
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.testing.faults import Fault, Kind
from ordersaga.testing.resets import reset
from ordersaga.workflows.ids import settlement_id
from ordersaga.workflows.order import OrderSagaWorkflow
from ordersaga.workflows.watch import WatcherWorkflow
from tests.planted.stage import Scenario, Stage
from tests.workflow.shop import until

ON_HOLD = {"hold_before_shipping": 300.0}
NOWHERE = {"street": "1 Main St", "city": "New York", "state": "NY", "zip_code": "ABCDE", "country": "US"}
SECONDS = 5.0

# -- calls that go wrong


async def good(stage: Stage) -> None:
    """Nothing goes wrong."""
    await stage.begins()
    await stage.ends()


async def one_piece_for_1999(stage: Stage) -> None:
    """Nothing goes wrong, and 19.99 is to be paid."""
    await stage.begins(items=[{"sku": f"{stage.name}-a", "quantity": 1, "price": 19.99}])
    await stage.ends()


async def in_yen(stage: Stage) -> None:
    """Nothing goes wrong, and 1200 yen are to be paid."""
    await stage.begins(currency="JPY", items=[{"sku": f"{stage.name}-a", "quantity": 1, "price": 1200}])
    await stage.ends()


async def one_sku_on_two_lines(stage: Stage) -> None:
    """Nothing goes wrong, and the same SKU is on two lines of the order."""
    line = {"sku": f"{stage.name}-a", "quantity": 1, "price": "5.00"}
    await stage.begins(items=[line, line])
    await stage.ends()


async def declined(stage: Stage) -> None:
    """The customer's card is declined."""
    await stage.begins(payment_method_id="pm_card_chargeDeclined")
    await stage.ends()


async def second_line_out_of_stock(stage: Stage) -> None:
    """There is stock for the first line, and none for the second."""
    order = await stage.order()
    await stage.shop.services.inventory.load_stock({f"{stage.name}-b": 0})
    await stage.shop.orders.place_order(order)


def never_answered(call: str) -> Scenario:
    """A call takes effect each time, and nobody hears of it until the order gives up."""

    async def scenario(stage: Stage) -> None:
        stage.given(Fault(Kind.LOSE_RESPONSE, call, attempts=None))
        await stage.begins(policy={"step_deadline": 0.6})
        await stage.ends()

    return scenario


def answer_lost_once(call: str) -> Scenario:
    """A call takes effect, its answer is lost, and it is made again."""

    async def scenario(stage: Stage) -> None:
        stage.given(Fault(Kind.LOSE_RESPONSE, call))
        await stage.begins(policy={"fast_path": 0.0})
        await stage.ends()

    return scenario


async def charged_after_its_refund(stage: Stage) -> None:
    """The charge is still on its way when the order is given up; it arrives behind its own undo."""
    stage.given(Fault(Kind.HOLD_BACK, "charge", attempts=None))
    await stage.begins(policy={"step_deadline": 0.4, "fast_path": 0.3})
    await stage.ends()


async def refunded_meanwhile(stage: Stage) -> None:
    """While the charge is being repeated, the call centre gives the money back."""
    stage.given(Fault(Kind.LOSE_RESPONSE, "charge"), Fault(Kind.HOLD_BACK, "charge", attempts=(2,)))
    await stage.begins()
    await stage.meets(Kind.HOLD_BACK, "charge")
    refund = RefundRequest(payment_id=f"pay-{stage.name}", owner=await stage.shop.owner(stage.name))
    await stage.shop.services.payment.refund(refund, SECONDS)
    stage.proxy.release(stage.name)
    await stage.ends()


async def id_taken(stage: Stage) -> None:
    """Another shipment has been booked under the order's shipment id before, and a person cancels what that stops."""
    address = {"street": "350 5th Ave", "city": "New York", "state": "NY", "zip": "10118", "country": "US"}
    request: dict[str, object] = {"shipment_id": f"shp-{stage.name}", "order_id": stage.name, "address": address}
    request |= {"items": [{"sku": f"{stage.name}-a", "qty": 1}]}
    await stage.shop.services.shipping.create(ShipmentRequest.model_validate(request), SECONDS)
    await stage.begins()
    if await stage.ends_or_waits():
        await stage.shop.orders.cancel_order(stage.name, "another shipment stands in its way")
    await stage.ends()


def payment_dies_behind_a_commit(deadline: float) -> Scenario:
    """The payment service dies right behind the first commit of a charge; it is there again for the next call."""
    right = SqliteStore.write

    async def scenario(stage: Stage) -> None:
        died: list[str] = []

        async def write(store: SqliteStore, work: Any) -> Any:
            answer = await right(store, work)
            if store._path.stem == "payment" and not died:
                died.append(stage.name)
                raise RuntimeError("killed")
            return answer

        with patch.object(SqliteStore, "write", write):
            await stage.begins(policy={"step_deadline": deadline})
            await stage.ends()
        assert died

    return scenario


async def mail_down(stage: Stage) -> None:
    """No mail can be sent for the whole deadline. The order has shipped by then, so it has to complete."""
    stage.given(Fault(Kind.ERROR_BEFORE, "notify", attempts=None))
    await stage.begins(policy={"step_deadline": 0.6})
    await _must_complete(stage)


# -- undos


def undo_answer_lost_once(undo: str) -> Scenario:
    """Beside another order of the same goods, one is refused by shipping; an undo is repeated, its answer lost."""

    async def scenario(stage: Stage) -> None:
        other = await stage.order(f"{stage.name}-2")
        order = await stage.order(shipping_address=NOWHERE)
        await stage.shop.orders.place_order(other.model_copy(update={"items": order.items}))
        stage.given(Fault(Kind.LOSE_RESPONSE, undo))
        await stage.shop.orders.place_order(order)

    return scenario


async def refund_down(stage: Stage) -> None:
    """The shipment is refused, and no refund works until a person has had a look."""
    stage.given(Fault(Kind.ERROR_BEFORE, "refund", attempts=None))
    await stage.begins(shipping_address=NOWHERE, policy={"undo_patience": 0.6})
    if await stage.ends_or_waits() and not await stage.ends_within(1.0):
        stage.proxy.lift(stage.name)
        await _retried(stage)
    await stage.ends()


async def refund_too_late(stage: Stage) -> None:
    """The shipment is refused, and it is too late for a refund until a person has talked to the provider."""

    async def refund(*_: Any) -> Any:
        return SimpleNamespace(status="too_late")

    # The sandbox's payment service knows no such answer, and another provider's may.
    outcomes = patch.dict(payment._OUTCOMES, {"too_late": UndoOutcome.TOO_LATE})
    with outcomes, patch.object(PaymentClient, "refund", refund):
        await stage.begins(shipping_address=NOWHERE)
        waits = await stage.ends_or_waits()
    if waits:
        await _retried(stage)
    await stage.ends()


# -- cancels


async def cancelled_on_hold_by_signal(stage: Stage) -> None:
    """The customer cancels while the order is on hold: reserved and paid, not shipped."""
    await _on_hold(stage)
    await stage.handle.signal(OrderSagaWorkflow.cancel, "changed my mind")
    await stage.ends()


async def cancelled_on_hold_natively(stage: Stage) -> None:
    """An operator cancels the run through Temporal while the order is on hold."""
    await _on_hold(stage)
    await stage.handle.cancel()
    await stage.ends()


async def cancelled_and_reset(stage: Stage) -> None:
    """A cancel comes, and an operator resets the run: the new one knows of the cancel, and of no step."""
    stage.given(Fault(Kind.HOLD_ANSWER, "notify", attempts=None))
    await stage.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await stage.meets(Kind.HOLD_ANSWER, "notify")
    await stage.handle.signal(OrderSagaWorkflow.cancel, "at the last moment")
    await _reset(stage)
    stage.proxy.lift(stage.name)
    await stage.ends()


async def cancelled_after_all_four(stage: Stage) -> None:
    """The customer cancels when all four are in effect, and the parcel is still here."""
    await _cancelled_at_the_mail(stage)


async def cancelled_after_the_parcel_left(stage: Stage) -> None:
    """The customer cancels when the carrier has the parcel: it is too late, and the order has to complete."""
    await _cancelled_at_the_mail(stage, parcel_leaves=True)


# -- runs


async def terminated_on_hold(stage: Stage) -> None:
    """An operator terminates the run while the order is on hold; then comes a round of the watcher."""
    await _on_hold(stage)
    await stage.handle.terminate("somebody pressed the button")
    await _watched(stage)
    await stage.ends()


async def reset_on_hold(stage: Stage) -> None:
    """An operator resets the run to its beginning while the order is on hold."""
    await _on_hold(stage)
    await _reset(stage)

    async def on_hold_again() -> bool:
        timeline = (await stage.handle.query(OrderSagaWorkflow.get_order)).timeline
        return bool(timeline) and timeline[-1].kind == "hold_begun"

    await until(on_hold_again)


async def reset_and_going_on(stage: Stage) -> None:
    """An operator resets the run to its beginning; while the order goes on, there is a round of the watcher."""
    stage.given(Fault(Kind.HOLD_ANSWER, "notify", attempts=None))
    await stage.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await stage.meets(Kind.HOLD_ANSWER, "notify")
    await _reset(stage)
    await _watched(stage)
    orders = stage.shop.orders
    if await find_settlement(orders.temporal, stage.name) is not None:
        await orders.temporal.get_workflow_handle(settlement_id(stage.name)).result()
    stage.proxy.lift(stage.name)
    await _must_complete(stage)


async def placed_twice(stage: Stage) -> None:
    """The shop places the order again, because it has not heard of the first time."""
    order = await stage.order(policy={"hold_before_shipping": 1.0})
    placed = [await stage.shop.orders.submit_order(order) for _ in range(2)]
    for each in placed:
        await stage.shop.orders.temporal.get_workflow_handle(each.workflow_id).result()
    if [each.created for each in placed] != [True, False]:
        stage.answers.add("answer: one order was created twice")


async def two_want_the_last_piece(stage: Stage) -> None:
    """Two orders want the last piece at the same time."""
    line = {"sku": f"{stage.name}-a", "quantity": 1, "price": "5.00"}
    orders = [await stage.order(name, items=[line]) for name in (stage.name, f"{stage.name}-2")]
    await stage.shop.services.inventory.load_stock({f"{stage.name}-a": 1})
    await asyncio.gather(*(stage.shop.orders.place_order(order) for order in orders))


# -- what scenarios share


async def _reset(stage: Stage) -> None:
    """Run the order again from its beginning; this terminates the run that there is."""
    await reset(stage.shop.orders.temporal, f"order-{stage.name}")


async def _watched(stage: Stage) -> None:
    """A round of the watcher, once Temporal lists the order's run as terminated."""
    temporal, round_id = stage.shop.orders.temporal, f"watch-{stage.name}"

    async def listed() -> bool:
        query = f'WorkflowId = "order-{stage.name}" AND ExecutionStatus = "Terminated"'
        return (await temporal.count_workflows(query)).count == 1

    await until(listed)
    queue = stage.shop.orders.settings.task_queue
    await temporal.execute_workflow(WatcherWorkflow.run, id=round_id, task_queue=queue)


async def _on_hold(stage: Stage) -> None:
    await stage.begins(policy=ON_HOLD)
    await stage.has("held", "captured")


async def _cancelled_at_the_mail(stage: Stage, parcel_leaves: bool = False) -> None:
    stage.given(Fault(Kind.HOLD_ANSWER, "notify"))
    await stage.begins(policy={"fast_path": 0.0, "http_timeout": 10.0})
    await stage.meets(Kind.HOLD_ANSWER, "notify")
    if parcel_leaves:
        await stage.shop.parcel_leaves(stage.name)
    update = await stage.handle.start_update(
        OrderSagaWorkflow.request_cancel, "changed my mind", wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    stage.proxy.release(stage.name)
    answer: CancelAnswer = await update.result()
    status = (await stage.ends()).status
    if (answer.outcome is CancelOutcome.CANCELLED) is not (status is OrderStatus.CANCELLED):
        stage.answers.add(f"answer: the cancel was {answer.outcome}, and the order is {status}")


async def _retried(stage: Stage) -> None:
    with suppress(OrderNotFound, DecisionRefused):  # which may have ended by itself, if the code is wrong
        await stage.shop.orders.resolve(stage.name, OrderDecision(choice="retry", by="Ada"))


async def _must_complete(stage: Stage) -> None:
    status = (await stage.ends()).status
    if status is not OrderStatus.COMPLETED:
        stage.answers.add(f"answer: the order is {status}, and had to complete")
