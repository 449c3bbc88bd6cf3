"""Cells in which a run that has ended is reset to each of its workflow tasks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ordersaga.domain.result import OrderStatus
from resilience import resets
from resilience.matrix.cell import (
    CANCEL_HEEDED,
    CANCELLED,
    COMPLETED,
    FAILED,
    CancelMethod,
    Cell,
    Customer,
    End,
    Expected,
)
from resilience.matrix.scenario import Scenario

HOLD = 12.0
POLICY = {"http_timeout": 5.0, "step_deadline": 60.0, "undo_patience": 60.0}
PATHS = {"fast": 3.0, "durable": 0.0}


def reset_cells() -> Iterator[Cell]:
    """All reset cells. The task count is that of the shortest history of each kind."""
    for path, fast in PATHS.items():
        durable = not fast
        for task in range(5 if durable else 1):
            yield _cell("completed", path, fast, task, (COMPLETED,))
        for task in range(4 if durable else 2):
            yield _cell("declined", path, fast, task, _again("PaymentDeclined"), Customer.DECLINED)
        for task in range(6 if durable else 3):
            yield _cell("nowhere", path, fast, task, _again("UndeliverableAddress"), Customer.NOWHERE)
        for cancel_method in CancelMethod:
            for task in range(8 if durable else 6):
                yield _cell(
                    f"cancelled by {cancel_method}", path, fast, task, _ENDS[cancel_method], cancel_method=cancel_method
                )


def _again(refusal: str) -> tuple[End, ...]:
    """The order fails again: with the stored refusal, or because an earlier step has been undone."""
    return End(OrderStatus.FAILED, refusal=refusal), FAILED


_ENDS = {
    CancelMethod.UPDATE: (CANCEL_HEEDED,),
    CancelMethod.SIGNAL: (CANCELLED,),
    # After a reset, Temporal repeats updates and signals, but not cancellations. Then the fences end the order.
    CancelMethod.NATIVE: (CANCELLED, FAILED),
}


def _cell(
    how: str,
    path: str,
    fast: float,
    task: int,
    ends: tuple[End, ...],
    customer: Customer = Customer.GOOD,
    cancel_method: CancelMethod | None = None,
) -> Cell:
    hold = {"hold_before_shipping": HOLD} if cancel_method else {}
    return Cell(
        id=f"reset/{how.replace(' ', '-')}/task-{task + 1}/{path}",
        boundary=how,
        kind=f"reset to workflow task {task + 1}",
        expected=Expected(ends),
        policy=POLICY | {"fast_path": fast} | hold,
        customer=customer,
        act=partial(reset, task=task, cancel_method=cancel_method),
    )


async def reset(scenario: Scenario, task: int, cancel_method: CancelMethod | None) -> None:
    """When the order's run has ended, reset it to one of its workflow tasks, counted from 0."""
    if cancel_method:
        await scenario.on_hold()
        await scenario.accepted(cancel_method)
    await scenario.ended()
    await resets.reset(scenario.env.orders.temporal, scenario.handle.id, task)
