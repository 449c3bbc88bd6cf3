"""The store in an SQLite file: one thread writes, one reads, and waiting transactions are committed together.

A commit costs a flush to disk, so the writer commits everything that has queued up at once. Each transaction function
has its own savepoint, so one that fails is rolled back alone. None is answered before the commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, TypeVar, cast

from ordersaga.domain.errors import OrdersagaError
from ordersaga.services.kit.migrate import APPLIED, HISTORY, RECORD, Migration, pending
from ordersaga.services.kit.store import Lock, Row, Transaction, TransactionFn, Value, now

T = TypeVar("T")
MAX_GROUP = 64
"""The maximum number of transactions that are committed together. More would only make the first one wait."""

_BUSY_SECONDS = 10.0


class SqliteStore:
    """A service's database in one file, which only one process uses."""

    is_shared: ClassVar[bool] = False

    def __init__(self, path: Path, migrations: Sequence[Migration]) -> None:
        self._path = path
        self._migrations = migrations
        self._writer = _Thread(path, "BEGIN IMMEDIATE")
        self._reader = _Thread(path, "BEGIN")

    def migrate(self) -> None:
        """Create the folder, and update the tables. Raises OrdersagaError if the file cannot be used."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self._path)) as connection:
                _migrate(connection, self._migrations, str(self._path))
        except (OSError, sqlite3.Error) as error:
            raise OrdersagaError(
                f"The database {self._path} cannot be used ({error}). Nothing was started. "
                "Set ORDERSAGA_DATABASE_URL to sqlite:/// and a writable folder."
            ) from None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the two threads until the end of the block. They finish what is queued."""
        self._writer.start(asyncio.get_running_loop())
        self._reader.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await asyncio.to_thread(self._writer.stop)
            await asyncio.to_thread(self._reader.stop)

    async def write(self, work: TransactionFn[T]) -> T:
        """Run `work` in a transaction; it is on disk when this returns."""
        return await self._writer.run(work)

    async def read(self, work: TransactionFn[T]) -> T:
        """Run `work` on a snapshot."""
        return await self._reader.run(work)


@dataclass(slots=True)
class _Job:
    work: TransactionFn[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def finish(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class _Thread:
    """One connection, used by one thread only, which runs the queued jobs in order."""

    def __init__(self, path: Path, begin: str) -> None:
        self._path = path
        self._begin = begin
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._connection: sqlite3.Connection

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connection = _connect(self._path)
        self._thread = threading.Thread(target=self._serve, name=f"{self._path.stem} {self._begin}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    async def run(self, work: TransactionFn[T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(work, future))
        return await future

    def _serve(self) -> None:
        with closing(self._connection) as connection:
            more = True
            while more:
                group, more = self._next_group()
                if group:
                    _commit_together(connection, self._begin, group)
                    self._loop.call_soon_threadsafe(_finish_all, group)

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == MAX_GROUP:
                return group, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, True
        return group, False


class _SqliteTransaction:
    """The statements of one transaction. They are done when they return, so the function is never suspended.

    There is only one writer, so what it has read is locked in any case.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, *values: Value) -> int:
        return self._connection.execute(sql, values).rowcount

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> int:
        return self._connection.executemany(sql, rows).rowcount

    async def fetch_one(self, sql: str, *values: Value, lock: Lock | None = None) -> Row | None:
        return cast("Row | None", self._connection.execute(sql, values).fetchone())

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        return cast("list[Row]", self._connection.execute(sql, values).fetchall())

    async def fetch_many(self, sql: str, rows: Iterable[tuple[Value, ...]], lock: Lock | None = None) -> list[Row]:
        return [row for values in rows for row in self._connection.execute(sql, values)]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=256, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. SQLite does not wait for other connections here by itself."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _migrate(connection: sqlite3.Connection, known: Sequence[Migration], where: str) -> None:
    """Apply the missing migrations, all or none.

    A file from before the migrations already has the tables of the first.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(HISTORY)
    applied = {(row["part"], row["number"]): row["checksum"] for row in connection.execute(APPLIED)}
    for migration in pending(known, applied, where):
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(RECORD, migration.row(now()))
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements. `executescript` would commit before it runs."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _commit_together(connection: sqlite3.Connection, begin: str, group: list[_Job]) -> None:
    """Run the group's jobs in one transaction. If the transaction fails as a whole, every job fails."""
    transaction = _SqliteTransaction(connection)
    try:
        connection.execute(begin)
        for job in group:
            _run_alone(connection, transaction, job)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        for job in group:
            job.error = job.error or error


def _run_alone(connection: sqlite3.Connection, transaction: Transaction, job: _Job) -> None:
    connection.execute("SAVEPOINT work")
    try:
        job.result = _finish(job.work(transaction))
    except Exception as error:
        job.error = error
        connection.execute("ROLLBACK TO work")
    connection.execute("RELEASE work")


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("a transaction function may wait for its own statements only")


def _finish_all(group: list[_Job]) -> None:
    for job in group:
        job.finish()
