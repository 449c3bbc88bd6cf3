"""What an order left behind, from the services' books."""

from __future__ import annotations

from collections.abc import Sequence

from ordersaga.audit.effects import Effects, Entry, live
from ordersaga.contracts.shipping import ShipmentState


def lost(effects: Effects) -> list[str]:
    """What is neither done as a whole nor undone as a whole. Empty if nothing is lost."""
    stock, money = _any(effects.reservations), _any(effects.payments)
    parcel, email = _any(effects.shipments), _any(effects.mails)
    gone = any(entry.state != ShipmentState.CREATED for entry in effects.shipments if live(entry))
    found = {
        "customer charged": money and not parcel,
        "stock held": stock and not parcel,
        "email sent": email and not parcel,
        "customer refunded for goods that are gone": gone and not money,
        "customer refunded, parcel booked": parcel and not gone and not money,
        "the parcel's stock released": parcel and not stock,
        "no email": parcel and not email,
    }
    return [what for what, is_so in found.items() if is_so]


def whole(effects: Effects) -> str:
    """How an order that lost nothing stands."""
    return "done" if _any(effects.shipments) else "undone"


def _any(entries: Sequence[Entry]) -> bool:
    return any(live(entry) for entry in entries)
