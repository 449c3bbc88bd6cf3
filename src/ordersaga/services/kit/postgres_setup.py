"""Making a PostgreSQL database ready for a service: its schema, and the tables in it up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from ordersaga.services.kit.migrate import APPLIED, HISTORY, REMEMBER, Migration, pending
from ordersaga.services.kit.postgres_sql import numbered
from ordersaga.services.kit.postgres_url import PostgresUrl
from ordersaga.services.kit.store import now

if TYPE_CHECKING:
    from asyncpg import Connection, Record

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('ordersaga migrations of ' || $1, 0))"
_PATIENCE = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '60s'"
"""For another process that applies the same migrations, and for long ones."""


async def prepare(url: PostgresUrl, schema: str, known: Sequence[Migration]) -> None:
    """Create the schema if it is missing and apply what is missing in it, in one transaction.

    Two processes that start at once take turns. Raises OrdersagaError if the database cannot be used or is newer.
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
    await connection.execute(_PATIENCE)
    await connection.execute(_ONE_AT_A_TIME, schema)
    # IF NOT EXISTS would ask for the right to create one that is there.
    if not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema):
        await connection.execute(f'CREATE SCHEMA "{schema}"')
    if not await connection.fetchval("SELECT to_regclass('migration')"):
        await connection.execute(HISTORY)
    applied = {(row["part"], row["number"]): row["checksum"] for row in await connection.fetch(APPLIED)}
    for migration in pending(known, applied, where):
        await connection.execute(migration.sql)
        await connection.execute(numbered(REMEMBER), *migration.remembered(now()))
