"""Lists of orders, the worklist and the audit log: pages with a stable cursor, ordered by a time and a number."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from ordersaga.contracts.common import Page
from ordersaga.contracts.register import AuditEntry, EndingState, Name, OrderEntry, OrderFilters
from ordersaga.domain.errors import InvalidRequest
from ordersaga.domain.order import OrderId
from ordersaga.domain.result import OrderStatus
from ordersaga.services.kit.paged_table import MAX_PAGE, PageQuery
from ordersaga.services.kit.store import Row, Transaction, Value
from ordersaga.services.register import rows

E = TypeVar("E", bound=BaseModel)
_DEFAULT_PAGE = 50
_MAX_INTEGER = 2**63 - 1
_AFTER_ALL_IDS = "~"
"""Sorts after every character of an order id."""
_BEFORE_THE_NEWEST: list[Value] = ["~", _MAX_INTEGER]
_RECENT = 2_000
"""How many of the newest orders are searched for the beginning of an id before the index of ids is used.

If many orders share the beginning, some are among these, and the index would return all of them for sorting.
"""


class ListQuery(PageQuery):
    """The parameters of a page: where it begins and its length."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = _DEFAULT_PAGE


class OrdersQuery(OrderFilters, ListQuery):
    """A page of the matching orders."""


class WorklistQuery(ListQuery):
    """A page of the worklist, or of one kind of item."""

    kind: Name | None = None


class AuditQuery(ListQuery):
    """A page of what people did, by order, person or kind."""

    order_id: OrderId | None = None
    by: Name | None = None
    kind: Name | None = None


@dataclass
class Conditions:
    """The conditions for rows, as SQL and its values."""

    sql: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def add(self, sql: str, *values: Value) -> None:
        """Add a condition, unless one of its values is None."""
        if None not in values:
            self.sql.append(sql)
            self.values += values


@dataclass(frozen=True)
class Listing(Generic[E]):
    """Rows ordered by the columns `at` and `seq`, which do not change as long as a row is listed."""

    select: str
    at: str
    seq: str
    entry: Callable[[Row], E]
    newest_first: bool = True

    def statement(self, query: PageQuery, conditions: Conditions) -> tuple[str, list[Value]]:
        """The SQL of a page and its values. It returns one row more than the page has."""
        key, values = f"{self.at}, {self.seq}", [*conditions.values]
        wanted = [*conditions.sql]
        if query.cursor is not None:
            wanted.append(f"({key}) {'<' if self.newest_first else '>'} (?, ?)")
            values += _position(query.cursor)
        where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
        order = f"{self.at} DESC, {self.seq} DESC" if self.newest_first else key
        return f"{self.select}{where} ORDER BY {order} LIMIT ?", [*values, query.limit + 1]

    async def page(self, tx: Transaction, query: PageQuery, conditions: Conditions) -> Page[E]:
        """A page of the matching rows."""
        sql, values = self.statement(query, conditions)
        found = await tx.fetch_all(sql, *values)
        more = len(found) > query.limit
        following = self._cursor(found[query.limit - 1]) if more else None
        return Page[E](items=[self.entry(row) for row in found[: query.limit]], next=following)

    def _cursor(self, last: Row) -> str:
        position = [last[column.rpartition(".")[2]] for column in (self.at, self.seq)]
        return urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position(cursor: str) -> list[Value]:
    try:
        position = json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, RecursionError):
        position = None
    match position:
        case [str(at), int(seq)] if at.isascii() and at.isprintable() and abs(seq) <= _MAX_INTEGER:
            return [at, seq]
    raise InvalidRequest("cursor: it is not the `next` of a page. Try again without it.")


def _audit_entry(row: Row) -> AuditEntry:
    return AuditEntry(
        order_id=row["order_id"], at=row["at"], by=row["actor"], kind=row["kind"], data=json.loads(row["data"])
    )


_ORDERS = Listing(f"SELECT {rows.ENTRY} FROM accepted_order a", "a.accepted_at", "a.seq", rows.entry)  # noqa: S608
_RECENT_ORDERS = Listing(
    f"""SELECT {rows.ENTRY} FROM (
        SELECT * FROM accepted_order WHERE (accepted_at, seq) < (?, ?)
        ORDER BY accepted_at DESC, seq DESC LIMIT {_RECENT}
    ) a""",  # noqa: S608
    "a.accepted_at",
    "a.seq",
    rows.entry,
)
_WITH_SKU = Listing(
    f"SELECT {rows.ENTRY} FROM ordered_sku s JOIN accepted_order a ON a.seq = s.seq",  # noqa: S608
    "s.accepted_at",
    "s.seq",
    rows.entry,
)
_WORKLIST = Listing(
    f"SELECT {rows.ENTRY} FROM accepted_order a",  # noqa: S608
    "a.attention_since",
    "a.seq",
    rows.entry,
    newest_first=False,
)
_AUDIT = Listing("SELECT seq, order_id, at, actor, kind, data FROM audit_entry", "at", "seq", _audit_entry)


async def orders(tx: Transaction, query: OrdersQuery) -> Page[OrderEntry]:
    """The matching orders, newest first."""
    listing, wanted = list_orders(query)
    if query.search and listing is _ORDERS:
        since = _BEFORE_THE_NEWEST if query.cursor is None else _position(query.cursor)
        page = await _RECENT_ORDERS.page(tx, query, Conditions(wanted.sql, [*since, *wanted.values]))
        if page.next is not None:
            return page
    return await listing.page(tx, query, wanted)


async def worklist(tx: Transaction, query: WorklistQuery) -> Page[OrderEntry]:
    """The orders that wait for a person, the longest wait first."""
    return await _WORKLIST.page(tx, query, list_worklist(query))


async def audit(tx: Transaction, query: AuditQuery) -> Page[AuditEntry]:
    """What people did, newest first."""
    wanted = Conditions()
    wanted.add("order_id = ?", query.order_id)
    wanted.add("actor = ?", query.by)
    wanted.add("kind = ?", query.kind)
    return await _AUDIT.page(tx, query, wanted)


def list_orders(query: OrdersQuery) -> tuple[Listing[OrderEntry], Conditions]:
    """How to list the matching orders."""
    wanted = Conditions()
    wanted.add("s.sku = ?", query.sku)
    wanted.add("a.customer_id = ?", query.customer_id)
    wanted.add("a.email = ?", query.email)
    wanted.add("a.tracking_number = ?", query.tracking_number)
    if query.search:
        wanted.add("a.order_id >= ? AND a.order_id < ?", query.search, query.search + _AFTER_ALL_IDS)
    if not wanted.sql:
        _add_index_conditions(wanted, query)
    _add_state(wanted, query)
    wanted.add("a.task_queue = ?", query.task_queue)
    wanted.add("a.currency = ?", query.currency)
    wanted.add("a.amount_minor >= ?", query.min_minor)
    wanted.add("a.amount_minor <= ?", query.max_minor)
    if query.placed_after:
        wanted.add("a.accepted_at > ?", query.placed_after.isoformat(timespec="microseconds"))
    if query.placed_before:
        wanted.add("a.accepted_at < ?", query.placed_before.isoformat(timespec="microseconds"))
    return (_WITH_SKU if query.sku else _ORDERS), wanted


def list_worklist(query: WorklistQuery) -> Conditions:
    """The conditions of the worklist."""
    wanted = Conditions()
    wanted.add("a.attention_kind IS NOT NULL")
    wanted.add("a.attention_kind = ?", query.kind)
    return wanted


def _add_index_conditions(wanted: Conditions, query: OrdersQuery) -> None:
    """Add conditions that follow from a status or a state, so that a partial index can be used."""
    if query.status:
        wanted.add(_ended(query.status.is_end))
    elif query.state:
        wanted.add(_ended(query.state in (EndingState.COMPLETED, EndingState.UNDONE)))


def _add_state(wanted: Conditions, query: OrdersQuery) -> None:
    if query.attention is not None:
        wanted.add(f"a.attention_kind IS {'NOT ' if query.attention else ''}NULL")
    if query.not_ended is not None:
        wanted.add(_ended(not query.not_ended))
    wanted.add("a.state = ?", query.state)
    if query.status is OrderStatus.PROCESSING:
        wanted.add("a.status IN ('processing', 'pending')")
    else:
        wanted.add("a.status = ?", query.status)


def _ended(ended: bool) -> str:
    return f"a.ended_at IS {'NOT ' if ended else ''}NULL"
