"""Prepares a PostgreSQL database for a service: creates its schema, and applies the migrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from ordersaga.services.kit.migrate import APPLIED, HISTORY, RECORD, Migration, pending
from ordersaga.services.kit.postgres_sql import numbered
from ordersaga.services.kit.postgres_url import PostgresUrl
from ordersaga.services.kit.store import now

if TYPE_CHECKING:
    from asyncpg import Connection, Record

_LOCK_MIGRATIONS = "SELECT pg_advisory_xact_lock(hashtextextended('ordersaga migrations of ' || $1, 0))"
_TIMEOUTS = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '60s'"
"""Time for another process that applies the same migrations, and for long migrations."""


async def prepare(url: PostgresUrl, schema: str, known: Sequence[Migration]) -> None:
    """Create the schema if it is missing, and apply the missing migrations, in one transaction.

    Two processes that start at the same time take turns. Raises OrdersagaError if the database cannot be used or is
    newer.
    """
    try:
        connection: Connection[Record] = await asyncpg.connect(**url.options(schema) | {"command_timeout": None})
        try:
            async with connection.transaction():
                await _migrate(connection, schema, known, f"{url.shown}, schema {schema}")
        finally:
            await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise url.unusable(error) from None


async def _migrate(connection: Connection[Record], schema: str, known: Sequence[Migration], where: str) -> None:
    await connection.execute(_TIMEOUTS)
    await connection.execute(_LOCK_MIGRATIONS, schema)
    # IF NOT EXISTS would require the right to create a schema even if it exists.
    if not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema):
        await connection.execute(f'CREATE SCHEMA "{schema}"')
    if not await connection.fetchval("SELECT to_regclass('migration')"):
        await connection.execute(HISTORY)
    applied = {(row["part"], row["number"]): row["checksum"] for row in await connection.fetch(APPLIED)}
    for migration in pending(known, applied, where):
        await connection.execute(migration.sql)
        await connection.execute(numbered(RECORD), *migration.row(now()))
