"""The plan of a campaign: everything random, drawn from a seed before anything starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random

from ordersaga.demo.retail import sample_orders
from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.saga import Choice
from ordersaga.stack import faults
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import CALLS, UNDO_OF

ORDERS_A_SECOND = 6.0
FAULT_RATE = 0.12
"""The share of calls that fail."""
LASTING_RATE = 0.04
"""The share of orders for which one call fails until the faults stop."""
SOLD_OUT = "SOLD-OUT"
PROCESS_FAULT_EVERY = 8.0
"""Seconds between two process faults, on average."""
LONGEST_STOP = 12.0

KINDS = tuple(kind for kind in Kind if kind is not Kind.HANG)
"""To its caller, a call that hangs looks like one that is held back. The second kind also has a late effect."""


class RefusalCause(StrEnum):
    """What keeps an order from completing, whatever else happens."""

    DECLINED = "declined"
    UNDELIVERABLE = "undeliverable"
    OUT_OF_STOCK = "out_of_stock"


class Act(StrEnum):
    """What somebody does with an order after it is placed."""

    PLACE_AGAIN = "place_again"
    PLACE_OTHER = "place_other"
    """Place an order with other content under the same id."""
    CANCEL_BY_UPDATE = "cancel_by_update"
    CANCEL_BY_SIGNAL = "cancel_by_signal"
    CANCEL_NATIVELY = "cancel_natively"
    TERMINATE = "terminate"
    """Terminate its run or, if the recovery runs, the recovery."""
    PARCEL_LEAVES = "parcel_leaves"
    """The carrier takes the parcel as soon as it is booked."""


CANCELS = (Act.CANCEL_BY_UPDATE, Act.CANCEL_BY_SIGNAL, Act.CANCEL_NATIVELY)


@dataclass(frozen=True)
class Action:
    """Something that is done with an order, this many seconds after it was placed."""

    act: Act
    after: float


@dataclass(frozen=True)
class PlannedOrder:
    """An order, when it is placed (seconds from the start), and what happens to it."""

    at: float
    order: OrderInput
    refusal_cause: RefusalCause | None
    faults: tuple[Fault, ...]
    actions: tuple[Action, ...]
    decision: Choice | None = None
    """The operator's decision when it is on the worklist; None leaves it there."""

    @property
    def lasting(self) -> bool:
        """Whether one of its calls fails until the faults stop."""
        return any(fault.attempts is None for fault in self.faults)

    @property
    def cancelled_by_somebody(self) -> bool:
        """Whether anybody requests its cancellation."""
        return any(action.act in CANCELS for action in self.actions)

    @property
    def terminated(self) -> bool:
        """Whether anybody terminates its run."""
        return any(action.act is Act.TERMINATE for action in self.actions)


@dataclass(frozen=True)
class ProcessFault:
    """A kill -9 of processes at a time or, with `stopped` seconds, a SIGSTOP and later a SIGCONT."""

    at: float
    targets: tuple[str, ...]
    stopped: float | None = None


@dataclass(frozen=True)
class Plan:
    """A whole campaign. The same seed, length and rate give the same plan."""

    seed: int
    seconds: float
    orders: list[PlannedOrder]
    process_faults: list[ProcessFault]

    def lines(self) -> Iterator[str]:
        """The plan as JSON lines: the parameters, then each process fault, then each order."""
        yield json.dumps({"seed": self.seed, "seconds": self.seconds, "orders": len(self.orders)})
        for fault in self.process_faults:
            yield json.dumps({"process_fault": asdict(fault)})
        for planned in self.orders:
            yield json.dumps(_document(planned))


def draw(seed: int, seconds: float, rate: float = ORDERS_A_SECOND) -> Plan:
    """Draw a campaign: `rate` orders a second for this many seconds, and process faults all the time."""
    samples = sample_orders()
    orders = [_order(seed, number, number / rate, samples) for number in range(int(seconds * rate))]
    return Plan(seed, seconds, orders, list(_process_faults(_chance(f"{seed}/strikes"), seconds)))


def _chance(seed: str) -> Random:
    return Random(seed)  # noqa: S311  the same numbers again are what is wanted


