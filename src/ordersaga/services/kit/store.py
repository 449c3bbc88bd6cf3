"""What a service sees of its database: transactions over raw SQL with `?` for values, whatever the database is.

Business code is `async def work(tx)`: it runs in one transaction, waits for nothing but its own statements, and may be
run again from the start if the transaction could not be committed. An exception rolls its transaction back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
Value: TypeAlias = str | int | None


class Row(Protocol):
    """One row of a result; its columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """One transaction."""

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement; how many rows it changed."""

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> int:
        """Run one statement for each row of values; how many rows they changed together."""

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row of the result, if there is one."""

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows of the result."""


Work: TypeAlias = Callable[[Transaction], Coroutine[Any, Any, T]]


class Store(Protocol):
    """A service's database."""

    def prepare(self) -> None:
        """Create what is missing. Raises OrdersagaError if the database cannot be used."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Be open for work until the end of the block."""

    async def write(self, work: Work[T]) -> T:
        """Run the work in a transaction. When this returns, what it wrote is on disk."""

    async def read(self, work: Work[T]) -> T:
        """Run work that only reads, on one snapshot, beside the writing."""


def now() -> str:
    """The time as it stands in the books: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
