"""Translates the services' SQL for PostgreSQL."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

from ordersaga.services.kit.store import Lock

_LOCKS: dict[Lock | None, str] = {None: "", "wait": " FOR UPDATE", "skip": " FOR UPDATE SKIP LOCKED"}
_TEXT_OR_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|\?")


@lru_cache(maxsize=1024)
def numbered(sql: str, lock: Lock | None = None) -> str:
    """The statement with $1, $2 … for each `?` outside quotes, and with the lock for the rows that it reads."""
    numbers = count(1)
    return _TEXT_OR_VALUE.sub(lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], sql) + _LOCKS[lock]


@lru_cache(maxsize=1024)
def counted(sql: str) -> str:
    """The statement, changed to return one row for each row that it changes."""
    return f"{numbered(sql)} RETURNING 1"
