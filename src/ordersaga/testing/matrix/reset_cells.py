"""Cells in which a run that has ended is reset to each of its workflow tasks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ordersaga.domain.result import OrderStatus
from ordersaga.testing import resets
from ordersaga.testing.matrix.cell import (
    CANCEL_HEEDED,
    CANCELLED,
    COMPLETED,
    FAILED,
    Cell,
    Customer,
    End,
    Expected,
    Way,
)
from ordersaga.testing.matrix.scene import Scene

HOLD = 12.0
POLICY = {"http_timeout": 5.0, "step_deadline": 60.0, "undo_patience": 60.0}
PATHS = {"fast": 3.0, "durable": 0.0}


def reset_cells() -> Iterator[Cell]:
    """All of them. So many workflow tasks has the shortest history of each kind."""
    for path, fast in PATHS.items():
        durable = not fast
        for task in range(5 if durable else 1):
            yield _cell("completed", path, fast, task, (COMPLETED,))
        for task in range(4 if durable else 2):
            yield _cell("declined", path, fast, task, _again("PaymentDeclined"), Customer.DECLINED)
        for task in range(6 if durable else 3):
            yield _cell("nowhere", path, fast, task, _again("UndeliverableAddress"), Customer.NOWHERE)
        for way in Way:
            for task in range(8 if durable else 6):
                yield _cell(f"cancelled by {way}", path, fast, task, _ENDS[way], way=way)


def _again(refusal: str) -> tuple[End, ...]:
    """It fails again: by the stored refusal, or because a step before it has been undone."""
    return End(OrderStatus.FAILED, refusal=refusal), FAILED


_ENDS = {
    Way.UPDATE: (CANCEL_HEEDED,),
    Way.SIGNAL: (CANCELLED,),
    # Temporal repeats updates and signals after a reset, and cancellations not; then the fences end the order.
    Way.NATIVE: (CANCELLED, FAILED),
}


def _cell(
    how: str,
    path: str,
    fast: float,
    task: int,
    ends: tuple[End, ...],
    customer: Customer = Customer.GOOD,
    way: Way | None = None,
) -> Cell:
    hold = {"hold_before_shipping": HOLD} if way else {}
    return Cell(
        id=f"reset/{how.replace(' ', '-')}/task-{task + 1}/{path}",
        boundary=how,
        kind=f"reset to workflow task {task + 1}",
        expected=Expected(ends),
        policy=POLICY | {"fast_path": fast} | hold,
        customer=customer,
        play=partial(reset, task=task, way=way),
    )


async def reset(scene: Scene, task: int, way: Way | None) -> None:
    """Reset the order's run to one of its workflow tasks, counted from 0, when it has ended."""
    if way:
        await scene.on_hold()
        await scene.accepted(way)
    await scene.ended()
    await resets.reset(scene.ground.orders.temporal, scene.handle.id, task)
