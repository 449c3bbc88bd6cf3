"""The orders that the demo places, and what happens to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ordersaga.demo.retail import sample_orders
from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.domain.result import CancelOutcome, OrderResult, OrderStatus

SOLD_OUT = "SOLD-OUT"
LONG_HOLD = 600.0


class Cause(StrEnum):
    """What happens to an order, which determines how it must end."""

    COMPLETED = "completed"
    OUT_OF_STOCK = "out_of_stock"
    DECLINED = "declined"
    UNDELIVERABLE = "undeliverable"
    CANCELLED_IN_TIME = "cancelled_in_time"
    CANCEL_REFUSED = "cancel_refused"
    LOST_RESPONSE = "lost_response"
    WORKER_KILLED = "worker_killed"


DESCRIPTIONS = {
    Cause.COMPLETED: "nothing goes wrong",
    Cause.OUT_OF_STOCK: "an item is sold out",
    Cause.DECLINED: "the card is declined",
    Cause.UNDELIVERABLE: "the address does not exist",
    Cause.CANCELLED_IN_TIME: "the customer cancels before the parcel leaves",
    Cause.CANCEL_REFUSED: "the customer cancels after the parcel has left",
    Cause.LOST_RESPONSE: "the response to the charge is lost",
    Cause.WORKER_KILLED: "the worker is killed during the shipment",
}

_EXPECTED = {
    Cause.OUT_OF_STOCK: (OrderStatus.FAILED, "InsufficientInventory"),
    Cause.DECLINED: (OrderStatus.FAILED, "PaymentDeclined"),
    Cause.UNDELIVERABLE: (OrderStatus.FAILED, "UndeliverableAddress"),
    Cause.CANCELLED_IN_TIME: (OrderStatus.CANCELLED, None),
}

_PARTS = [
    *[Cause.OUT_OF_STOCK] * 3,
    *[Cause.DECLINED] * 3,
    *[Cause.UNDELIVERABLE] * 3,
    *[Cause.CANCELLED_IN_TIME] * 3,
    *[Cause.CANCEL_REFUSED] * 2,
    *[Cause.LOST_RESPONSE] * 3,
    Cause.WORKER_KILLED,
]
FEWEST = len(_PARTS) + 1


@dataclass
class Scenario:
    """One order of the demo, and its result."""

    cause: Cause
    order: OrderInput
    result: OrderResult | None = None
    verdict: CancelOutcome | None = None
    seconds: float = 0.0
    happened: list[str] = field(default_factory=list)

    @property
    def mismatch(self) -> str | None:
        """How the result differs from the expected one; None if it does not."""
        if self.result is None:
            return "it has not ended"
        expected = _EXPECTED.get(self.cause, (OrderStatus.COMPLETED, None))
        found = (self.result.status, self.result.refusal)
        if found != expected:
            return f"it ended {_describe(*found)}, but should have ended {_describe(*expected)}"
        verdict = _VERDICTS.get(self.cause)
        return None if self.verdict is verdict else f"its cancellation returned {self.verdict}, not {verdict}"


_VERDICTS = {
    Cause.CANCELLED_IN_TIME: CancelOutcome.CANCELLED,
    Cause.CANCEL_REFUSED: CancelOutcome.TOO_LATE,
}


def demo_scenarios(count: int) -> list[Scenario]:
    """Scenarios for the first `count` sample orders. Faults are spread evenly among them."""
    orders = sample_orders()[: max(count, FEWEST)]
    every = len(orders) // len(_PARTS)
    parts = {(number + 1) * every - 1: cause for number, cause in enumerate(_PARTS)}
    return [_scenario(parts.get(index, Cause.COMPLETED), order) for index, order in enumerate(orders)]


def _scenario(cause: Cause, order: OrderInput) -> Scenario:
    match cause:
        case Cause.OUT_OF_STOCK:
            sold_out = order.items[0].model_copy(update={"sku": SOLD_OUT})
            order = order.model_copy(update={"items": [sold_out, *order.items[1:]]})
        case Cause.DECLINED:
            order = order.model_copy(update={"payment_method_id": "pm_card_chargeDeclined"})
        case Cause.UNDELIVERABLE:
            nowhere = order.shipping_address.model_copy(update={"zip_code": "NOWHERE"})
            order = order.model_copy(update={"shipping_address": nowhere})
        case Cause.CANCELLED_IN_TIME:
            order = order.model_copy(update={"policy": OrderPolicy(hold_before_shipping=LONG_HOLD)})
    return Scenario(cause, order)


def _describe(status: OrderStatus, refusal: str | None) -> str:
    return f"{status} ({refusal})" if refusal else str(status)
