"""A change while orders are in flight: a fraud check. One step, one line of the story, its activity, and a patch.

docs/start/course.md, chapter 10, walks through it.
"""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderResult
    from ordersaga.orders.workflows.order import OrderSagaWorkflow
    from ordersaga.orders.workflows.story import ORDER_SAGA, order_story
    from ordersaga.saga import EffectId, Kind, SagaContext, Step, refusal


@dataclass(frozen=True)
class Screening:
    """What is screened. `amount` is in the order's currency."""

    screening_id: str
    customer_id: str
    amount: str


class FraudActivities:
    """Asks a fraud service. This one distrusts whoever is on its list."""

    def __init__(self, distrusted: set[str]) -> None:
        self._distrusted = distrusted

    @activity.defn
    async def screen_order(self, request: Screening) -> None:
        """Let an order pass, or refuse it. Any other error is a fault, and asked again."""
        if request.customer_id in self._distrusted:
            raise refusal("the order looks like a fraud", "SuspectedFraud")


def screening(order: OrderInput, screening_id: EffectId) -> Screening:
    """What the fraud service is asked."""
    return Screening(screening_id, order.customer_id, str(order.total.amount))


SCREEN = Step(
    "screen_order",
    prefix="frd",
    title="screen for fraud",
    request=screening,
    do=FraudActivities.screen_order,
    kind=Kind.CHECK,
    fast_path=True,
)


async def screened_story(order: OrderInput, saga: SagaContext[OrderInput]) -> None:
    """An order's story, with one line more."""
    await saga.do(SCREEN)
    await order_story(order, saga)


SCREENED_ORDER_SAGA = ORDER_SAGA.changed("screened_order", screened_story, SCREEN, *ORDER_SAGA.steps)


@workflow.defn(name="OrderSagaWorkflow", failure_exception_types=[InvalidOrder])
class ScreenedOrderWorkflow(OrderSagaWorkflow):
    """Screens the orders that begin after the change. Those in flight end as they began."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)
        self.use(SCREENED_ORDER_SAGA if workflow.patched("fraud-check") else ORDER_SAGA)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """Tell the story, forward or back, and say how it ended."""
        return await super().run(order)
