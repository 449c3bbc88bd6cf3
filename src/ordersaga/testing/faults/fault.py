"""What can go wrong with a call, which calls it happens to, and the record that it happened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ordersaga.testing.faults.calls import CALLS


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
    SLOW = "slow"
    """Effect; the answer comes `seconds` late."""
    HANG = "hang"
    """No effect and no answer until the proxy is told to release; then a reset."""
    HOLD_BACK = "hold_back"
    """The service gets the request late: when its undo has been answered, or when the proxy is told to release."""
    GARBAGE = "garbage"
    """Effect; the answer has the right status and a body that is not JSON."""
    WRONG_ID = "wrong_id"
    """Effect; the ids in the answer are another's."""


@dataclass(frozen=True)
class Fault:
    """Which calls go wrong, and how. The first fault that fits a call is the one that happens.

    `call` is one of UNDO_OF's keys or values, None any of them. `order_id` None is any order. `attempts` counts from 1
    for each call of each order; None is every attempt.
    """

    kind: Kind
    call: str | None = None
    order_id: str | None = None
    attempts: Collection[int] | None = (1,)
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.call is not None and self.call not in CALLS:
            raise ValueError(f"there is no call {self.call!r}; there are {', '.join(CALLS)}")

    def fits(self, call: str, order_id: str, attempt: int) -> bool:
        """Whether this call goes wrong by this fault."""
        return (
            self.call in (None, call)
            and self.order_id in (None, order_id)
            and (self.attempts is None or attempt in self.attempts)
        )


@dataclass
class Fired:
    """A fault that happened. `status` is what the service answered, once it did; None means that it was not asked."""

    kind: Kind
    call: str
    order_id: str
    attempt: int
    status: int | None = None
