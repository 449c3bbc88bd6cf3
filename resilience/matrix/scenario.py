"""One running cell: its order, and the actions on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateStage
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.contracts.shipping import ShipmentEventState
from ordersaga.domain.errors import DecisionRefused, Unavailable
from ordersaga.domain.order import OrderInput, OrderPolicy, parse_order
from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderResult, OrderStatus, OrderView
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.client import OrderClient
from ordersaga.orders.recovery.watcher import schedule_id
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.orders.workflows.steps import SHIP
from ordersaga.saga import StepState
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.environment import Environment
from resilience.matrix.cell import CancelMethod, Cell, Customer
from resilience.matrix.waiting import retry_until_answered, until

REASON = "asked by the matrix"
ASK_AGAIN = 0.25
HELD = (Kind.HOLD_BACK, Kind.HOLD_ANSWER)

_STEPS = ("reserve_inventory", "charge_payment", "create_shipment", "send_confirmation")
STEP_OF = dict(zip(UNDO_OF.values(), _STEPS, strict=True))
"""The step that each undo call belongs to."""


class Scenario:
    """One cell's order in an environment."""

    def __init__(self, cell: Cell, env: Environment) -> None:
        self.cell = cell
        self.env = env
        self.order_id = cell.order_id
        self.verdict: CancelOutcome | None = None
        self.in_place = asyncio.Event()
        """Set when the order has reached the place where the crash must hit it."""
        self.crashed = asyncio.Event()
        """Set when the crash has happened."""
        self._asking: list[asyncio.Task[CancelAnswer]] = []
        self._deciding: list[asyncio.Task[None]] = []
        self.faults = tuple(
            Fault(each.kind, each.call, self.order_id, each.attempts, each.seconds) for each in cell.faults
        )

    # -- the order

    async def run(self) -> OrderResult:
        """Place the order, carry out its actions, and wait for its end and for the end of its last call."""
        self.env.proxy.faults += self.faults
        try:
            await retry_until_answered(self._place)
            await self.cell.act(self)
            result = await retry_until_answered(lambda: self.env.orders.result(self.order_id))
            for asking in self._asking:
                self.verdict = (await asking).outcome
            await asyncio.gather(*self._deciding)
        finally:
            self.env.proxy.lift(self.order_id)
            for task in (*self._asking, *self._deciding):
                task.cancel()
        await until(lambda: not self.env.proxy.under_way(self.order_id))
        return result

    async def _place(self) -> None:
        if not self.cell.foreign:
            await self._deployment().submit_order(self.order())
            return
        queue, name = self.task_queue, workflow_id(self.order_id)
        document = self.order().model_dump(mode="json", exclude_none=True)
        with suppress(WorkflowAlreadyStartedError):
            await self.env.orders.temporal.start_workflow("OrderSagaWorkflow", document, id=name, task_queue=queue)

    def _deployment(self) -> OrderClient:
        """The client with which it is placed."""
        orders = self.env.orders
        if not self.cell.elsewhere:
            return orders
        return OrderClient(orders.temporal, orders.settings.model_copy(update={"task_queue": self.task_queue}))

    def order(self) -> OrderInput:
        """The order: two pieces of one article, for 39.98 USD."""
        customer = self.cell.customer
        card = "pm_card_chargeDeclined" if customer is Customer.DECLINED else "pm_card_visa"
        zip_code = "NOWHERE" if customer is Customer.NOWHERE else "10118"
        address = {"street": "350 5th Ave", "city": "New York", "state": "NY", "zip_code": zip_code, "country": "US"}
        order = {
            "order_id": self.order_id,
            "customer_id": "customer-1",
            "items": [{"sku": self.order_id, "quantity": 2, "price": "19.99"}],
            "shipping_address": address,
            "payment_method_id": card,
        }
        return parse_order(order).model_copy(update={"policy": OrderPolicy(**self.cell.policy)})

    @property
    def task_queue(self) -> str:
        """The task queue on which it is placed."""
        return f"elsewhere-{self.order_id}" if self.cell.elsewhere else self.env.orders.settings.task_queue

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The order's latest run."""
        return self.env.orders.temporal.get_workflow_handle(workflow_id(self.order_id))

    # -- actions

    async def held(self, call: str) -> None:
        """Wait until the proxy holds this call of the order, before or after its effect."""

        def there() -> bool:
            fired = self.env.proxy.fired(None, call, self.order_id)
            return any(each.kind is Kind.HOLD_BACK or each.status for each in fired if each.kind in HELD)

        await until(there)

    def release(self) -> None:
        """Release the order's calls."""
        self.env.proxy.release(self.order_id)

    def lift(self) -> None:
        """Stop the order's faults."""
        self.env.proxy.lift(self.order_id)

    async def on_hold(self) -> None:
        """Wait until the order is on hold before its shipment."""
        await self._until_view(lambda view: any(entry.kind == "hold_begun" for entry in view.timeline))

    async def parked(self, call: str) -> None:
        """Wait until this undo is parked."""
        parked = (STEP_OF[call], StepState.PARKED)
        await self._until_view(lambda view: any((step.name, step.state) == parked for step in view.steps))

    async def ended(self) -> None:
        """Wait until the order has ended."""
        await retry_until_answered(lambda: self.env.orders.result(self.order_id))

    async def recovered(self) -> None:
        """Wait until the watcher has recovered the order, whose run was cut off."""
        rounds = self.env.orders.temporal.get_schedule_handle(schedule_id(self.env.orders.settings.task_queue))
        while True:
            result = await retry_until_answered(lambda: self.env.orders.result(self.order_id))
            if result.status is not OrderStatus.NEEDS_ATTENTION:
                return
            await rounds.trigger()
            await asyncio.sleep(1)

    async def cancel(self, cancel_method: CancelMethod) -> None:
        """Cancel the order. When this returns, Temporal has the cancel; but for an update, see `ask`."""
        if cancel_method is CancelMethod.UPDATE:
            self.ask()
            await asyncio.sleep(0)
            return None
        ask = (
            self.handle.cancel
            if cancel_method is CancelMethod.NATIVE
            else partial(self.handle.signal, "cancel", REASON)
        )
        while True:
            try:
                return await ask()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:  # it has ended
                    return None
                if error.status not in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
                    raise
            await asyncio.sleep(ASK_AGAIN)

    def ask(self) -> None:
        """Cancel by update in the background. The verdict is read at the end."""
        asking = retry_until_answered(lambda: self.env.orders.cancel_order(self.order_id, REASON))
        self._asking.append(asyncio.ensure_future(asking))

    async def accepted(self, cancel_method: CancelMethod) -> None:
        """Cancel the order, and wait until the cancel is in history. A worker must be free to accept it."""
        if cancel_method is not CancelMethod.UPDATE:
            await self.cancel(cancel_method)
            return
        stage = WorkflowUpdateStage.ACCEPTED
        update = await self.handle.start_update(
            "request_cancel", REASON, wait_for_stage=stage, result_type=CancelAnswer
        )
        self._asking.append(asyncio.ensure_future(update.result()))

    async def parcel_leaves(self) -> None:
        """The carrier collects the parcel."""
        await retry_until_answered(
            lambda: self.env.services.shipping.move(
                SHIP.effect_id(self.order_id), ShipmentEventState.SHIPPED, timeout=5
            )
        )

    async def retry(self, call: str) -> None:
        """A person retries the parked undo."""
        await self._decide(OrderDecision(choice="retry", by="the matrix", step=STEP_OF[call]))

    def decide_by_hand(self, call: str, note: str) -> None:
        """A person has done the parked undo by hand. They get an answer when the register has the decision."""
        decision = OrderDecision(choice="done_by_hand", by="the matrix", note=note, step=STEP_OF[call])
        self._deciding.append(asyncio.ensure_future(self._decide(decision)))

    async def _decide(self, decision: OrderDecision) -> None:
        answer_lost = False
        while True:
            try:
                await self.env.orders.resolve(self.order_id, decision)
                return
            except Unavailable:
                answer_lost = True
            except DecisionRefused:
                if answer_lost:  # the decision was accepted, and only the answer was lost
                    return
                raise
            await asyncio.sleep(ASK_AGAIN)

    async def _until_view(self, probe: Callable[[OrderView], bool]) -> None:
        while True:
            if probe(await retry_until_answered(lambda: self.env.orders.get_order(self.order_id))):
                return
            await asyncio.sleep(ASK_AGAIN)
