"""What can go wrong with a call, which calls it happens to, and the record that it happened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ordersaga.stack.faults.calls import CALLS, REGISTER_CALLS, TURNED_AWAY_AFTER, UNDO_OF


class Kind(StrEnum):
    """What can go wrong with a call. "Effect" means that the service gets the request and acts on it."""

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
    """No effect; the answer is the contract's refusal. The service knows nothing of it. Only of a do."""
    SLOW = "slow"
    """Effect; the answer comes `seconds` late."""
    HANG = "hang"
    """No effect and no answer until the proxy is told to release; then a reset."""
    HOLD_BACK = "hold_back"
    """The service gets the request late: when its undo has been answered (that of a close is the unwind), or when the
    proxy is told to release. Of the register's calls, only of a close."""
    HOLD_ANSWER = "hold_answer"
    """Effect; the answer waits until the proxy is told to release."""
    DUPLICATE = "duplicate"
    """The service gets the request twice at the same time; the answer is that to one of them."""
    GARBAGE = "garbage"
    """Effect; the answer has the right status and a body that is not JSON."""
    WRONG_SCHEMA = "wrong_schema"
    """Effect; the answer is JSON in which every value is of a type that the contract does not know."""
    WRONG_ID = "wrong_id"
    """Effect; the ids in the answer are another's. Only of a do: no undo's answer has an id."""
    WRONG_AMOUNT = "wrong_amount"
    """Effect; the answer says that another amount was charged. Only of a charge."""
    WRONG_STATUS = "wrong_status"
    """Effect; the answer has another status that means success, such as 200 instead of 201. Not of the register's
    calls: their contract has both."""
    TRUNCATED = "truncated"
    """Effect; the connection is closed after half of the answer's body."""
    OVERSIZED = "oversized"
    """Effect; the answer is right, but padded beyond what a client reads."""
    REDIRECT = "redirect"
    """No effect; the answer is 307 with the service's own address. A client that follows it gets there."""

    @property
    def has_effect(self) -> bool | None:
        """Whether the service has acted when the caller hears of the fault. None: it depends on who releases it."""
        return None if self is Kind.HOLD_BACK else self not in _WITHOUT_EFFECT

    def offered_at(self, call: str) -> bool:
        """Whether the kind has a meaning at this call."""
        if self in _NEEDS_BODY and call == "release":  # its answer is 204, which has none
            return False
        if self is Kind.WRONG_AMOUNT:
            return call == "charge"
        if call in REGISTER_CALLS and self is Kind.HOLD_BACK:
            return call in TURNED_AWAY_AFTER
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
    """Which calls go wrong, and how. The first fault that fits a call is the one that happens.

    `call` is one of CALLS, None any at which the kind has a meaning; to name another is a ValueError. `order_id` None
    is any order. `attempts` counts from 1 for each call of each order; None is every attempt.
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
            raise ValueError(f"{self.kind} has no meaning at {self.call}: the contract has no such answer there")

    def fits(self, call: str, order_id: str, attempt: int) -> bool:
        """Whether this call goes wrong by this fault."""
        return (
            self.call in (None, call)
            and self.order_id in (None, order_id)
            and (self.attempts is None or attempt in self.attempts)
            and self.kind.offered_at(call)
        )


@dataclass
class Fired:
    """A fault that happened. `status` is what the service answered, once it did; None means that it was not asked."""

    kind: Kind
    call: str
    order_id: str
    attempt: int
    status: int | None = None
