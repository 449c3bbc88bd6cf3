"""The kinds of faults, the calls that a fault hits, and the record that it happened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ordersaga.stack.faults.calls import CALLS, REGISTER_CALLS, REJECTED_AFTER, UNDO_OF


class Kind(StrEnum):
    """A kind of fault. "Effect" means that the service gets the request and acts on it."""

    LOSE_RESPONSE = "lose_response"
    """Effect; then the connection is reset before the answer."""
    RESET_BEFORE = "reset_before"
    """No effect; the connection is reset."""
    ERROR_BEFORE = "error_before"
    """No effect; the answer is 500."""
    ERROR_AFTER = "error_after"
    """Effect; the answer is 500."""
    UNAVAILABLE = "unavailable"
    """No effect; the answer is 503, with Retry-After: `seconds`."""
    TOO_MANY = "too_many"
    """No effect; the answer is 429, with Retry-After: `seconds`."""
    REFUSE = "refuse"
    """No effect; the answer is the contract's refusal, of which the service knows nothing. Only for a do."""
    SLOW = "slow"
    """Effect; the answer comes `seconds` late."""
    HANG = "hang"
    """No effect and no answer until the proxy releases the call; then a reset."""
    HOLD_BACK = "hold_back"
    """The service gets the request late: when its undo has been answered (for a close, the unwind), or when the proxy
    releases the call. Of the register's calls, only for a close."""
    HOLD_ANSWER = "hold_answer"
    """Effect; the answer waits until the proxy releases the call."""
    DUPLICATE = "duplicate"
    """The service gets the request twice at the same time; one of the two answers is returned."""
    GARBAGE = "garbage"
    """Effect; the answer has the right status and a body that is not JSON."""
    WRONG_SCHEMA = "wrong_schema"
    """Effect; the answer is JSON in which every value has a type that the contract does not allow."""
    WRONG_ID = "wrong_id"
    """Effect; the ids in the answer are those of another effect. Only for a do: no answer to an undo has an id."""
    WRONG_AMOUNT = "wrong_amount"
    """Effect; the answer reports another charged amount. Only for a charge."""
    WRONG_STATUS = "wrong_status"
    """Effect; the answer has another success status, such as 200 instead of 201. Not for the register's calls, whose
    contract has both."""
    TRUNCATED = "truncated"
    """Effect; the connection is closed after half of the answer's body."""
    OVERSIZED = "oversized"
    """Effect; the answer is correct, but padded beyond what a client reads."""
    REDIRECT = "redirect"
    """No effect; the answer is 307 with the service's own address. A client that follows it reaches the service."""

    @property
    def has_effect(self) -> bool | None:
        """Whether the service has acted when the caller sees the fault. None: it depends on who releases the call."""
        return None if self is Kind.HOLD_BACK else self not in _WITHOUT_EFFECT

    def offered_at(self, call: str) -> bool:
        """Whether the kind is possible for this call."""
        if self in _NEEDS_BODY and call == "release":  # its answer is 204, which has no body
            return False
        if self is Kind.WRONG_AMOUNT:
            return call == "charge"
        if call in REGISTER_CALLS and self is Kind.HOLD_BACK:
            return call in REJECTED_AFTER
        if call in REGISTER_CALLS and self is Kind.WRONG_STATUS:
            return False
        return call in UNDO_OF or self not in _ONLY_OF_A_DO


_WITHOUT_EFFECT = {
    Kind.RESET_BEFORE,
    Kind.ERROR_BEFORE,
    Kind.UNAVAILABLE,
    Kind.TOO_MANY,
    Kind.REFUSE,
    Kind.HANG,
    Kind.REDIRECT,
}
_ONLY_OF_A_DO = {Kind.REFUSE, Kind.WRONG_ID}
_NEEDS_BODY = {Kind.GARBAGE, Kind.WRONG_SCHEMA, Kind.WRONG_ID, Kind.TRUNCATED, Kind.OVERSIZED}


@dataclass(frozen=True)
class Fault:
    """Which calls fail, and how. The first fault that matches a call is the one that happens.

    `call` is one of CALLS, or None for any call for which the kind is possible; others raise ValueError. `order_id`
    None is any order. `attempts` counts from 1 for each call of each order; None is every attempt.
    """

    kind: Kind
    call: str | None = None
    order_id: str | None = None
    attempts: Collection[int] | None = (1,)
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.call is None:
            return
        if self.call not in CALLS:
            raise ValueError(f"there is no call {self.call!r}; there are {', '.join(CALLS)}")
        if not self.kind.offered_at(self.call):
            raise ValueError(f"{self.kind} is not possible for {self.call}: the contract has no such answer there")

    def fits(self, call: str, order_id: str, attempt: int) -> bool:
        """Whether this fault hits this call."""
        return (
            self.call in (None, call)
            and self.order_id in (None, order_id)
            and (self.attempts is None or attempt in self.attempts)
            and self.kind.offered_at(call)
        )


@dataclass
class Fired:
    """A fault that happened. `status` is the service's status, or None if the service was not called."""

    kind: Kind
    call: str
    order_id: str
    attempt: int
    status: int | None = None
