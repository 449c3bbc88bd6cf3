"""Cells in which calls go wrong: every kind of fault, at every call, at the first, the second and all attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

from ordersaga.domain.result import OrderStatus
from ordersaga.testing.faults import Fault, Kind
from ordersaga.testing.faults.acts import REFUSALS
from ordersaga.testing.faults.calls import UNDO_OF
from ordersaga.testing.matrix.cell import (
    CANCEL_HEEDED,
    CANCELLED,
    COMPLETED,
    FAILED,
    Cell,
    Customer,
    End,
    Expected,
    Play,
    Way,
    nothing_else,
)
from ordersaga.testing.matrix.scene import Scene

QUICK = {"http_timeout": 1.0, "step_deadline": 30.0, "undo_patience": 30.0}
GIVES_UP = 3.5
"""Seconds: enough for two attempts that are not answered, each of which takes 0.95, and the pause between them.
That all attempts failed is shown by the order's end: had one passed, it would not have given up, nor parked an undo."""
PATHS = {"fast": 0.5, "durable": 0.0}
LATE = 1.5
"""Seconds: longer than a call may take."""
HARMLESS = (Kind.DUPLICATE,)
"""Kinds that no caller notices."""

ATTEMPTS: dict[str, tuple[int, ...] | None] = {"first": (1,), "second": (2,), "all": None}


def fault_cells() -> Iterator[Cell]:
    """All of them."""
    for kind in Kind:
        for call in (*UNDO_OF, *UNDO_OF.values()):
            if not kind.offered_at(call):
                continue
            for when in ATTEMPTS:
                yield from _of_a_do(kind, call, when) if call in UNDO_OF else _of_an_undo(kind, call, when)


def _faults(kind: Kind, call: str, when: str) -> tuple[Fault, ...]:
    """The fault; before a second attempt there has to be a first that went wrong."""
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
    """A way to bring an order to undo what it did."""

    name: str
    undos: tuple[str, ...]
    end: End
    play: Play = nothing_else
    customer: Customer = Customer.GOOD
    faults: tuple[Fault, ...] = ()
    policy: tuple[tuple[str, float], ...] = ()


async def cancelled_on_hold(scene: Scene, way: Way) -> None:
    """A cancel finds the order on hold before its shipment."""
    await scene.on_hold()
    await scene.accepted(way)


async def cancelled_at_the_end(scene: Scene, way: Way) -> None:
    """A cancel finds the order with all four in effect, and the answer to the last on its way."""
    await scene.held("notify")
    await scene.accepted(way)
    scene.release()


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


def _cancelled(way: Way) -> End:
    return CANCEL_HEEDED if way is Way.UPDATE else CANCELLED


def on_hold(way: Way) -> Unwinding:
    """Cancelled on hold."""
    play = partial(cancelled_on_hold, way=way)
    return Unwinding(f"hold-{way}", ALL_UNDOS, _cancelled(way), play, policy=(("hold_before_shipping", 300.0),))


def at_the_end(way: Way) -> Unwinding:
    """Cancelled when all four are in effect. Without the fast path, so that the cancel is heeded for certain."""
    play = partial(cancelled_at_the_end, way=way)
    faults = (Fault(Kind.HOLD_ANSWER, "notify", attempts=None),)
    return Unwinding(f"end-{way}", ALL_UNDOS, _cancelled(way), play, faults=faults, policy=(("fast_path", 0.0),))


_ways = cycle(Way)


def _of_an_undo(kind: Kind, call: str, when: str) -> Iterator[Cell]:
    way = next(_ways)
    for unwinding in (DECLINED, NOWHERE, on_hold(way), at_the_end(way)):
        if call in unwinding.undos:
            yield _undo_cell(unwinding, kind, call, when)


def _undo_cell(unwinding: Unwinding, kind: Kind, call: str, when: str) -> Cell:
    parks = when == "all" and kind not in HARMLESS
    policy = QUICK | {"fast_path": 0.5} | dict(unwinding.policy)
    cell = Cell(
        id=f"fault/{call}/{kind}/{when}/{unwinding.name}",
        boundary=call,
        kind=kind,
        expected=Expected((unwinding.end,), closed_as_cancelled=unwinding.name.endswith(Way.NATIVE)),
        policy=policy,
        faults=(*unwinding.faults, *_faults(kind, call, when)),
        play=unwinding.play,
        customer=unwinding.customer,
    )
    if not parks:
        return cell
    play = partial(_parked_and_tried_again, unwinding=unwinding, call=call)
    return replace(cell, policy=policy | {"undo_patience": GIVES_UP}, play=play)


async def _parked_and_tried_again(scene: Scene, unwinding: Unwinding, call: str) -> None:
    await unwinding.play(scene)
    await scene.parked(call)
    scene.lift()
    await scene.retry(call)
