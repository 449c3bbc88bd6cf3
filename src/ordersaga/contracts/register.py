"""The register's contract: accepted orders, reports of their runs, people's decisions, and how each order ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import to_json

from ordersaga.contracts.common import Amount, Owner, Reply, Request
from ordersaga.domain.money import Money
from ordersaga.domain.order import CurrencyCode, OrderId
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.text import Printable, clean

MAX_TEXT = 4_000
"""Texts of people and services are cut to this length instead of rejected: a decision must not wait for its wording."""

_MAX_DEPTH = 50
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
    if not _is_clearly_storable(value):
        _check_storable(value)
    return value


def _is_clearly_storable(value: dict[str, Any]) -> bool:
    """Whether the text of the object shows that it can be stored. It is written much faster than it is walked."""
    try:
        text = to_json(value)
    except ValueError:
        return False
    return text.count(b"{") + text.count(b"[") <= _MAX_DEPTH and b"NaN" not in text and b"Infinity" not in text


def _check_storable(value: dict[str, Any]) -> None:
    if not _is_at_most(value, _MAX_DEPTH):
        raise ValueError(f"is nested deeper than {_MAX_DEPTH} levels")
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        raise ValueError("holds a number or a text that JSON cannot hold") from None


def _is_at_most(value: object, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_at_most(each, depth - 1) for each in inner)


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time with a time zone, converted to UTC."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
"""A JSON object whose fields the caller chooses."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255), Printable]
"""A short text, such as the name of a step or the id of a run or a decision."""

Text = Annotated[str, AfterValidator(_cut)]
"""A text of a person or service, of at most MAX_TEXT characters."""

Number = Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]


class EndingState(StrEnum):
    """The endings that an order can still have.

    open: any. unwinding: a run is undoing the order, so `completed` is rejected. forward: the order cannot be undone
    any more, so `failed` and `cancelled` are rejected. completed, undone: the order has ended.
    """

    OPEN = "open"
    UNWINDING = "unwinding"
    FORWARD = "forward"
    COMPLETED = "completed"
    UNDONE = "undone"


class AttentionStep(Reply):
    """A step that waits for a person. `choices` are the possible decisions."""

    step: Name
    undoing: bool = False
    error: Text | None = None
    attempts: Number = 0
    next_try: Moment | None = None
    choices: list[Name] = []


class Attention(Reply):
    """Why an order needs a person, since when, and the money at risk in the order's currency."""

    kind: Name
    amount_at_risk: Amount
    since: Moment
    steps: list[AttentionStep] = []


class EventRecord(Reply):
    """An event of a run. `number` counts the run's events from 1. Answers include the run."""

    number: Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]
    at: Moment
    kind: Name
    data: JsonObject = {}
    run_id: Name | None = None


class DecisionRecord(Reply):
    """A person's decision on a step, and the reason."""

    decision_id: Name
    step: Name
    undoing: bool = False
    choice: Name
    by: Text
    note: Text
    at: Moment
    run_id: Name


class NoteRecord(Reply):
    """A person's note on an order."""

    note_id: str
    by: str
    text: str
    at: datetime


class ClaimRequest(Request):
    """PUT /orders/{order_id}. `order` is the order as accepted. It can be found by its `items[*].sku`."""

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
        """The order's total, as money."""
        return Money.parse(self.amount, self.currency)


class UnwindRequest(Request):
    """POST /orders/{order_id}/unwind: a run wants to undo the order."""

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
    """PUT /orders/{order_id}/progress. `number` is the number of the run's events. An older report changes nothing."""

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
    """The state of an order: the endings that it can still have, and all decisions on it, oldest first."""

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
    """Everything that the register has about one order."""

    order: dict[str, Any]
    unwind_reason: str | None = None
    ending: Ending | None = None
    events: list[EventRecord] = []
    decisions: list[DecisionRecord] = []
    notes: list[NoteRecord] = []


class OrderFilters(Request):
    """The filters of a list of orders. An order must match all of them.

    `search` is the beginning of an order id. The status `processing` includes pending orders. The bounds of the amount
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
    """An action of a person: a decision, a note, or a request to cancel."""

    order_id: str
    at: datetime
    by: str | None = None
    kind: str
    data: dict[str, Any] = {}


class StatusTotal(Reply):
    """All orders of one currency and one status."""

    status: OrderStatus
    currency: str
    orders: int
    amount: str


class Stretch(StrEnum):
    """The lengths of the time intervals in which orders are counted, in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class PlacedCount(Reply):
    """The number of orders that were placed in the interval beginning at `start` and now have this status."""

    start: Moment
    status: OrderStatus
    orders: int


class PlacedCounts(Reply):
    """Numbers of orders by time of placing and current status. Zero counts are left out."""

    counts: list[PlacedCount]


class PlacedQuery(Request):
    """GET /placed. `placed_after` is inclusive here: the first interval begins there."""

    placed_after: Moment
    per: Stretch


class Totals(Reply):
    """Counts by status; amounts by currency and status; the money at risk in orders that need attention."""

    orders: dict[OrderStatus, int]
    amounts: list[StatusTotal]
    attention: dict[str, int]
    at_risk: dict[str, str]
