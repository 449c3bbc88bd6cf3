"""Cells with failing calls: every kind of fault, for every call, at the first, the second and all attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

from ordersaga.domain.result import OrderStatus
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.acts import REFUSALS
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.matrix.cell import (
    CANCEL_HEEDED,
    CANCELLED,
    COMPLETED,
    FAILED,
    Action,
    CancelMethod,
    Cell,
    Customer,
    End,
    Expected,
    nothing_else,
)
from resilience.matrix.scenario import Scenario

QUICK = {"http_timeout": 1.0, "step_deadline": 30.0, "undo_patience": 30.0}
GIVES_UP = 3.5
"""Seconds: enough for two attempts without an answer, each of which takes 0.95, and for the pause between them.

The order's end proves that all attempts failed. If one had succeeded, the order would not have given up or parked an
undo.
"""
PATHS = {"fast": 0.5, "durable": 0.0}
LATE = 1.5
"""Seconds: longer than the timeout of a call."""
HARMLESS = (Kind.DUPLICATE,)
"""Kinds that no caller notices."""

ATTEMPTS: dict[str, tuple[int, ...] | None] = {"first": (1,), "second": (2,), "all": None}


def fault_cells() -> Iterator[Cell]:
    """All fault cells."""
    for kind in Kind:
        for call in (*UNDO_OF, *UNDO_OF.values()):
            if not kind.offered_at(call):
                continue
            for when in ATTEMPTS:
                yield from _of_a_do(kind, call, when) if call in UNDO_OF else _of_an_undo(kind, call, when)


def _faults(kind: Kind, call: str, when: str) -> tuple[Fault, ...]:
    """The faults of the cell. Before a second attempt, a first one must fail."""
    before = (Fault(Kind.ERROR_BEFORE, call),) if when == "second" else ()
    return (*before, Fault(kind, call, attempts=ATTEMPTS[when], seconds=LATE if kind is Kind.SLOW else 1.0))


# -- dos


def _of_a_do(kind: Kind, call: str, when: str) -> Iterator[Cell]:
    gives_up = when == "all" and kind not in (*HARMLESS, Kind.REFUSE)
    succeeds = not gives_up and kind is not Kind.REFUSE
    for path, fast in PATHS.items():
        yield Cell(
            id=f"fault/{call}/{kind}/{when}/{path}",
            boundary=call,
            kind=kind,
            expected=Expected((_end(kind, call, gives_up),), without_mail=call == "notify" and not succeeds),
            policy=QUICK | {"fast_path": fast} | ({"step_deadline": GIVES_UP} if gives_up else {}),
            faults=_faults(kind, call, when),
        )


def _end(kind: Kind, call: str, gives_up: bool) -> End:
    if call == "notify":
        return COMPLETED
    if kind is Kind.REFUSE:
        return End(OrderStatus.FAILED, refusal=REFUSALS[call].problem_type)
    return FAILED if gives_up else COMPLETED


# -- undos


@dataclass(frozen=True)
class Unwinding:
    """A way to make an order undo what it did."""

    name: str
    undos: tuple[str, ...]
    end: End
    act: Action = nothing_else
    customer: Customer = Customer.GOOD
    faults: tuple[Fault, ...] = ()
    policy: tuple[tuple[str, float], ...] = ()


async def cancelled_on_hold(scenario: Scenario, cancel_method: CancelMethod) -> None:
    """Cancel the order while it is on hold before its shipment."""
    await scenario.on_hold()
    await scenario.accepted(cancel_method)


async def cancelled_at_the_end(scenario: Scenario, cancel_method: CancelMethod) -> None:
    """Cancel the order when all four effects exist and the answer to the last call is on its way."""
    await scenario.held("notify")
    await scenario.accepted(cancel_method)
    scenario.release()


ALL_UNDOS = tuple(UNDO_OF.values())
DECLINED = Unwinding(
    "declined", ("release",), End(OrderStatus.FAILED, refusal="PaymentDeclined"), customer=Customer.DECLINED
)
NOWHERE = Unwinding(
    "nowhere",
    ("release", "refund"),
    End(OrderStatus.FAILED, refusal="UndeliverableAddress"),
    customer=Customer.NOWHERE,
)


def _cancelled(cancel_method: CancelMethod) -> End:
    return CANCEL_HEEDED if cancel_method is CancelMethod.UPDATE else CANCELLED


def on_hold(cancel_method: CancelMethod) -> Unwinding:
    """Cancelled on hold."""
    act = partial(cancelled_on_hold, cancel_method=cancel_method)
    return Unwinding(
        f"hold-{cancel_method}", ALL_UNDOS, _cancelled(cancel_method), act, policy=(("hold_before_shipping", 300.0),)
    )


def at_the_end(cancel_method: CancelMethod) -> Unwinding:
    """Cancelled when all four effects exist. Without the fast path, so that the cancel certainly takes effect."""
    act = partial(cancelled_at_the_end, cancel_method=cancel_method)
    faults = (Fault(Kind.HOLD_ANSWER, "notify", attempts=None),)
    return Unwinding(
        f"end-{cancel_method}", ALL_UNDOS, _cancelled(cancel_method), act, faults=faults, policy=(("fast_path", 0.0),)
    )


_ways = cycle(CancelMethod)


def _of_an_undo(kind: Kind, call: str, when: str) -> Iterator[Cell]:
    cancel_method = next(_ways)
    for unwinding in (DECLINED, NOWHERE, on_hold(cancel_method), at_the_end(cancel_method)):
        if call in unwinding.undos:
            yield _undo_cell(unwinding, kind, call, when)


def _undo_cell(unwinding: Unwinding, kind: Kind, call: str, when: str) -> Cell:
    parks = when == "all" and kind not in HARMLESS
    policy = QUICK | {"fast_path": 0.5} | dict(unwinding.policy)
    cell = Cell(
        id=f"fault/{call}/{kind}/{when}/{unwinding.name}",
        boundary=call,
        kind=kind,
        expected=Expected((unwinding.end,), closed_as_cancelled=unwinding.name.endswith(CancelMethod.NATIVE)),
        policy=policy,
        faults=(*unwinding.faults, *_faults(kind, call, when)),
        act=unwinding.act,
        customer=unwinding.customer,
    )
    if not parks:
        return cell
    act = partial(_parked_and_tried_again, unwinding=unwinding, call=call)
    return replace(cell, policy=policy | {"undo_patience": GIVES_UP}, act=act)


async def _parked_and_tried_again(scenario: Scenario, unwinding: Unwinding, call: str) -> None:
    await unwinding.act(scenario)
    await scenario.parked(call)
    scenario.lift()
    await scenario.retry(call)
