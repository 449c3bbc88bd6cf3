"""Every error that ordersaga raises, as one tree.

    OrdersagaError
    ├── InvalidOrder             the order breaks a rule
    ├── OrderNotFound            no order has this id
    ├── DecisionRefused          the decision is not possible or not complete
    ├── InvalidCursor            the cursor belongs to another list
    ├── SettingsError            a setting is wrong
    ├── Unavailable              something is not responding
    │   ├── TemporalUnavailable
    │   │   └── TemporalBusy     Temporal is overloaded or slow
    │   ├── WorkerUnavailable
    │   ├── ServiceUnavailable
    │   └── VerdictPending       a cancellation was requested; its result is not known yet
    └── ServiceError             a service did not accept a request
        ├── Refusal              a final no: no effect, no retry
        │   ├── InsufficientInventory
        │   ├── OrderConflict        another order already uses the id
        │   ├── PaymentDeclined
        │   ├── UndeliverableAddress
        │   └── UndeliverableMail
        ├── NotYours             the id belongs to another order
        ├── Fenced               the id was undone before
        ├── IdempotencyMismatch  the id was used for a different request
        ├── InProgress           the first request with this id has not finished
        ├── AlreadyShipped       too late to undo: the goods have shipped
        ├── InvalidRequest       the request breaks the contract
        ├── InvalidTransition    the event is not possible in the current state
        ├── StockInUse           the new stock level is below what is reserved or shipped
        ├── NotFound             no such record or URL
        └── ServiceFault         anything else: whether it took effect is unknown

A class's docstring is the default message, so it is written for the person who reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

_SHOWN_PROBLEMS = 20
"""Messages are stored in workflow histories, whose size is limited."""


class OrdersagaError(Exception):
    """Something went wrong in ordersaga."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    def __str__(self) -> str:
        return str(self.args[0])


def join_problems(problems: Sequence[tuple[str, str]]) -> str:
    """Join (path, problem) pairs into one text. A path may be empty. At most 20 problems are listed."""
    shown = "; ".join(f"{path}: {problem}" if path else problem for path, problem in problems[:_SHOWN_PROBLEMS])
    more = len(problems) - _SHOWN_PROBLEMS
    return f"{shown}; and {more} more" if more > 0 else shown


class InvalidOrder(OrdersagaError):
    """The order is not valid. Nothing was started. Correct it and place it again."""

    def __init__(self, problems: list[tuple[str, str]], order_id: str | None = None) -> None:
        self.problems = problems
        self.order_id = order_id
        where = f"order {order_id}" if order_id else "the order"
        super().__init__(f"{where} is not valid: {join_problems(problems)}. Nothing was started.")

    def __reduce__(self) -> tuple[type[InvalidOrder], tuple[object, ...]]:
        return type(self), (self.problems, self.order_id)


class OrderNotFound(OrdersagaError):
    """No order has this id."""


class DecisionRefused(OrdersagaError):
    """This decision is not possible for the order, or it is incomplete. Nothing was changed. Check the worklist."""


class InvalidCursor(OrdersagaError):
    """The cursor does not belong to this list. Nothing was listed. Use its original filters, or start without it."""


class SettingsError(OrdersagaError):
    """A setting is wrong. Nothing was started. See docs/reference/settings.md."""


class Unavailable(OrdersagaError):
    """A part of the system is not responding. Run `ordersaga doctor` to find out which."""


class TemporalUnavailable(Unavailable):
    """No Temporal server is responding. Start one with `ordersaga up`, or set TEMPORAL_ADDRESS."""


class TemporalBusy(TemporalUnavailable):
    """Temporal is overloaded or not responding. Whether it accepted the request is unknown. Retry: it is safe."""


class WorkerUnavailable(Unavailable):
    """No worker is responding. Start one with `ordersaga worker` or `ordersaga up`; the order continues then."""


class VerdictPending(Unavailable):
    """The cancellation was requested. Whether it was in time is not known yet. Retry to find out: it is safe."""


class ServiceUnavailable(Unavailable):
    """A service is not responding. Start the services with `ordersaga services` or `ordersaga up`."""


class ServiceError(OrdersagaError):
    """A service did not accept the request."""

    problem_type: ClassVar[str] = "about:blank"
    http_status: ClassVar[int] = 500


class Refusal(ServiceError):
    """The service refused the request. Nothing took effect."""

    http_status = 409


class InsufficientInventory(Refusal):
    """There is not enough stock for every line of the order. Nothing was reserved."""

    problem_type = "InsufficientInventory"


class OrderConflict(Refusal):
    """An order with this id but different content exists. Nothing was started. Use another order id."""

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
    """The recipient has no valid email address. Nothing was sent."""

    problem_type = "UndeliverableMail"
    http_status = 422


class Fenced(ServiceError):
    """This id was undone before. The request was rejected and had no effect."""

    problem_type = "Fenced"
    http_status = 410


class IdempotencyMismatch(ServiceError):
    """This id was used for a request with a different body. This request had no effect."""

    problem_type = "IdempotencyMismatch"
    http_status = 422


class NotYours(ServiceError):
    """This id belongs to another order. The request was rejected, and nothing was changed."""

    problem_type = "NotYours"
    http_status = 409


class InProgress(ServiceError):
    """A request with this id is still in progress. Retry in a moment."""

    problem_type = "InProgress"
    http_status = 409


class AlreadyShipped(ServiceError):
    """It is too late: the goods have shipped. Nothing was undone."""

    problem_type = "AlreadyShipped"
    http_status = 409


class InvalidRequest(ServiceError):
    """The request breaks the contract. It had no effect."""

    problem_type = "InvalidRequest"
    http_status = 422


class InvalidTransition(ServiceError):
    """The event is not possible in the current state. Nothing was changed."""

    problem_type = "InvalidTransition"
    http_status = 409


class StockInUse(ServiceError):
    """More is reserved or shipped than the new stock level. Nothing was changed."""

    problem_type = "StockInUse"
    http_status = 409


class NotFound(ServiceError):
    """No record has this id. Nothing was changed."""

    problem_type = "NotFound"
    http_status = 404


class ServiceFault(ServiceError):
    """The service did not respond as its contract says. Whether the request took effect is unknown."""

    http_status = 502

    def __init__(self, message: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
