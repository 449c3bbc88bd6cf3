"""The store in PostgreSQL: one schema per service, and a pool of connections.

Transactions are READ COMMITTED, and a transaction function locks what it relies on (see ordersaga.services.kit.store).
It runs again after a deadlock or when its connection was lost, even in the middle of COMMIT. If that commit succeeded
after all, the function finds its own effect through the fence or the state of its rows, and does nothing twice.
PostgreSQL makes the second run wait for the end of the first one, because both insert the same key of the fence or lock
the same row.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import asyncpg

from ordersaga.services.kit.migrate import Migration
from ordersaga.services.kit.postgres_setup import prepare
from ordersaga.services.kit.postgres_sql import counted, numbered
from ordersaga.services.kit.postgres_url import PostgresUrl
from ordersaga.services.kit.store import DatabaseUnavailable, Lock, RetryTransaction, Row, TransactionFn, Value

if TYPE_CHECKING:
    from asyncpg import Pool, Record
    from asyncpg.pool import PoolConnectionProxy

    Connected = PoolConnectionProxy[Record]

T = TypeVar("T")
WAIT_SECONDS = 5.0
"""How long a transaction waits for a connection, and how long it is retried."""

_IDLE_SECONDS = 300.0
_CLOSE_SECONDS = 10.0
_FIRST_PAUSE = 0.02
_MAX_PAUSE = 0.2
_WRITE = "BEGIN"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_CONFLICT = (
    RetryTransaction,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
)
_BUSY = (
    TimeoutError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # the server has closed the connection, and asyncpg still waits for data
)
_ANY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_log = logging.getLogger(__name__)


class PostgresStore:
    """A service's schema in a PostgreSQL database."""

    is_shared: ClassVar[bool] = True

    def __init__(self, url: PostgresUrl, schema: str, migrations: Sequence[Migration]) -> None:
        self._url = url
        self._schema = schema
        self._migrations = migrations
        self._pool: Pool[Record]
        self._answers = True

    def migrate(self) -> None:
        """Update the schema. Raises OrdersagaError if the database cannot be used."""
        with ThreadPoolExecutor(1) as thread:  # the caller may have an event loop, and blocks it meanwhile
            thread.submit(asyncio.run, prepare(self._url, self._schema, self._migrations)).result()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Keep the connection pool until the end of the block. It connects on demand, and reconnects if needed."""
        self._pool = await asyncpg.create_pool(
            **self._url.options(self._schema),
            min_size=0,
            max_size=self._url.pool_size,
            max_queries=1 << 62,
            max_inactive_connection_lifetime=_IDLE_SECONDS,
            reset=_leave_as_it_is,
        )
        try:
            yield
        finally:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def write(self, work: TransactionFn[T]) -> T:
        """Run `work` in a transaction; it is on disk when this returns. Raises DatabaseUnavailable."""
        return await self._run(_WRITE, work)

    async def read(self, work: TransactionFn[T]) -> T:
        """Run `work` on a snapshot. Raises DatabaseUnavailable."""
        return await self._run(_READ, work)

    async def _run(self, begin: str, work: TransactionFn[T]) -> T:
        deadline = time.monotonic() + WAIT_SECONDS
        attempt = _Attempt(begin)
        pause = _FIRST_PAUSE
        while True:
            connection = await self._connect(attempt)
            try:
                return await attempt.run(connection, work)
            except (RetryTransaction, *_ANY) as error:
                again = isinstance(error, (*_CONFLICT, *_LOST)) or _is_gone(connection)
                if not again and not isinstance(error, _BUSY):
                    raise
                if isinstance(error, _BUSY) or time.monotonic() > deadline:
                    raise self._unavailable(error, attempt) from error
            finally:
                await self._release(connection)
            await asyncio.sleep(pause * random.random())  # noqa: S311 - keeps collided transactions apart
            pause = min(2 * pause, _MAX_PAUSE)

    async def _connect(self, attempt: _Attempt) -> Connected:
        try:
            connection = await self._pool.acquire(timeout=WAIT_SECONDS)
        except _ANY as error:
            raise self._unavailable(error, attempt) from error
        if not self._answers:
            self._answers = True
            _log.warning("The database %s answers again", self._url.shown)
        return connection

    async def _release(self, connection: Connected) -> None:
        with suppress(*_ANY):  # then the pool has closed the connection
            await self._pool.release(connection)

    def _unavailable(self, error: Exception, attempt: _Attempt) -> DatabaseUnavailable:
        if self._answers:
            self._answers = False
            _log.warning("The database %s cannot be used: %r", self._url.shown, error)
        effect = "It is unknown whether the request took effect" if attempt.in_doubt else "The request had no effect"
        busy = isinstance(error, (*_BUSY, *_CONFLICT))
        why = "is overloaded" if busy else "does not answer"
        return DatabaseUnavailable(f"The service's database {why}. {effect}. You can safely repeat it.")


class _Attempt:
    """A transaction that is retried until it ends. `in_doubt`: it may have been committed, but no confirmation came."""

    def __init__(self, begin: str) -> None:
        self._begin = begin
        self.in_doubt = False

    async def run(self, connection: Connected, work: TransactionFn[T]) -> T:
        """Run `work` once, and commit. If anything is raised, the connection has no open transaction or is closed."""
        try:
            await connection.execute(self._begin)
            result = await work(_PostgresTransaction(connection))
        except Exception:
            await _roll_back(connection)
            raise
        except BaseException:
            _terminate(connection)
            raise
        await self._commit(connection)
        return result

    async def _commit(self, connection: Connected) -> None:
        try:
            ended = await connection.execute("COMMIT")
        except BaseException as error:
            self.in_doubt = self.in_doubt or not isinstance(error, asyncpg.PostgresError) or isinstance(error, _LOST)
            _terminate(connection)
            raise
        if ended != "COMMIT":
            raise RuntimeError("a statement failed, and the transaction function ignored the error")


class _PostgresTransaction:
    """The statements of one transaction."""

    def __init__(self, connection: Connected) -> None:
        self._connection = connection

    async def execute(self, sql: str, *values: Value) -> int:
        status = await self._connection.execute(numbered(sql), *values)
        return int(status.rpartition(" ")[2])

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> int:
        return len(await self._connection.fetchmany(counted(sql), list(rows)))

    async def fetch_one(self, sql: str, *values: Value, lock: Lock | None = None) -> Row | None:
        return cast("Row | None", await self._connection.fetchrow(numbered(sql, lock), *values))

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        return cast("list[Row]", await self._connection.fetch(numbered(sql), *values))

    async def fetch_many(self, sql: str, rows: Iterable[tuple[Value, ...]], lock: Lock | None = None) -> list[Row]:
        return cast("list[Row]", await self._connection.fetchmany(numbered(sql, lock), list(rows)))


async def _roll_back(connection: Connected) -> None:
    try:
        await connection.execute("ROLLBACK")
    except _ANY:
        _terminate(connection)


def _terminate(connection: Connected) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has noticed it first, and taken the connection back
        connection.terminate()


def _is_gone(connection: Connected) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # as above
        return True


async def _leave_as_it_is(_connection: Any) -> None:
    """Our transactions change no settings of a connection, so nothing must be reset for the next one."""
