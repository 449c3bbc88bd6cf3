"""The services' view of their database: transactions over raw SQL with `?` for values, on any database.

A transaction function is `async def work(tx)`. It runs in one transaction and waits for nothing but its own statements.
An exception rolls the transaction back. The function may run again from its start: after a conflict, or when the
connection was lost, even during the commit. It is then unknown whether that commit succeeded, so every function must
find out what it did before, and do nothing twice. The fence does that for most functions; the others look at the state
of their rows.

Other processes may write at the same time. A function that relies on what it has read either reads it with a `lock`, or
repeats the condition in the statement that relies on it and raises RetryTransaction if that changed too few rows.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from ordersaga.domain.errors import OrdersagaError

T = TypeVar("T")
Value: TypeAlias = str | int | None
Lock: TypeAlias = Literal["wait", "skip"]
"""Lock the rows that a query finds until the transaction ends: "wait" for locked rows, or "skip" them."""


class Row(Protocol):
    """One row of a result. Columns are accessed by name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """One transaction."""

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement, and return the number of changed rows."""

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> int:
        """Run one statement without a result for each row of values, and return the total number of changed rows."""

    async def fetch_one(self, sql: str, *values: Value, lock: Lock | None = None) -> Row | None:
        """The first row of the result, if there is one."""

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows of the result."""

    async def fetch_many(self, sql: str, rows: Iterable[tuple[Value, ...]], lock: Lock | None = None) -> list[Row]:
        """Run one query for each row of values, in order, and return the rows of all results."""


TransactionFn: TypeAlias = Callable[[Transaction], Coroutine[Any, Any, T]]


class Store(Protocol):
    """A service's database."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use the database too."""

    def migrate(self) -> None:
        """Create or update the tables. Raises OrdersagaError if the database cannot be used."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Keep the store open until the end of the block."""

    async def write(self, work: TransactionFn[T]) -> T:
        """Run `work` in a transaction. It is on disk when this returns. Raises DatabaseUnavailable."""

    async def read(self, work: TransactionFn[T]) -> T:
        """Run read-only `work` on one snapshot, concurrently with writes. Raises DatabaseUnavailable."""


class RetryTransaction(Exception):
    """Raised by a transaction function if what it read without a lock has changed. The function then runs again."""


class DatabaseUnavailable(OrdersagaError):
    """The database does not answer or is overloaded. Try again in a moment."""


def now() -> str:
    """The current time as it is stored: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
