"""The rules for the books, order by order: plain data in, broken rules out. Of the saga, it knows only the ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ordersaga.audit.effects import (
    Effects,
    Entry,
    captured_and_refunded,
    describe,
    format_pieces,
    format_sum,
    id_of,
    kind_of,
    live,
)
from ordersaga.contracts.inventory import ReservationEntry, count_pieces
from ordersaga.contracts.notification import NotificationEntry, NotificationState
from ordersaga.contracts.payment import PaymentEntry
from ordersaga.contracts.shipping import ShipmentEntry
from ordersaga.domain.money import Money
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP


class Rule(StrEnum):
    """The rules. docs/explanation/books.md explains each."""

    UNKNOWN_ORDER = "unknown_order"
    MORE_THAN_ONE = "more_than_one"
    COMPLETED = "completed"
    UNDONE = "undone"
    CUT_OFF = "cut_off"
    MONEY = "money"
    STOCK = "stock"
    REGISTER = "register"


@dataclass(frozen=True)
class Violation:
    """A rule that an order or a SKU breaks. `effect` is reservation, payment, shipment or email, if it is about one."""

    rule: Rule
    detail: str
    order_id: str | None = None
    sku: str | None = None
    effect: str | None = None


@dataclass(frozen=True)
class OrderRecord:
    """What is known about an order. `total` and `pieces` (per SKU) come from its content, if they are needed.

    `open`: it had not ended when the services were read. `without_mail`: its own result says that the confirmation was
    given up. `by_person`: the kinds of effects that a person has done by hand or written off. They are not checked,
    because the records do not show what was done outside the services.
    """

    order_id: str
    status: OrderStatus
    open: bool = False
    total: Money | None = None
    pieces: Mapping[str, int] | None = None
    without_mail: bool = False
    by_person: frozenset[str] = frozenset()


_WORTH_MONEY = {"payment", "shipment"}


def order_violations(order_id: str, order: OrderRecord | None, effects: Effects) -> list[Violation]:
    """The rules that one order breaks. `order` is None if the register does not know it."""
    found = list(_more_than_one(order_id, effects))
    if order is None:
        return [*found, _unknown(order_id, effects)]
    if order.open:
        return found
    if order.status is OrderStatus.COMPLETED:
        found += _completed(order, effects)
    else:
        found += _undone(order, effects)
    if not order.by_person & _WORTH_MONEY and not any(violation.effect in _WORTH_MONEY for violation in found):
        found += _money(order, effects)
    return [violation for violation in found if violation.effect not in order.by_person]


def _more_than_one(order_id: str, effects: Effects) -> Iterator[Violation]:
    failed = [mail for mail in effects.mails if mail.state is NotificationState.FAILED and not mail.notices]
    counted: dict[str, Sequence[Entry]] = {
        "reservation": [entry for entry in effects.reservations if live(entry)],
        "payment": [entry for entry in effects.payments if live(entry)],
        "shipment": [entry for entry in effects.shipments if live(entry)],
        "email": [*(entry for entry in effects.mails if live(entry)), *failed],
    }
    for kind, entries in counted.items():
        if len(entries) > 1:
            names = ", ".join(describe(entry) for entry in entries)
            yield Violation(
                Rule.MORE_THAN_ONE, f"order {order_id} has more than one live {kind}: {names}", order_id, effect=kind
            )
    for mail in effects.mails:
        if mail.notices > 1:
            detail = f"order {order_id}: {mail.notices} cancellation notices followed email {mail.message_id}"
            yield Violation(Rule.MORE_THAN_ONE, detail, order_id, effect="email")


def _unknown(order_id: str, effects: Effects) -> Violation:
    known = ", ".join(f"{kind_of(entry)} {describe(entry)}" for entry in effects)
    return Violation(
        Rule.UNKNOWN_ORDER, f"order {order_id} is not known to the register, but the services have {known}", order_id
    )


def _completed(order: OrderRecord, effects: Effects) -> Iterator[Violation]:
    if order.total is None or order.pieces is None:
        detail = f"order {order.order_id} is completed, but its content cannot be read"
        yield Violation(Rule.COMPLETED, detail, order.order_id)
        return
    kinds: list[tuple[str, str, Sequence[Entry]]] = [
        ("reservation", RESERVE.effect_id(order.order_id), effects.reservations),
        ("payment", CHARGE.effect_id(order.order_id), effects.payments),
        ("shipment", SHIP.effect_id(order.order_id), effects.shipments),
    ]
    if not order.without_mail:
        kinds.append(("email", CONFIRM.effect_id(order.order_id), effects.mails))
    for kind, effect_id, entries in kinds:
        problem = _problem_with(effect_id, entries, order.pieces)
        if problem:
            detail = f"order {order.order_id} is completed, but its {kind} {problem}"
            yield Violation(Rule.COMPLETED, detail, order.order_id, effect=kind)


def _problem_with(wanted: str, entries: Sequence[Entry], ordered: Mapping[str, int]) -> str | None:
    """What is wrong with the effect that should be live under this id."""
    entry = next((entry for entry in entries if id_of(entry) == wanted), None)
    if entry is None:
        others = ", ".join(describe(entry) for entry in entries)
        return f"{wanted} is missing{f' (there is {others})' if others else ''}"
    if isinstance(entry, NotificationEntry) and entry.state is NotificationState.FAILED and not entry.notices:
        return None  # It was sent. That a mail server rejected it later does not undo the order.
    if not live(entry):
        return f"{describe(entry)} is not live"
    if isinstance(entry, ReservationEntry | ShipmentEntry) and count_pieces(entry.items) != Counter(ordered):
        return f"{wanted} is of {format_pieces(count_pieces(entry.items))}, and the order of {format_pieces(ordered)}"
    return None


def _undone(order: OrderRecord, effects: Effects) -> Iterator[Violation]:
    ended = order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    rule = Rule.UNDONE if ended else Rule.CUT_OFF
    how = f"is {order.status}" if ended else "was cut off (its run failed, timed out or was terminated)"
    for entry in effects:
        if live(entry):
            detail = f"order {order.order_id} {how}, but its {kind_of(entry)} {describe(entry)} is live"
            yield Violation(rule, detail, order.order_id, effect=kind_of(entry))


def _money(order: OrderRecord, effects: Effects) -> Iterator[Violation]:
    try:
        kept = kept_by_currency(effects.payments)
    except ValueError as error:
        detail = f"order {order.order_id}: its payments cannot be read: {error}"
        yield Violation(Rule.MONEY, detail, order.order_id, effect="payment")
        return
    shipped = shipped_by_currency(order, effects)
    for currency in sorted(kept.keys() | shipped.keys()):
        if kept[currency] != shipped[currency]:
            detail = (
                f"order {order.order_id} keeps {format_sum(kept[currency], currency)} {currency} of what was captured, "
                f"but its live shipments are worth {format_sum(shipped[currency], currency)} {currency}"
            )
            yield Violation(Rule.MONEY, detail, order.order_id, effect="payment")


def kept_by_currency(payments: Iterable[PaymentEntry]) -> Counter[str]:
    """Captured less refunded, in minor units. Raises ValueError for an invalid amount."""
    kept: Counter[str] = Counter()
    for payment in payments:
        captured, refunded = captured_and_refunded(payment)
        kept[payment.currency] += captured - refunded
    return kept


def shipped_by_currency(order: OrderRecord, effects: Effects) -> Counter[str]:
    """The value of an order's live shipments, in minor units: its total, once per shipment."""
    parcels = sum(live(shipment) for shipment in effects.shipments)
    return Counter({order.total.currency: order.total.minor * parcels}) if order.total and parcels else Counter()
