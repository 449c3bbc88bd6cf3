"""What a service sees of its database: transactions over raw SQL with `?` for values, whatever the database is.

Business code is `async def work(tx)`: it runs in one transaction and waits for nothing but its own statements. An
exception rolls its transaction back. Work may be run again from the start: after a conflict, or when the connection was
lost, even while it was being committed. Whether that commit took place is not known, so every work must find out what
it did before, and do nothing twice. The fence answers for most; the rest look at the state of their rows.

Other processes may write at the same time. What a work reads and then relies on, it reads with a `lock`, or it says so
in the statement that relies on it, and raises Again if that changed too few rows.
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
"""Hold the rows that a query finds until the transaction ends: wait for one that another holds, or leave it out."""


class Row(Protocol):
    """One row of a result; its columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """One transaction."""

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement; how many rows it changed."""

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> int:
        """Run one statement, which returns nothing, for each row of values; how many rows they changed together."""

    async def fetch_one(self, sql: str, *values: Value, lock: Lock | None = None) -> Row | None:
        """The first row of the result, if there is one."""

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows of the result."""

    async def fetch_many(self, sql: str, rows: Iterable[tuple[Value, ...]], lock: Lock | None = None) -> list[Row]:
        """Run one query for each row of values, in their order; the rows of all results."""


TransactionFn: TypeAlias = Callable[[Transaction], Coroutine[Any, Any, T]]


class Store(Protocol):
    """A service's database."""

    @property
    def shared(self) -> bool:
        """Whether other processes may be at work on it."""

    def prepare(self) -> None:
        """Create what is missing. Raises OrdersagaError if the database cannot be used."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Be open for work until the end of the block."""

    async def write(self, work: TransactionFn[T]) -> T:
        """Run the work in a transaction. When this returns, what it wrote is on disk. Raises BooksUnavailable."""

    async def read(self, work: TransactionFn[T]) -> T:
        """Run work that only reads, on one snapshot, beside the writing. Raises BooksUnavailable."""


class RetryTransaction(Exception):
    """A work raises this when what it has read without a lock is no longer so: it is to be run again."""


class BooksUnavailable(OrdersagaError):
    """The database does not answer, or has too much to do. Ask again in a moment."""


def now() -> str:
    """The time as it stands in the books: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
