"""Every error that ordersaga raises, as one tree.

    OrdersagaError
    ├── InvalidOrder             an order that may not be placed as it is
    ├── OrderNotFound            no order has this id
    ├── DecisionRefused          a decision that cannot be taken
    ├── InvalidCursor            a cursor that is not of this list
    ├── SettingsError            a setting that cannot be read
    ├── Unavailable              something that must answer does not
    │   ├── TemporalUnavailable
    │   │   └── TemporalBusy     it is behind, or silent for now
    │   ├── WorkerUnavailable
    │   ├── ServiceUnavailable
    │   └── VerdictPending       a cancel was asked for, and the answer is not in yet
    └── ServiceError             what a service said that was not a yes
        ├── Refusal              a definite no: no effect, no retry
        │   ├── InsufficientInventory
        │   ├── OrderConflict        the order id is taken by an order with other content
        │   ├── PaymentDeclined
        │   ├── UndeliverableAddress
        │   └── UndeliverableMail
        ├── NotYours             the id names another order's effect
        ├── Fenced               an undo has been there first
        ├── IdempotencyMismatch  the id already names another request
        ├── InProgress           the id's first request has not ended yet
        ├── AlreadyShipped       too late to undo: the goods have left
        ├── InvalidRequest       a request that breaks the contract
        ├── InvalidTransition    an event that does not fit the state
        ├── StockInUse           less stock than is reserved or shipped
        ├── NotFound             no such entry or address
        └── ServiceFault         anything else: the effect is unknown

A class's docstring is the message that a person reads when nothing better is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

_SHOWN_PROBLEMS = 20
"""A message has to fit into a history."""


class OrdersagaError(Exception):
    """Something went wrong in ordersaga."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    def __str__(self) -> str:
        return str(self.args[0])


def join_problems(problems: Sequence[tuple[str, str]]) -> str:
    """Problems as one text, each with the path of the field that it is about, if there is one. Names 20 at most."""
    shown = "; ".join(f"{path}: {problem}" if path else problem for path, problem in problems[:_SHOWN_PROBLEMS])
    more = len(problems) - _SHOWN_PROBLEMS
    return f"{shown}; and {more} more" if more > 0 else shown


class InvalidOrder(OrdersagaError):
    """The order cannot be placed as it is. Nothing was started."""

    def __init__(self, problems: list[tuple[str, str]], order_id: str | None = None) -> None:
        self.problems = problems
        self.order_id = order_id
        where = f"order {order_id}" if order_id else "the order"
        super().__init__(f"{where} cannot be placed as it is: {join_problems(problems)}. Nothing was started.")

    def __reduce__(self) -> tuple[type[InvalidOrder], tuple[object, ...]]:
        return type(self), (self.problems, self.order_id)


class OrderNotFound(OrdersagaError):
    """No order has this id."""


class DecisionRefused(OrdersagaError):
    """The decision cannot be taken: the order waits for none, or something is missing in it. Nothing was changed."""


class InvalidCursor(OrdersagaError):
    """The cursor is not one of this list. Nothing was listed; begin without one, or repeat the filter it came with."""


class SettingsError(OrdersagaError):
    """A setting cannot be read."""


class Unavailable(OrdersagaError):
    """Something that must answer does not answer."""


class TemporalUnavailable(Unavailable):
    """No Temporal server answers. Start one with `ordersaga up`, or set TEMPORAL_ADDRESS."""


class TemporalBusy(TemporalUnavailable):
    """Temporal is behind, or does not answer for now. Whether it took the request is unknown. Ask again."""


class WorkerUnavailable(Unavailable):
    """No worker answers for the order. Start one with `ordersaga worker` or `ordersaga up`; the order goes on then."""


class VerdictPending(Unavailable):
    """The cancel was asked for, but whether it came in time is not certain yet. Ask again; that changes nothing."""


class ServiceUnavailable(Unavailable):
    """A service does not answer. Start the services with `ordersaga services` or `ordersaga up`."""


class ServiceError(OrdersagaError):
    """A service did not say yes."""

    problem_type: ClassVar[str] = "about:blank"
    http_status: ClassVar[int] = 500


class Refusal(ServiceError):
    """The service answered a definite no. Nothing took effect."""

    http_status = 409


class InsufficientInventory(Refusal):
    """There is not enough stock for every line of the order. Nothing was reserved."""

    problem_type = "InsufficientInventory"


class OrderConflict(Refusal):
    """An order with this id and other content exists. Nothing was started; use another order id."""

    problem_type = "OrderConflict"


class PaymentDeclined(Refusal):
    """The payment was declined. Nothing was charged."""

    problem_type = "PaymentDeclined"
    http_status = 402


class UndeliverableAddress(Refusal):
    """The carrier cannot deliver to this address. No shipment was created."""

    problem_type = "UndeliverableAddress"
    http_status = 422


class UndeliverableMail(Refusal):
    """The recipient has no mail address that mail can be sent to. Nothing was sent."""

    problem_type = "UndeliverableMail"
    http_status = 422


class Fenced(ServiceError):
    """This id was undone before. The request was turned away and had no effect."""

    problem_type = "Fenced"
    http_status = 410


class IdempotencyMismatch(ServiceError):
    """This id already names a request with another body. This request had no effect."""

    problem_type = "IdempotencyMismatch"
    http_status = 422


class NotYours(ServiceError):
    """This id names an effect of another owner. The request was turned away, and nothing was changed."""

    problem_type = "NotYours"
    http_status = 409


class InProgress(ServiceError):
    """A request with this id has started and not ended yet. Ask again in a moment."""

    problem_type = "InProgress"
    http_status = 409


class AlreadyShipped(ServiceError):
    """It is too late: the goods have left. Nothing was undone."""

    problem_type = "AlreadyShipped"
    http_status = 409


class InvalidRequest(ServiceError):
    """The request breaks the contract. It had no effect."""

    problem_type = "InvalidRequest"
    http_status = 422


class InvalidTransition(ServiceError):
    """The event does not fit the state that this is in. Nothing was changed."""

    problem_type = "InvalidTransition"
    http_status = 409


class StockInUse(ServiceError):
    """More of it is reserved or shipped than would be loaded. Nothing was changed."""

    problem_type = "StockInUse"
    http_status = 409


class NotFound(ServiceError):
    """There is nothing here under this name."""

    problem_type = "NotFound"
    http_status = 404


class ServiceFault(ServiceError):
    """The service did not answer as its contract says. Whether the request took effect is unknown."""

    http_status = 502

    def __init__(self, message: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
