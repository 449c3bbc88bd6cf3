"""A cell of the matrix: one order, what goes wrong with it, and the ends that it may have."""

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
"""What happens to an order while it runs, beside its faults."""


class CancelMethod(StrEnum):
    """The ways in which an order is asked to stop."""

    UPDATE = "update"
    SIGNAL = "signal"
    NATIVE = "native"


class Customer(StrEnum):
    """Who orders."""

    GOOD = "good"
    DECLINED = "declined"
    """Has a card that is declined."""
    NOWHERE = "nowhere"
    """Has an address that cannot exist."""


@dataclass(frozen=True)
class End:
    """A way for an order to end: its status, the verdict on a cancel by update, the refusal that it failed by."""

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
    """What is demanded of a cell's order: one of these ends, and more."""

    ends: tuple[End, ...]
    without_mail: bool = False
    """Its confirmation has to be given up; else a completed order has to have one."""
    closed_as_cancelled: bool = False
    """Temporal has to show the run as Canceled."""


async def nothing_else(_scene: Scenario) -> None:
    """Nothing happens to the order but its faults."""


@dataclass(frozen=True)
class Cell:
    """One order of the matrix. `boundary` and `kind` say where it stands in the report's tables.

    `faults` name no order; the scenario puts in its own. Cells of one `crash` run together.
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
    """Whether its run is started by another SDK, so that the run has to claim it."""
    elsewhere: bool = False
    """Whether it is placed at another deployment, on a task queue of its own."""

    @property
    def family(self) -> str:
        """The first part of its id."""
        return self.id.split("/")[0]

    @property
    def order_id(self) -> str:
        """The id of its order."""
        return self.id.replace("/", ".").replace("+", "-and-")


@dataclass(frozen=True)
class Outcome:
    """How a cell came out. `problems` is empty if it passed."""

    cell: Cell
    problems: tuple[str, ...] = ()
    end: End | None = None
    seconds: float = 0.0
    faults: tuple[Fault, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems
