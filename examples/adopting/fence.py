"""A fence for effects that live in another system: what was done, refused or undone under an id, in a SQLite file.

The adapter writes down that it starts, asks the other system, and writes the answer down. If it dies in between, the
request comes again and the other system is asked again. So that system must recognise a repeated reference.
"""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

Work = Callable[[], Awaitable[web.Response]]
_TABLE = "CREATE TABLE IF NOT EXISTS effect (id TEXT PRIMARY KEY, owner TEXT, substance TEXT, done TEXT, undone TEXT)"


class Fence:
    """The fence of one adapter. Run one process of it: requests under one id wait for each other in its memory."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute(_TABLE)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def do(self, effect_id: str, owner: str | None, substance: Any, work: Work) -> web.Response:
        """Do the work once, and give its first answer, yes or no, to every repetition."""
        text = json.dumps(substance, sort_keys=True)
        async with self._locks[effect_id]:
            self._db.execute("INSERT OR IGNORE INTO effect VALUES (?, ?, ?, NULL, NULL)", (effect_id, owner, text))
            first_owner, first_text, done, undone = self._row(effect_id)
            if first_owner not in (None, owner):
                return problem(409, "NotYours", "The effect belongs to another owner. Nothing was changed.")
            if undone is not None:
                return problem(410, "Fenced", "It was undone before. Nothing was done.")
            if first_text != text:
                return problem(422, "IdempotencyMismatch", "The id names another request. Nothing was done.")
            if done is None:
                done = _stored(await work())
                self._db.execute("UPDATE effect SET done = ? WHERE id = ?", (done, effect_id))
            return _response(done)

    async def undo(self, effect_id: str, owner: str | None, work: Work, nothing: web.Response) -> web.Response:
        """Undo the effect, or leave a tombstone and answer `nothing`, so that a do that arrives late is turned away."""
        async with self._locks[effect_id]:
            found = self._row(effect_id)
            if found is None:
                values = (effect_id, owner, _stored(nothing))
                self._db.execute("INSERT INTO effect VALUES (?, ?, NULL, NULL, ?)", values)
                return nothing
            first_owner, _, _, undone = found
            if first_owner not in (None, owner):
                return problem(409, "NotYours", "The effect belongs to another owner. Nothing was changed.")
            if undone is None:
                undone = _stored(await work())
                self._db.execute("UPDATE effect SET undone = ? WHERE id = ?", (undone, effect_id))
            return _response(undone)

    def _row(self, effect_id: str) -> Any:
        return self._db.execute(
            "SELECT owner, substance, done, undone FROM effect WHERE id = ?", (effect_id,)
        ).fetchone()


def problem(status: int, kind: str, detail: str, **members: Any) -> web.Response:
    """An error as the contract has it (RFC 9457)."""
    body = {"type": kind, "title": kind, "status": status, "detail": detail, **members}
    return web.json_response(body, status=status, content_type="application/problem+json")


def _stored(response: web.Response) -> str:
    return json.dumps([response.status, response.text or "", response.content_type])


def _response(stored: str) -> web.Response:
    status, text, content_type = json.loads(stored)
    return web.Response(status=status, text=text, content_type=content_type) if text else web.Response(status=status)
