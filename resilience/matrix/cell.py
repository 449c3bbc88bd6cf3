"""A cell of the matrix: one order, what goes wrong with it, and its allowed ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.stack.faults import Fault

if TYPE_CHECKING:
    from resilience.matrix.scenario import Scenario

Action = Callable[["Scenario"], Awaitable[None]]
"""What happens to an order while it runs, in addition to its faults."""


class CancelMethod(StrEnum):
    """The methods of cancelling an order."""

    UPDATE = "update"
    SIGNAL = "signal"
    NATIVE = "native"


class Customer(StrEnum):
    """The kinds of customers."""

    GOOD = "good"
    DECLINED = "declined"
    """The customer's card is declined."""
    NOWHERE = "nowhere"
    """The customer's address does not exist."""


@dataclass(frozen=True)
class End:
    """An end of an order: its status, the verdict on a cancel by update, and the refusal that it failed with."""

    status: OrderStatus
    verdict: CancelOutcome | None = None
    refusal: str | None = None

    def __str__(self) -> str:
        more = [str(each) for each in (self.refusal, self.verdict and f"cancel: {self.verdict}") if each]
        return f"{self.status} ({', '.join(more)})" if more else str(self.status)


COMPLETED = End(OrderStatus.COMPLETED)
FAILED = End(OrderStatus.FAILED)
CANCELLED = End(OrderStatus.CANCELLED)
CANCEL_HEEDED = End(OrderStatus.CANCELLED, CancelOutcome.CANCELLED)
CANCEL_REFUSED = End(OrderStatus.COMPLETED, CancelOutcome.TOO_LATE)


@dataclass(frozen=True)
class Expected:
    """What is expected of a cell's order: one of these ends, and more."""

    ends: tuple[End, ...]
    without_mail: bool = False
    """Its confirmation must have been given up. Otherwise a completed order must have one."""
    closed_as_cancelled: bool = False
    """Temporal must show the run as Canceled."""


async def nothing_else(_scenario: Scenario) -> None:
    """Do nothing to the order besides its faults."""


@dataclass(frozen=True)
class Cell:
    """One order of the matrix. `boundary` and `kind` are its position in the report's tables.

    `faults` name no order; the scenario fills in its own. Cells with the same `crash` run together.
    """

    id: str
    boundary: str
    kind: str
    expected: Expected
    policy: dict[str, float]
    faults: tuple[Fault, ...] = ()
    act: Action = field(default=nothing_else, compare=False)
    customer: Customer = Customer.GOOD
    crash: str | None = None
    foreign: bool = False
    """Whether another SDK starts its run, so that the run must claim it."""
    elsewhere: bool = False
    """Whether it is placed at another deployment, with its own task queue."""

    @property
    def family(self) -> str:
        """The first part of the cell's id."""
        return self.id.split("/")[0]

    @property
    def order_id(self) -> str:
        """The id of the cell's order."""
        return self.id.replace("/", ".").replace("+", "-and-")


@dataclass(frozen=True)
class Outcome:
    """The result of a cell. `problems` is empty if it passed."""

    cell: Cell
    problems: tuple[str, ...] = ()
    end: End | None = None
    seconds: float = 0.0
    faults: tuple[Fault, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems
