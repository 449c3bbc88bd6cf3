"""The register's contract: orders as accepted, what their runs report, what people decide, and how each order ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from ordersaga.contracts.common import Amount, Owner, Reply, Request
from ordersaga.domain.money import Money
from ordersaga.domain.order import CurrencyCode, OrderId
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.text import Printable, clean

MAX_TEXT = 4_000
"""What people and services say is cut off there, and not refused: a decision must not wait for its wording."""

_DEEPEST = 50
_LARGEST_NUMBER = 2**53


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


def _readable(text: str) -> str:
    return "\n".join(map(clean, text.splitlines()))


def _cut(text: str) -> str:
    return _readable(text)[:MAX_TEXT]


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    if not _is_at_most(value, _DEEPEST):
        raise ValueError(f"is nested deeper than {_DEEPEST} levels")
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        raise ValueError("holds a number or a text that JSON cannot hold") from None
    return value


def _is_at_most(value: object, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_at_most(each, depth - 1) for each in inner)


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time with a time zone; read as UTC."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
"""A JSON object whose fields are the caller's own."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255), Printable]
"""A short text such as the name of a step, an id of a run or of a decision."""

Text = Annotated[str, AfterValidator(_cut)]
"""What somebody said, in at most MAX_TEXT characters."""

Number = Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]


class EndingState(StrEnum):
    """Which endings an order can still have.

    open: any. unwinding: a run is to undo the order, so `completed` is refused. forward: the order cannot be undone
    any more, so `failed` and `cancelled` are refused. completed, undone: it has ended.
    """

    OPEN = "open"
    UNWINDING = "unwinding"
    FORWARD = "forward"
    COMPLETED = "completed"
    UNDONE = "undone"


class AttentionStep(Reply):
    """A step that waits for a person. `choices` are what may be decided on it."""

    step: Name
    undoing: bool = False
    error: Text | None = None
    attempts: Number = 0
    next_try: Moment | None = None
    choices: list[Name] = []


class Attention(Reply):
    """Why an order needs a person, since when, and the money at risk, in the order's currency."""

    kind: Name
    amount_at_risk: Amount
    since: Moment
    steps: list[AttentionStep] = []


class EventRecord(Reply):
    """Something that happened in a run. `number` counts the run's events from 1. The answers say which run it was."""

    number: Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]
    at: Moment
    kind: Name
    data: JsonObject = {}
    run_id: Name | None = None


class DecisionRecord(Reply):
    """What a person decided on a step, and why."""

    decision_id: Name
    step: Name
    undoing: bool = False
    choice: Name
    by: Text
    note: Text
    at: Moment
    run_id: Name


class NoteRecord(Reply):
    """What a person noted on an order."""

    note_id: str
    by: str
    text: str
    at: datetime


class ClaimRequest(Request):
    """PUT /orders/{order_id}. `order` is the order as accepted; its `items[*].sku` are what it can be found by."""

    owner: Owner
    customer_id: Annotated[str, StringConstraints(min_length=1, max_length=128), Printable]
    email: Annotated[str, StringConstraints(min_length=1, max_length=254), Printable] | None = None
    amount: Amount
    currency: CurrencyCode
    task_queue: Annotated[str, StringConstraints(min_length=1, max_length=1_000), Printable]
    order: JsonObject

    @model_validator(mode="after")
    def _is_money(self) -> ClaimRequest:
        _ = self.money
        return self

    @property
    def money(self) -> Money:
        """The order's total as money."""
        return Money.parse(self.amount, self.currency)


class UnwindRequest(Request):
    """POST /orders/{order_id}/unwind: a run is to undo the order."""

    owner: Owner
    reason: Text = ""


class ForwardRequest(Request):
    """POST /orders/{order_id}/forward: the order cannot be undone any more."""

    owner: Owner


class EndingRequest(Request):
    """PUT /orders/{order_id}/ending. `result` is an OrderResult; `attention` is what a person still has to do."""

    owner: Owner
    status: Literal[OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.CANCELLED]
    result: JsonObject
    run_id: Name
    events: list[EventRecord] = []
    attention: Attention | None = None


class ProgressRequest(Request):
    """PUT /orders/{order_id}/progress. `number` is how many events the run has had: an older report changes nothing."""

    owner: Owner
    run_id: Name
    number: Number
    status: OrderStatus
    attention: Attention | None = None
    events: list[EventRecord] = []


