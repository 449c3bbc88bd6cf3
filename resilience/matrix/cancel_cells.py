"""Cells with a cancel: by each method and by two at once, before and after each call, and at the ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations, product

from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.matrix.cell import (
    CANCEL_HEEDED,
    CANCEL_REFUSED,
    CANCELLED,
    COMPLETED,
    CancelMethod,
    Cell,
    Customer,
    End,
    Expected,
)
from resilience.matrix.fault_cells import ALL_UNDOS
from resilience.matrix.scenario import Scenario

PATIENT = {"http_timeout": 5.0, "step_deadline": 60.0, "undo_patience": 60.0}
PATHS = {"fast": 3.0, "durable": 0.0}
MOMENTS = {"before": Kind.HOLD_BACK, "after": Kind.HOLD_ANSWER}
"""Hold the call before its effect, or hold its answer."""

CancelMethods = tuple[CancelMethod, ...]
ALONE: list[CancelMethods] = [(cancel_method,) for cancel_method in CancelMethod]
TOGETHER: list[CancelMethods] = [*combinations(CancelMethod, 2), (CancelMethod.SIGNAL, CancelMethod.SIGNAL)]


def cancel_cells() -> Iterator[Cell]:
    """All cancel cells."""
    for path, fast in PATHS.items():
        for call, moment, cancel_methods in product(UNDO_OF, MOMENTS, (*ALONE, *TOGETHER)):
            yield _at_a_do(call, moment, cancel_methods, path, fast)
        for cancel_methods in ALONE:
            yield from _too_late(cancel_methods, path, fast)
            yield from _elsewhere(cancel_methods, path, fast)
    for call, moment, cancel_methods in product(ALL_UNDOS, MOMENTS, ALONE):
        yield _at_an_undo(call, moment, cancel_methods)


def _cell(
    where: str,
    moment: str,
    cancel_methods: CancelMethods,
    path: str,
    fast: float,
    ends: tuple[End, ...],
    **more: object,
) -> Cell:
    names = "+".join(cancel_methods)
    native = CancelMethod.NATIVE in cancel_methods and any(end.status is OrderStatus.CANCELLED for end in ends)
    fields: dict[str, object] = {
        "id": f"cancel/{where}/{moment}/{names}/{path}".replace(" ", "-"),
        "boundary": where,
        "kind": f"{moment}, by {names}",
        "expected": Expected(ends, closed_as_cancelled=native and len(cancel_methods) == 1),
        "policy": PATIENT | {"fast_path": fast},
    }
    return Cell(**(fields | more))  # type: ignore[arg-type]


def _at_a_do(call: str, moment: str, cancel_methods: CancelMethods, path: str, fast: float) -> Cell:
    ends = ends_in_time(cancel_methods)
    if fast:
        # Meanwhile the first attempts continue, and may write the order's end first.
        ends = (*ends, CANCEL_REFUSED if CancelMethod.UPDATE in cancel_methods else COMPLETED)
    act = partial(cancelled_at, call=call, cancel_methods=cancel_methods, certain=not fast)
    return _cell(call, moment, cancel_methods, path, fast, ends, faults=(Fault(MOMENTS[moment], call),), act=act)


def ends_in_time(cancel_methods: CancelMethods) -> tuple[End, ...]:
    """The ends that are allowed after a cancel that came in time."""
    return (CANCEL_HEEDED if CancelMethod.UPDATE in cancel_methods else CANCELLED,)


async def cancelled_at(scenario: Scenario, call: str, cancel_methods: CancelMethods, certain: bool = True) -> None:
    """Cancel the order by these methods while one of its calls is held."""
    await scenario.held(call)
    for cancel_method in cancel_methods:
        await (scenario.accepted(cancel_method) if certain else scenario.cancel(cancel_method))
    scenario.release()


# -- too late


def _too_late(cancel_methods: CancelMethods, path: str, fast: float) -> Iterator[Cell]:
    ends = (CANCEL_REFUSED if CancelMethod.UPDATE in cancel_methods else COMPLETED,)
    for moment, kind in MOMENTS.items():
        act = partial(_parcel_leaves_first, cancel_methods=cancel_methods)
        faults = (Fault(kind, "notify"),)
        yield _cell("too late", moment, cancel_methods, path, fast, ends, faults=faults, act=act)


async def _parcel_leaves_first(scenario: Scenario, cancel_methods: CancelMethods) -> None:
    await scenario.held("notify")
    await scenario.parcel_leaves()
    for cancel_method in cancel_methods:
        await scenario.cancel(cancel_method)
    scenario.release()


# -- between the calls


def _elsewhere(cancel_methods: CancelMethods, path: str, fast: float) -> Iterator[Cell]:
    update = CancelMethod.UPDATE in cancel_methods
    cancel_refused = End(OrderStatus.FAILED, CancelOutcome.TOO_LATE if update else None, "PaymentDeclined")
    hold = PATIENT | {"fast_path": fast, "hold_before_shipping": 300.0}
    in_time = ends_in_time(cancel_methods)
    at_once = (*in_time, CANCEL_REFUSED if update else COMPLETED)
    yield _cell(
        "start", "at", cancel_methods, path, fast, at_once, act=partial(_at_once, cancel_methods=cancel_methods)
    )
    yield _cell(
        "hold",
        "in",
        cancel_methods,
        path,
        fast,
        in_time,
        act=partial(_on_hold, cancel_methods=cancel_methods),
        policy=hold,
    )
    after = partial(_after_the_end, cancel_methods=cancel_methods)
    end = (CANCEL_REFUSED if update else COMPLETED,)
    yield _cell("end", "after completed", cancel_methods, path, fast, end, act=after)
    yield _cell(
        "end", "after failed", cancel_methods, path, fast, (cancel_refused,), act=after, customer=Customer.DECLINED
    )
    again = partial(_cancelled_before, cancel_methods=cancel_methods)
    yield _cell("end", "after cancelled", cancel_methods, path, fast, in_time, act=again, policy=hold)


async def _at_once(scenario: Scenario, cancel_methods: CancelMethods) -> None:
    for cancel_method in cancel_methods:
        await scenario.cancel(cancel_method)


async def _on_hold(scenario: Scenario, cancel_methods: CancelMethods) -> None:
    await scenario.on_hold()
    await _at_once(scenario, cancel_methods)


async def _after_the_end(scenario: Scenario, cancel_methods: CancelMethods) -> None:
    await scenario.ended()
    await _at_once(scenario, cancel_methods)


async def _cancelled_before(scenario: Scenario, cancel_methods: CancelMethods) -> None:
    await _on_hold(scenario, (CancelMethod.NATIVE,))
    await _after_the_end(scenario, cancel_methods)


# -- during an undo


def _at_an_undo(call: str, moment: str, cancel_methods: CancelMethods) -> Cell:
    faults: tuple[Fault, ...] = (Fault(MOMENTS[moment], call),)
    if call in ("release", "refund"):
        customer = Customer.DECLINED if call == "release" else Customer.NOWHERE
        act = partial(cancelled_at, call=call, cancel_methods=cancel_methods)
        return _cell(
            call,
            moment,
            cancel_methods,
            "refused",
            3.0,
            ends_in_time(cancel_methods),
            faults=faults,
            act=act,
            customer=customer,
        )
    faults = (*faults, Fault(Kind.HOLD_ANSWER, "notify"))
    act = partial(_cancelled_while_cancelling, call=call, cancel_methods=cancel_methods)
    return _cell(call, moment, cancel_methods, "cancelled", 0.0, ends_in_time(cancel_methods), faults=faults, act=act)


async def _cancelled_while_cancelling(scenario: Scenario, call: str, cancel_methods: CancelMethods) -> None:
    await scenario.held("notify")
    await scenario.accepted(CancelMethod.SIGNAL)
    scenario.release()
    await cancelled_at(scenario, call, cancel_methods)
