"""Tables that are read in pages with a stable cursor, or entry by entry."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from ordersaga.contracts.common import Page, Request
from ordersaga.domain.errors import InvalidRequest, NotFound
from ordersaga.domain.order import OrderId
from ordersaga.services.kit.store import Lock, Row, Store, Transaction, Value

E = TypeVar("E", bound=BaseModel)
MAX_PAGE = 1_000
_MAX_INTEGER = 2**63 - 1


class PageQuery(Request):
    """The parameters of a page: where it begins (the `next` of an earlier page) and its length."""

    cursor: Annotated[str, Field(max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 500


class OrderQuery(PageQuery):
    """A page of all entries, or of those of one order."""

    order_id: OrderId | None = None


@dataclass(frozen=True)
class PagedTable(Generic[E]):
    """A table that can be read in pages, ordered by `key`, which never changes for an entry."""

    select: str
    id: str
    entry: Callable[[Row], E]
    key: str = "seq"
    key_type: type[int] | type[str] = int

    async def page(self, store: Store, query: PageQuery, wanted: Mapping[str, str | None]) -> Page[E]:
        """A page of the entries that match all conditions. A condition whose value is None is ignored."""
        conditions: dict[str, Value] = {condition: value for condition, value in wanted.items() if value is not None}
        if query.cursor is not None:
            conditions[f"{self.key} > ?"] = self._position(query.cursor)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"{self.select}{where} ORDER BY {self.key} LIMIT ?"

        async def work(tx: Transaction) -> list[Row]:
            return await tx.fetch_all(sql, *conditions.values(), query.limit + 1)

        rows = await store.read(work)
        more = len(rows) > query.limit
        last = _cursor(rows[query.limit - 1][self.key]) if more else None
        return Page[E](items=[self.entry(row) for row in rows[: query.limit]], next=last)

    async def one(self, store: Store, name: str) -> E:
        """The entry with this id. Raises NotFound."""

        async def work(tx: Transaction) -> E:
            return await self.find(tx, name)

        return await store.read(work)

    async def find(self, tx: Transaction, name: str, lock: Lock | None = None) -> E:
        """The entry with this id, inside a transaction. Raises NotFound."""
        row = await tx.fetch_one(f"{self.select} WHERE {self.id} = ?", name, lock=lock)
        if row is None:
            raise NotFound(f"There is no {name}.")
        return self.entry(row)

    def _position(self, cursor: str) -> Value:
        try:
            position = json.loads(urlsafe_b64decode(cursor.encode()))
        except (ValueError, RecursionError):
            position = None
        if type(position) is not self.key_type or (isinstance(position, int) and abs(position) > _MAX_INTEGER):
            raise InvalidRequest("cursor: it is not the `next` of a page. Try again without it.")
        return position


def _cursor(position: Value) -> str:
    return urlsafe_b64encode(json.dumps(position).encode()).decode()
