"""The services' SQL in PostgreSQL's words."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

from ordersaga.services.kit.store import Lock

_LOCKS: dict[Lock | None, str] = {None: "", "wait": " FOR UPDATE", "skip": " FOR UPDATE SKIP LOCKED"}
_TEXT_OR_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|\?")


@lru_cache(maxsize=1024)
def numbered(sql: str, lock: Lock | None = None) -> str:
    """The statement with $1, $2 … for each `?` that is not in quotes, and the lock that its rows are read with."""
    numbers = count(1)
    return _TEXT_OR_VALUE.sub(lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], sql) + _LOCKS[lock]


@lru_cache(maxsize=1024)
def counted(sql: str) -> str:
    """The statement such that it returns a row for each row that it changed."""
    return f"{numbered(sql)} RETURNING 1"
