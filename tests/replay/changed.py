"""Changes to the order's story, as somebody might make them: some break orders in flight, and some do not.

docs/versioning.md tells of them; `PointsPatched` is its example.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput, OrderPolicy
    from ordersaga.domain.result import OrderResult
    from ordersaga.saga import Saga, SagaRun, Step, Steps, Undo, Undone, UndoOutcome
    from ordersaga.workflows.order import OrderSagaWorkflow
    from ordersaga.workflows.report import Report
    from ordersaga.workflows.steps import (
        CHARGE,
        CONFIRM,
        RESERVE,
        SHIP,
        charge,
        confirmation,
        reservation,
        saga_policy,
        shipment,
    )
    from ordersaga.workflows.story import ORDER_SAGA


class PointsActivities:
    """What an order would do with a customer's loyalty points."""

    @activity.defn
    async def redeem_points(self, order_id: str) -> str:
        """Redeem the points of an order."""
        return order_id

    @activity.defn
    async def return_points(self, undo: Undo) -> Undone:
        """Undo it."""
        return Undone(UndoOutcome.UNDONE, detail=f"{undo.id} returned")


POINTS = Step[str, str](
    "redeem_points", prefix="pts", do=PointsActivities.redeem_points, undo=PointsActivities.return_points
)


async def swapped_story(order: OrderInput, saga: Steps) -> None:
    """Charges before it reserves."""
    await saga.do(CHARGE, charge(order))
    await saga.do(RESERVE, reservation(order))
    await _the_rest(order, saga)


async def shortened_story(order: OrderInput, saga: Steps) -> None:
    """Sends no confirmation any more."""
    await saga.do(RESERVE, reservation(order))
    await saga.do(CHARGE, charge(order))
    await _hold(order, saga)
    await saga.do(SHIP, shipment(order))


async def points_story(order: OrderInput, saga: Steps) -> None:
    """Redeems points before it charges."""
    await saga.do(RESERVE, reservation(order))
    await saga.do(POINTS, order.order_id)
    await saga.do(CHARGE, charge(order))
    await _the_rest(order, saga)


async def talkative_story(order: OrderInput, saga: Steps) -> None:
    """Asks shipping for something else."""
    await saga.do(RESERVE, reservation(order))
    await saga.do(CHARGE, charge(order))
    await _hold(order, saga)
    booked = await saga.do(SHIP, shipment(order).model_copy(update={"items": []}))
    await saga.attempt(CONFIRM, confirmation(order, booked.tracking_number if booked else None))


async def _the_rest(order: OrderInput, saga: Steps) -> None:
    await _hold(order, saga)
    booked = await saga.do(SHIP, shipment(order))
    await saga.attempt(CONFIRM, confirmation(order, booked.tracking_number if booked else None))


async def _hold(order: OrderInput, saga: Steps) -> None:
    await saga.hold(timedelta(seconds=(order.policy or OrderPolicy()).hold_before_shipping))


ORDER_WITH_POINTS = Saga("order_with_points", points_story, RESERVE, POINTS, CHARGE, SHIP, CONFIRM)


class ReportWithPoints(Report):
    """Tells of the four steps that OrderResult has fields for."""

    def _live_ids(self) -> dict[str, str]:
        points = self.saga.records.pop(POINTS.name, None)
        try:
            return super()._live_ids()
        finally:
            if points is not None:
                self.saga.records[POINTS.name] = points


class Changed(OrderSagaWorkflow):
    """An order's workflow with another saga."""

    def change_to(self, saga: Saga[OrderInput]) -> None:
        """Run this saga."""
        self.saga = SagaRun(saga, self.order, self.order.order_id, saga_policy(self.policy), self._changed)
        self.report = ReportWithPoints(self.order, self.saga)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Swapped(Changed):
    """Charges before it reserves."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.change_to(Saga("order", swapped_story, *ORDER_SAGA.steps))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Shortened(Changed):
    """Sends no confirmation any more."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.change_to(Saga("order", shortened_story, *ORDER_SAGA.steps))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Points(Changed):
    """Redeems points before it charges, whatever the order has done already."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.change_to(ORDER_WITH_POINTS)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class PointsPatched(Changed):
    """Redeems points of the orders that begin after the change."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.change_to(ORDER_WITH_POINTS if workflow.patched("redeem-points") else ORDER_SAGA)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Talkative(Changed):
    """Notes more on the timeline, and asks shipping for something else: no command is another."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.change_to(Saga("order", talkative_story, *ORDER_SAGA.steps))
        self.saga.note("off we go")

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)