class DecisionRequest(Request):
    """POST /orders/{order_id}/decisions."""

    owner: Owner
    decision_id: Name
    step: Name
    undoing: bool = False
    choice: Name
    by: Text
    note: Text = ""
    at: Moment
    run_id: Name


class NoteRequest(Request):
    """POST /orders/{order_id}/notes."""

    note_id: Name
    by: Annotated[str, StringConstraints(min_length=1, max_length=255), Printable]
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_readable)]


class Ending(Reply):
    """How an order ended. It never changes."""

    status: OrderStatus
    result: dict[str, Any]
    run_id: str
    at: datetime


class Standing(Reply):
    """How an order stands: which endings it can still have, and all decisions on it, oldest first."""

    order_id: str
    owner: str
    state: EndingState
    accepted_at: datetime
    decisions: list[DecisionRecord] = []
    ending: Ending | None = None


class OrderEntry(Reply):
    """One order in a list."""

    order_id: str
    owner: str
    customer_id: str
    email: str | None = None
    amount: Amount
    currency: str
    task_queue: str
    state: EndingState
    status: OrderStatus
    tracking_number: str | None = None
    refusal: str | None = None
    error: str | None = None
    attention: Attention | None = None
    accepted_at: datetime
    ended_at: datetime | None = None


class OrderRecord(OrderEntry):
    """Everything that the register has of one order."""

    order: dict[str, Any]
    unwind_reason: str | None = None
    ending: Ending | None = None
    events: list[EventRecord] = []
    decisions: list[DecisionRecord] = []
    notes: list[NoteRecord] = []


class OrderFilters(Request):
    """Which orders to list: those that fit all that is given.

    `search` is the beginning of an order id. `status` processing finds pending orders, too. The bounds of the amount
    need a `currency`. `placed_after` and `placed_before` are exclusive.
    """

    status: OrderStatus | None = None
    state: EndingState | None = None
    not_ended: bool | None = None
    attention: bool | None = None
    customer_id: Name | None = None
    email: Name | None = None
    sku: Name | None = None
    tracking_number: Name | None = None
    search: OrderId | None = None
    task_queue: Annotated[str, StringConstraints(min_length=1, max_length=1_000), Printable] | None = None
    currency: CurrencyCode | None = None
    min_amount: Amount | None = None
    max_amount: Amount | None = None
    placed_after: Moment | None = None
    placed_before: Moment | None = None

    @model_validator(mode="after")
    def _amounts_have_a_currency(self) -> OrderFilters:
        _ = self.min_minor, self.max_minor
        return self

    @property
    def min_minor(self) -> int | None:
        """The smallest amount, in minor units."""
        return self._minor(self.min_amount)

    @property
    def max_minor(self) -> int | None:
        """The largest amount, in minor units."""
        return self._minor(self.max_amount)

    def _minor(self, amount: str | None) -> int | None:
        if amount is None:
            return None
        if self.currency is None:
            raise ValueError("min_amount and max_amount need a currency")
        return Money.parse(amount, self.currency).minor


class AuditEntry(Reply):
    """Something that a person did: a decision, a note, or a request to cancel."""

    order_id: str
    at: datetime
    by: str | None = None
    kind: str
    data: dict[str, Any] = {}


class StatusTotal(Reply):
    """All orders of one currency in one status."""

    status: OrderStatus
    currency: str
    orders: int
    amount: str


class Stretch(StrEnum):
    """The lengths of time that orders are counted by, in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class PlacedCount(Reply):
    """How many orders were placed in the stretch of time that begins at `start`, and stand so now."""

    start: Moment
    status: OrderStatus
    orders: int


class PlacedCounts(Reply):
    """Orders by when they were placed and how they stand; what is 0 is left out."""

    counts: list[PlacedCount]


class PlacedQuery(Request):
    """GET /placed. `placed_after` is inclusive here: it is where the first stretch begins."""

    placed_after: Moment
    per: Stretch


class Totals(Reply):
    """Counts by status; amounts by currency and status; the money at risk in orders that need attention."""

    orders: dict[OrderStatus, int]
    amounts: list[StatusTotal]
    attention: dict[str, int]
    at_risk: dict[str, str]
