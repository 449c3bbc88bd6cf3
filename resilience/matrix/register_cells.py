"""Cells with the register's calls: faults, cancels, crashes and terminations where an order begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

from ordersaga.domain.result import OrderStatus
from ordersaga.stack.faults import Fault, Kind
from resilience.matrix.cancel_cells import ALONE, MOMENTS, PATHS, PATIENT, CancelMethods, cancelled_at, ends_in_time
from resilience.matrix.cell import (
    CANCEL_REFUSED,
    CANCELLED,
    COMPLETED,
    FAILED,
    Action,
    CancelMethod,
    Cell,
    Customer,
    End,
    Expected,
)
from resilience.matrix.crash_cells import CRASHES, DURABLE, FAST, crashed_at, terminated
from resilience.matrix.crash_cells import PATIENT as PATIENT_IN_CRASHES
from resilience.matrix.fault_cells import ATTEMPTS, HARMLESS, LATE, QUICK
from resilience.matrix.reset_cells import reset
from resilience.matrix.scenario import Scenario
from resilience.matrix.waiting import until

FAILED_ATTEMPTS = 2
"""How many attempts fail before a permanent fault is removed. Without the register, no order begins or ends."""
DECLINED = End(OrderStatus.FAILED, refusal="PaymentDeclined")
NOWHERE = End(OrderStatus.FAILED, refusal="UndeliverableAddress")
BY_HAND = "transfer 4711"


def register_cells() -> Iterator[Cell]:
    """All register cells."""
    yield from _faults()
    yield from _cancels()
    yield from _crashes()
    yield from _terminations()
    yield from _resets()


# -- faults


def _faults() -> Iterator[Cell]:
    for kind, when in product(Kind, ATTEMPTS):
        for call in ("claim", "close"):
            for path, fast in PATHS.items():
                yield from _fault(kind, call, when, path, COMPLETED, {"fast_path": fast})
        for call in ("unwind", "close"):
            yield from _fault(kind, call, when, "declined", DECLINED, {"fast_path": 0.5}, customer=Customer.DECLINED)
        yield from _fault(kind, "forward", when, "too-late", COMPLETED, {"fast_path": 0.0}, act=_too_late)
        for call in ("progress", "decide"):
            yield from _by_hand_cells(kind, call, when)


def _by_hand_cells(kind: Kind, call: str, when: str) -> Iterator[Cell]:
    """Cells in which a refund that always fails is parked, and a person makes it by hand."""
    times = {"first": 1, "second": 2, "all": 1 if kind in HARMLESS else FAILED_ATTEMPTS}[when]
    reported = times if call == "progress" else 0
    act = partial(_by_hand, reported=reported)
    policy = {"fast_path": 0.5, "undo_patience": 0.5}
    refund = Fault(Kind.ERROR_BEFORE, "refund", attempts=None)
    for cell in _fault(kind, call, when, "by-hand", NOWHERE, policy, customer=Customer.NOWHERE, act=act):
        yield replace(cell, faults=(refund, *cell.faults))


def _fault(
    kind: Kind,
    call: str,
    when: str,
    mode: str,
    end: End,
    policy: dict[str, float],
    customer: Customer = Customer.GOOD,
    act: Action | None = None,
) -> Iterator[Cell]:
    if not kind.offered_at(call):
        return
    before = (Fault(Kind.ERROR_BEFORE, call),) if when == "second" else ()
    fault = Fault(kind, call, attempts=ATTEMPTS[when], seconds=LATE if kind is Kind.SLOW else 1.0)
    too_late = (Fault(Kind.HOLD_ANSWER, "notify"),) if mode == "too-late" else ()
    yield Cell(
        id=f"register/{call}/{kind}/{when}/{mode}",
        boundary=call,
        kind=kind,
        expected=Expected((end,)),
        policy=QUICK | policy,
        faults=(*too_late, *before, fault),
        act=partial(_repaired, call=call, always=when == "all", act=act),
        customer=customer,
        foreign=call == "claim",
    )


async def _repaired(scenario: Scenario, call: str, always: bool, act: Action | None) -> None:
    """Remove a permanent fault after some attempts."""
    if act is not None:
        await act(scenario)
    if always:
        seen = asyncio.ensure_future(
            until(lambda: len(scenario.env.proxy.fired(None, call, scenario.order_id)) >= FAILED_ATTEMPTS)
        )
        ended = asyncio.ensure_future(scenario.ended())  # a fault that nobody notices ends no call
        await asyncio.wait((seen, ended), return_when=asyncio.FIRST_COMPLETED)
        scenario.lift()
        seen.cancel()
        await ended


async def _too_late(scenario: Scenario) -> None:
    await scenario.held("notify")
    await scenario.parcel_leaves()
    await scenario.accepted(CancelMethod.SIGNAL)
    scenario.release()


async def _by_hand(scenario: Scenario, reported: int) -> None:
    await scenario.parked("refund")
    await until(lambda: len(scenario.env.proxy.fired(None, "progress", scenario.order_id)) >= reported)
    scenario.decide_by_hand("refund", BY_HAND)


# -- cancels


def _cancels() -> Iterator[Cell]:
    for (path, fast), call, moment, cancel_methods in product(PATHS.items(), ("claim", "close"), MOMENTS, ALONE):
        if MOMENTS[moment].offered_at(call):
            yield _cancel(path, fast, call, moment, cancel_methods)


def _cancel(path: str, fast: float, call: str, moment: str, cancel_methods: CancelMethods) -> Cell:
    """A cancel cell.

    The first to reach the register wins: the end, or the announcement that the order will be undone.
    """
    late = CANCEL_REFUSED if CancelMethod.UPDATE in cancel_methods else COMPLETED
    ends = ends_in_time(cancel_methods) if call == "claim" and not fast else (*ends_in_time(cancel_methods), late)
    return Cell(
        id=f"register/{call}/cancel-{moment}/{'+'.join(cancel_methods)}/{path}",
        boundary=call,
        kind=f"{moment}, by {'+'.join(cancel_methods)}",
        expected=Expected(ends, closed_as_cancelled=CancelMethod.NATIVE in cancel_methods),
        policy=PATIENT | {"fast_path": fast},
        faults=(Fault(MOMENTS[moment], call),),
        act=partial(cancelled_at, call=call, cancel_methods=cancel_methods, certain=not fast),
        foreign=call == "claim",
    )


# -- crashes and terminations


def _crashes() -> Iterator[Cell]:
    for crash, moment in product(CRASHES, MOMENTS):
        for call, (path, fast) in product(("claim", "close"), {"fast": FAST, "durable": DURABLE}.items()):
            yield from _crash(crash, moment, call, path, fast, COMPLETED)
        yield from _crash(crash, moment, "unwind", "declined", FAST, DECLINED)


def _crash(crash: str, moment: str, call: str, mode: str, fast: float, end: End) -> Iterator[Cell]:
    if not MOMENTS[moment].offered_at(call):
        return
    for cancelled in (False, True) if end is COMPLETED else (False,):
        ends = (CANCELLED, COMPLETED) if cancelled else (end,)
        yield Cell(
            id=f"register/{call}/{crash.replace(' ', '-')}-{moment}/{mode}{'-then-cancelled' if cancelled else ''}",
            boundary=call,
            kind=f"{crash}, {moment}",
            expected=Expected(ends),
            policy=PATIENT_IN_CRASHES | {"fast_path": fast},
            faults=(Fault(MOMENTS[moment], call, attempts=None),),
            act=partial(crashed_at, call=call, cancelled=cancelled),
            customer=Customer.DECLINED if end is DECLINED else Customer.GOOD,
            crash=crash,
            foreign=call == "claim",
        )


def _terminations() -> Iterator[Cell]:
    for moment, call, (path, fast) in product(MOMENTS, ("claim", "close"), PATHS.items()):
        if MOMENTS[moment].offered_at(call):
            yield Cell(
                id=f"register/{call}/terminate-{moment}/{path}",
                boundary=call,
                kind=f"terminate, {moment}",
                expected=Expected((FAILED, COMPLETED) if fast or call == "close" else (FAILED,)),
                policy=PATIENT_IN_CRASHES | {"fast_path": fast},
                faults=(Fault(MOMENTS[moment], call, attempts=None),),
                act=partial(terminated, call=call),
                foreign=call == "claim",
            )


# -- resets after a decision


def _resets() -> Iterator[Cell]:
    """Cells in which the refund always fails: an order that repeated it would never end."""
    for task in range(3):
        yield Cell(
            id=f"register/decide/reset/task-{task + 1}/by-hand",
            boundary="decide",
            kind=f"reset to workflow task {task + 1}",
            expected=Expected((NOWHERE,)),
            policy=QUICK | {"fast_path": 0.5, "undo_patience": 0.5},
            faults=(Fault(Kind.ERROR_BEFORE, "refund", attempts=None),),
            act=partial(_reset_after_a_decision, task=task),
            customer=Customer.NOWHERE,
        )


async def _reset_after_a_decision(scenario: Scenario, task: int) -> None:
    await _by_hand(scenario, reported=0)
    await reset(scenario, task=task, cancel_method=None)
