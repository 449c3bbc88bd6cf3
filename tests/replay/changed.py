"""Changes to the order's story, as somebody might make them: some break orders in flight, and some do not.

docs/versioning.md tells of them; `PointsPatched` is its example.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderResult
    from ordersaga.saga import Saga, SagaRun, Step, Undo, Undone, UndoOutcome
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
ORDER_WITH_POINTS = Saga(RESERVE, POINTS, CHARGE, SHIP, CONFIRM)


class ReportWithPoints(Report):
    """Tells of the four steps that OrderResult has fields for."""

    def _live_ids(self) -> dict[str, str]:
        points = self.saga.records.pop(POINTS.name, None)
        try:
            return super()._live_ids()
        finally:
            if points is not None:
                self.saga.records[POINTS.name] = points


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Swapped(OrderSagaWorkflow):
    """Charges before it reserves."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    async def story(self) -> None:
        """Two steps in another order."""
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.do(RESERVE, reservation(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        booked = await self.saga.do(SHIP, shipment(self.order))
        await self.saga.attempt(CONFIRM, confirmation(self.order, booked.tracking_number))

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

    async def story(self) -> None:
        """A step less."""
        await self.saga.do(RESERVE, reservation(self.order))
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        await self.saga.do(SHIP, shipment(self.order))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Points(OrderSagaWorkflow):
    """Redeems points before it charges, whatever the order has done already."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.with_points = self.decide()
        saga = ORDER_WITH_POINTS if self.with_points else self.saga.saga
        self.saga = SagaRun(saga, order.order_id, saga_policy(self.policy), self._changed)
        self.report = ReportWithPoints(order, self.saga)

    def decide(self) -> bool:
        """Whether this order redeems points."""
        return True

    async def story(self) -> None:
        """A step more."""
        await self.saga.do(RESERVE, reservation(self.order))
        if self.with_points:
            await self.saga.do(POINTS, self.order.order_id)
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        booked = await self.saga.do(SHIP, shipment(self.order))
        self.report.tracking_number = booked.tracking_number
        await self.saga.attempt(CONFIRM, confirmation(self.order, booked.tracking_number))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class PointsPatched(Points):
    """Redeems points of the orders that begin after the change."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    def decide(self) -> bool:
        """Whether this order began after the change."""
        return workflow.patched("redeem-points")

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class Talkative(OrderSagaWorkflow):
    """Notes more on the timeline, and asks shipping for something else: no command is another."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    async def story(self) -> None:
        """The same steps, with other words and another argument."""
        self.saga.note("off we go")
        await self.saga.do(RESERVE, reservation(self.order))
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        booked = await self.saga.do(SHIP, shipment(self.order).model_copy(update={"items": []}))
        self.report.tracking_number = booked.tracking_number
        await self.saga.attempt(CONFIRM, confirmation(self.order, booked.tracking_number))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)
