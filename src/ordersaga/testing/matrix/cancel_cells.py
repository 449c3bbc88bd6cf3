"""Cells in which an order is cancelled: in each way and by two at once, before and after each call, and at the ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations, product

from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.testing.faults import Fault, Kind
from ordersaga.testing.faults.calls import UNDO_OF
from ordersaga.testing.matrix.cell import (
    CANCEL_HEEDED,
    CANCEL_REFUSED,
    CANCELLED,
    COMPLETED,
    Cell,
    Customer,
    End,
    Expected,
    Way,
)
from ordersaga.testing.matrix.fault_cells import ALL_UNDOS
from ordersaga.testing.matrix.scene import Scene

PATIENT = {"http_timeout": 5.0, "step_deadline": 60.0, "undo_patience": 60.0}
PATHS = {"fast": 3.0, "durable": 0.0}
MOMENTS = {"before": Kind.HOLD_BACK, "after": Kind.HOLD_ANSWER}
"""The call is held before its effect, or its answer is."""

Ways = tuple[Way, ...]
ALONE: list[Ways] = [(way,) for way in Way]
TOGETHER: list[Ways] = [*combinations(Way, 2), (Way.SIGNAL, Way.SIGNAL)]


def cancel_cells() -> Iterator[Cell]:
    """All of them."""
    for path, fast in PATHS.items():
        for call, moment, ways in product(UNDO_OF, MOMENTS, (*ALONE, *TOGETHER)):
            yield _at_a_do(call, moment, ways, path, fast)
        for ways in ALONE:
            yield from _too_late(ways, path, fast)
            yield from _elsewhere(ways, path, fast)
    for call, moment, ways in product(ALL_UNDOS, MOMENTS, ALONE):
        yield _at_an_undo(call, moment, ways)


def _cell(where: str, moment: str, ways: Ways, path: str, fast: float, ends: tuple[End, ...], **more: object) -> Cell:
    names = "+".join(ways)
    native = Way.NATIVE in ways and any(end.status is OrderStatus.CANCELLED for end in ends)
    fields: dict[str, object] = {
        "id": f"cancel/{where}/{moment}/{names}/{path}".replace(" ", "-"),
        "boundary": where,
        "kind": f"{moment}, by {names}",
        "expected": Expected(ends, closed_as_cancelled=native and len(ways) == 1),
        "policy": PATIENT | {"fast_path": fast},
    }
    return Cell(**(fields | more))  # type: ignore[arg-type]


def _at_a_do(call: str, moment: str, ways: Ways, path: str, fast: float) -> Cell:
    ends = heeded(ways)
    if fast:
        # The first attempts go on meanwhile, and may write the order's end first.
        ends = (*ends, CANCEL_REFUSED if Way.UPDATE in ways else COMPLETED)
    play = partial(cancelled_at, call=call, ways=ways, certain=not fast)
    return _cell(call, moment, ways, path, fast, ends, faults=(Fault(MOMENTS[moment], call),), play=play)


def heeded(ways: Ways) -> tuple[End, ...]:
    """How an order ends whose cancel came in time."""
    return (CANCEL_HEEDED if Way.UPDATE in ways else CANCELLED,)


async def cancelled_at(scene: Scene, call: str, ways: Ways, certain: bool = True) -> None:
    """The order is cancelled in these ways while a call of it is held."""
    await scene.held(call)
    for way in ways:
        await (scene.accepted(way) if certain else scene.cancel(way))
    scene.release()


# -- too late


def _too_late(ways: Ways, path: str, fast: float) -> Iterator[Cell]:
    ends = (CANCEL_REFUSED if Way.UPDATE in ways else COMPLETED,)
    for moment, kind in MOMENTS.items():
        play = partial(_parcel_leaves_first, ways=ways)
        faults = (Fault(kind, "notify"),)
        yield _cell("too late", moment, ways, path, fast, ends, faults=faults, play=play)


async def _parcel_leaves_first(scene: Scene, ways: Ways) -> None:
    await scene.held("notify")
    await scene.parcel_leaves()
    for way in ways:
        await scene.cancel(way)
    scene.release()


# -- between the calls


def _elsewhere(ways: Ways, path: str, fast: float) -> Iterator[Cell]:
    update = Way.UPDATE in ways
    cancel_refused = End(OrderStatus.FAILED, CancelOutcome.TOO_LATE if update else None, "PaymentDeclined")
    hold = PATIENT | {"fast_path": fast, "hold_before_shipping": 300.0}
    in_time = heeded(ways)
    at_once = (*in_time, CANCEL_REFUSED if update else COMPLETED)
    yield _cell("start", "at", ways, path, fast, at_once, play=partial(_at_once, ways=ways))
    yield _cell("hold", "in", ways, path, fast, in_time, play=partial(_on_hold, ways=ways), policy=hold)
    after = partial(_after_the_end, ways=ways)
    end = (CANCEL_REFUSED if update else COMPLETED,)
    yield _cell("end", "after completed", ways, path, fast, end, play=after)
    yield _cell("end", "after failed", ways, path, fast, (cancel_refused,), play=after, customer=Customer.DECLINED)
    again = partial(_cancelled_before, ways=ways)
    yield _cell("end", "after cancelled", ways, path, fast, in_time, play=again, policy=hold)


async def _at_once(scene: Scene, ways: Ways) -> None:
    for way in ways:
        await scene.cancel(way)


async def _on_hold(scene: Scene, ways: Ways) -> None:
    await scene.on_hold()
    await _at_once(scene, ways)


async def _after_the_end(scene: Scene, ways: Ways) -> None:
    await scene.ended()
    await _at_once(scene, ways)


async def _cancelled_before(scene: Scene, ways: Ways) -> None:
    await _on_hold(scene, (Way.NATIVE,))
    await _after_the_end(scene, ways)


# -- during an undo


def _at_an_undo(call: str, moment: str, ways: Ways) -> Cell:
    faults: tuple[Fault, ...] = (Fault(MOMENTS[moment], call),)
    if call in ("release", "refund"):
        customer = Customer.DECLINED if call == "release" else Customer.NOWHERE
        play = partial(cancelled_at, call=call, ways=ways)
        return _cell(call, moment, ways, "refused", 3.0, heeded(ways), faults=faults, play=play, customer=customer)
    faults = (*faults, Fault(Kind.HOLD_ANSWER, "notify"))
    play = partial(_cancelled_while_cancelling, call=call, ways=ways)
    return _cell(call, moment, ways, "cancelled", 0.0, heeded(ways), faults=faults, play=play)


async def _cancelled_while_cancelling(scene: Scene, call: str, ways: Ways) -> None:
    await scene.held("notify")
    await scene.accepted(Way.SIGNAL)
    scene.release()
    await cancelled_at(scene, call, ways)
