"""Changes to the order's saga that somebody might make: some break orders in flight, and some do not.

docs/how-to/upgrade.md describes them; `PointsPatched` is its example.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.contracts.shipping import ShipmentRequest
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput, OrderPolicy
    from ordersaga.domain.result import OrderResult
    from ordersaga.orders.activities import Shipped
    from ordersaga.orders.workflows.order import OrderSagaWorkflow
    from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP, shipment
    from ordersaga.orders.workflows.story import ORDER_SAGA
    from ordersaga.saga import (
        EffectId,
        SagaContext,
        SagaEvent,
        Step,
        UndoOutcome,
        UndoRequest,
        UndoResult,
    )

Context = SagaContext[OrderInput]


class PointsActivities:
    """What an order does with a customer's loyalty points."""

    @activity.defn
    async def redeem_points(self, points_id: str) -> str:
        """Redeem the points of an order."""
        return points_id

    @activity.defn
    async def return_points(self, undo: UndoRequest) -> UndoResult:
        """Undo it."""
        return UndoResult(UndoOutcome.UNDONE, detail=f"{undo.id} returned")


def points(order: OrderInput, points_id: EffectId) -> str:
    """The request to the points service."""
    return points_id


POINTS = Step(
    "redeem_points",
    prefix="pts",
    request=points,
    do=PointsActivities.redeem_points,
    undo=PointsActivities.return_points,
    fast_path=True,
)


def empty_shipment(order: OrderInput, shipment_id: EffectId) -> ShipmentRequest:
    """The request to shipping, without the goods."""
    return shipment(order, shipment_id).model_copy(update={"items": []})


SHIP_NOTHING = replace(SHIP, request=empty_shipment, title="book an empty parcel", call_timeout=timedelta(seconds=1))
CHARGE_BY_ANOTHER_ID = replace(CHARGE, prefix="charge")


async def swapped_story(order: OrderInput, saga: Context) -> None:
    """Charges before it reserves."""
    await saga.do(CHARGE)
    await saga.do(RESERVE)
    await _the_rest(order, saga)


async def shortened_story(order: OrderInput, saga: Context) -> None:
    """Sends no confirmation any more."""
    await saga.do(RESERVE)
    await saga.do(CHARGE)
    await _hold(order, saga)
    await saga.do(SHIP)


async def story_with_points(order: OrderInput, saga: Context) -> None:
    """Redeems points before it charges."""
    await saga.do(RESERVE)
    await saga.do(POINTS)
    await saga.do(CHARGE)
    await _the_rest(order, saga)


async def story_by_another_id(order: OrderInput, saga: Context) -> None:
    """Charges with another id."""
    await saga.do(RESERVE)
    await saga.do(CHARGE_BY_ANOTHER_ID)
    await _the_rest(order, saga)


async def talkative_story(order: OrderInput, saga: Context) -> None:
    """Sends another request to shipping."""
    await saga.do(RESERVE)
    await saga.do(CHARGE)
    await _the_rest(order, saga, SHIP_NOTHING)


async def _the_rest(order: OrderInput, saga: Context, ship: Step[OrderInput, Shipped] = SHIP) -> None:
    await _hold(order, saga)
    booked = await saga.do(ship)
    await saga.try_step(CONFIRM, booked.tracking_number if booked else None)


async def _hold(order: OrderInput, saga: Context) -> None:
    await saga.hold(timedelta(seconds=(order.policy or OrderPolicy()).hold_before_shipping))


SWAPPED = ORDER_SAGA.changed("order", swapped_story, CHARGE, RESERVE, SHIP, CONFIRM)
SHORTENED = ORDER_SAGA.changed("order", shortened_story, RESERVE, CHARGE, SHIP, CONFIRM)
WITH_POINTS = ORDER_SAGA.changed("order_with_points", story_with_points, RESERVE, POINTS, CHARGE, SHIP, CONFIRM)
BY_ANOTHER_ID = ORDER_SAGA.changed("order", story_by_another_id, RESERVE, CHARGE_BY_ANOTHER_ID, SHIP, CONFIRM)
TALKATIVE = ORDER_SAGA.changed("order", talkative_story, RESERVE, CHARGE, SHIP_NOTHING, CONFIRM)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Swapped(OrderSagaWorkflow):
    """Charges before it reserves."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(SWAPPED)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Shortened(OrderSagaWorkflow):
    """Sends no confirmation any more."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(SHORTENED)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class ByAnotherId(OrderSagaWorkflow):
    """Charges with another id."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(BY_ANOTHER_ID)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Points(OrderSagaWorkflow):
    """Redeems points before it charges, whatever the order has already done."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(WITH_POINTS)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class PointsPatched(OrderSagaWorkflow):
    """Redeems points for orders that begin after the change."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(WITH_POINTS if workflow.patched("redeem-points") else ORDER_SAGA)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Talkative(OrderSagaWorkflow):
    """Logs, and sends another request to shipping, with another title and another timeout."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(TALKATIVE)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)

    def _sync(self, event: SagaEvent) -> None:
        workflow.logger.info("%s", event)
        super()._sync(event)
