"""The effects of an order in the services' records, and which of them are live."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ordersaga.contracts.inventory import ReservationEntry, ReservationState
from ordersaga.contracts.notification import NotificationEntry, NotificationState
from ordersaga.contracts.payment import PaymentEntry, PaymentState
from ordersaga.contracts.shipping import ShipmentEntry, ShipmentState
from ordersaga.domain.money import Money, minor_digits

Entry = ReservationEntry | PaymentEntry | ShipmentEntry | NotificationEntry


@dataclass
class Effects:
    """What the services know about one order."""

    reservations: list[ReservationEntry] = field(default_factory=list)
    payments: list[PaymentEntry] = field(default_factory=list)
    shipments: list[ShipmentEntry] = field(default_factory=list)
    mails: list[NotificationEntry] = field(default_factory=list)

    def __iter__(self) -> Iterator[Entry]:
        yield from self.reservations
        yield from self.payments
        yield from self.shipments
        yield from self.mails

    def add(self, entry: Entry) -> None:
        """Add an entry to its service's list."""
        match entry:
            case ReservationEntry():
                self.reservations.append(entry)
            case PaymentEntry():
                self.payments.append(entry)
            case ShipmentEntry():
                self.shipments.append(entry)
            case NotificationEntry():
                self.mails.append(entry)


_LIVE = {
    ReservationState.HELD,
    ReservationState.CONSUMED,
    PaymentState.AUTHORISED,
    PaymentState.CAPTURED,
    ShipmentState.CREATED,
    ShipmentState.SHIPPED,
    ShipmentState.DELIVERED,
    NotificationState.QUEUED,
    NotificationState.SENT,
}


def live(entry: Entry) -> bool:
    """Whether an effect was done and has not been undone. A cancellation notice undoes an email that was sent."""
    if isinstance(entry, NotificationEntry) and entry.notices:
        return False
    if isinstance(entry, PaymentEntry) and entry.refunded == entry.amount:
        return False
    return entry.state in _LIVE


def by_order(entries: Iterable[Entry]) -> dict[str, Effects]:
    """The services' entries, grouped by order."""
    found: dict[str, Effects] = defaultdict(Effects)
    for entry in entries:
        found[entry.order_id].add(entry)
    return dict(found)


def captured_and_refunded(payment: PaymentEntry) -> tuple[int, int]:
    """The captured and the refunded amount of a payment, in minor units. Raises ValueError for an invalid amount."""
    amount = Money.parse(payment.amount, payment.currency).minor
    refunded = Money.parse(payment.refunded, payment.currency).minor
    took = payment.state in (PaymentState.CAPTURED, PaymentState.REFUNDED)
    return (amount if took else 0), refunded


def format_sum(minor: int, currency: str) -> str:
    """A sum of any size, as a decimal string."""
    return f"{Decimal(minor).scaleb(-minor_digits(currency)):f}"


def id_of(entry: Entry) -> str:
    """The id of the effect in its service."""
    match entry:
        case ReservationEntry():
            return entry.reservation_id
        case PaymentEntry():
            return entry.payment_id
        case ShipmentEntry():
            return entry.shipment_id
        case NotificationEntry():
            return entry.message_id


def kind_of(entry: Entry) -> str:
    """The kind of the effect: reservation, payment, shipment or email."""
    names = {ReservationEntry: "reservation", PaymentEntry: "payment", ShipmentEntry: "shipment"}
    return names.get(type(entry), "email")


def describe(entry: Entry) -> str:
    """The id of the effect, with its state."""
    if isinstance(entry, PaymentEntry):
        partly = entry.refunded.strip("0.") and entry.refunded != entry.amount
        back = f", {entry.refunded} refunded" if partly else ""
        return f"{entry.payment_id} ({entry.state}, {entry.amount} {entry.currency}{back})"
    notices = entry.notices if isinstance(entry, NotificationEntry) else 0
    return f"{id_of(entry)} ({entry.state}{', then a cancellation notice' if notices else ''})"


def format_pieces(counts: Mapping[str, int]) -> str:
    """The numbers of pieces per SKU, as text."""
    return ", ".join(f"{count} x {sku}" for sku, count in sorted(counts.items())) or "nothing"