def _order(seed: int, number: int, at: float, samples: list[OrderInput]) -> PlannedOrder:
    order_id = f"c{seed}-{number}"
    random = _chance(f"{seed}/{number}")
    order = random.choice(samples).model_copy(update={"order_id": order_id, "policy": _policy(random)})
    refusal_cause = random.choice(list(RefusalCause)) if random.random() < 0.1 else None
    found = [fault for fault in faults.plan(seed, [order_id], FAULT_RATE, KINDS) if _keeps_contract(fault)]
    actions = list(_actions(random))
    if random.random() < LASTING_RATE:
        found.insert(0, _lasting(random, order_id))
        actions.append(Action(random.choice(CANCELS), random.uniform(0, 2)))
    decision = random.choice([Choice.RETRY, Choice.RETRY, Choice.DONE_BY_HAND, Choice.WRITE_OFF, None])
    return PlannedOrder(
        at, with_refusal_cause(order, refusal_cause), refusal_cause, tuple(found), tuple(actions), decision
    )


def _policy(random: Random) -> OrderPolicy:
    return OrderPolicy(
        http_timeout=random.choice([1.0, 2.0, 3.0]),
        step_deadline=random.choice([6.0, 15.0, 30.0]),
        undo_patience=random.choice([3.0, 5.0, 15.0]),
        hold_before_shipping=random.choice([0.0, 0.0, 0.0, 0.3, 2.0]),
        fast_path=random.choice([0.0, 0.5, 2.0]),
    )


def _keeps_contract(fault: Fault) -> bool:
    """Whether the service keeps its contract.

    A service that refuses what it has done does not, and nothing is promised then.
    """
    return fault.kind is not Kind.REFUSE or fault.attempts == (1,)


def _lasting(random: Random, order_id: str) -> Fault:
    call = random.choice([*CALLS, *UNDO_OF.values()])
    kinds = [kind for kind in KINDS if kind is not Kind.REFUSE and kind.offered_at(call)]
    return Fault(random.choice(kinds), call, order_id, attempts=None, seconds=round(random.uniform(0.5, 4), 1))


def with_refusal_cause(order: OrderInput, refusal_cause: RefusalCause | None) -> OrderInput:
    """The order, changed so that this is the reason why it is refused."""
    match refusal_cause:
        case RefusalCause.DECLINED:
            return order.model_copy(update={"payment_method_id": "pm_card_chargeDeclined"})
        case RefusalCause.UNDELIVERABLE:
            nowhere = order.shipping_address.model_copy(update={"zip_code": "NOWHERE", "country": "US"})
            return order.model_copy(update={"shipping_address": nowhere})
        case RefusalCause.OUT_OF_STOCK:
            sold_out = order.items[0].model_copy(update={"sku": SOLD_OUT})
            return order.model_copy(update={"items": [sold_out, *order.items[1:]]})
    return order


def _actions(random: Random) -> Iterator[Action]:
    if random.random() < 0.45:
        for _ in range(random.choice([1, 1, 2])):
            yield Action(random.choice(CANCELS), _moment(random))
    if random.random() < 0.2:
        yield Action(Act.PLACE_AGAIN, random.uniform(0, 5))
    if random.random() < 0.06:
        yield Action(Act.PLACE_OTHER, random.uniform(0, 3))
    if random.random() < 0.05:
        yield from (
            Action(Act.TERMINATE, random.uniform(0, longest)) for longest in random.choice([(2,), (5,), (2, 40)])
        )
    if random.random() < 0.3:
        yield Action(Act.PARCEL_LEAVES, random.uniform(0, 1))


def _moment(random: Random) -> float:
    """Draw the time of an action. Most come while the order runs, which is soon after its start."""
    return random.uniform(0, 0.4) if random.random() < 0.7 else random.uniform(0, 5)


def _process_faults(random: Random, seconds: float) -> Iterator[ProcessFault]:
    at = random.uniform(1, 4)
    while at < seconds:
        parts = ["worker", "worker", "worker", "services", "services", "temporal", "temporal"]
        targets = ("temporal", "services", "worker") if random.random() < 0.06 else (random.choice(parts),)
        stopped = round(random.uniform(0.5, LONGEST_STOP), 1) if random.random() < 0.35 else None
        yield ProcessFault(round(at, 2), targets, stopped)
        at += 2 + random.expovariate(1 / (PROCESS_FAULT_EVERY - 2))


def _document(planned: PlannedOrder) -> dict[str, object]:
    return {
        "order": planned.order.order_id,
        "at": round(planned.at, 2),
        "trouble": planned.refusal_cause,
        "policy": planned.order.policy.model_dump() if planned.order.policy else None,
        "decision": planned.decision,
        "actions": [[action.act, round(action.after, 2)] for action in planned.actions],
        "faults": [
            [fault.kind, fault.call, list(fault.attempts) if fault.attempts else "all", fault.seconds]
            for fault in planned.faults
        ],
    }
