"""The fence: what a service did, refused or undid under an id, kept in the same transaction as the business rows.

    do    first time      the work runs and its answer is stored, a refusal too
          same body       the stored answer; from its owner also with other words for the same substance
          other body      IdempotencyMismatch
          after an undo   Fenced
          not ended yet   InProgress
    undo  after a do      the work takes the effect back and its answer is stored
          nothing there   a tombstone, so that a do that comes late is turned away
          again           the stored answer
    both  by a stranger   NotYours

An effect, and a tombstone too, belongs to whom its first request named as `owner`, and everybody else is a stranger.
Where that named nobody, nobody is.

A do that was refused left nothing to undo. An undo that comes too late raises; its transaction is rolled back, so that
it leaves no row and the question can be asked again.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from ordersaga.contracts.common import DoRequest, Owner
from ordersaga.domain.errors import Fenced, IdempotencyMismatch, InProgress, NotYours
from ordersaga.services.kit.answer import Answer
from ordersaga.services.kit.store import Row, Store, Transaction, TransactionFn, now

OwnerQuery = Annotated[Owner | None, Query(alias="owner", description="Whose effect it is")]

_INSERT = """
INSERT INTO fence (id, op, written_by, request_hash, state, created_at, owner) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_TAKE_BACK = "DELETE FROM fence WHERE id = ? AND op = 'undo'"
_FINISH = "UPDATE fence SET state = ?, answer = ? WHERE id = ? AND op = ?"
_FIND = "SELECT written_by, request_hash, state, answer, owner FROM fence WHERE id = ? AND op = ?"


class Fence:
    """The fence of one service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def do(self, effect_id: str, request: DoRequest, work: TransactionFn[Answer]) -> Response:
        """Do the work once under this id. Raises NotYours, Fenced, IdempotencyMismatch or InProgress."""
        return (await self._store.write(partial(do, effect_id, request, work))).response()

    async def undo(self, effect_id: str, owner: str | None, work: TransactionFn[Answer], nothing: Answer) -> Response:
        """Undo what was done under this id, or answer `nothing` and keep it from being done. Raises NotYours."""
        return (await self._store.write(partial(undo, effect_id, owner, work, nothing))).response()


def request_hash(request: DoRequest, owner: str | None) -> str:
    """A hash of what a request says: for an effect of an owner, of its substance alone.

    How its JSON was written does not count.
    """
    said = request.model_dump(mode="json", include=set(request.substance) if owner else None, exclude={"owner"})
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


async def do(effect_id: str, request: DoRequest, work: TransactionFn[Answer], tx: Transaction) -> Answer:
    """The do, inside a transaction. A refusal of the work is stored as it is; what the work wrote with it stays."""
    owner = request.owner
    if await tx.execute(_INSERT, effect_id, "do", "do", request_hash(request, owner), "started", now(), owner):
        answer = await work(tx)
        await tx.execute(_FINISH, "done" if answer.is_yes else "nothing", answer.stored, effect_id, "do")
        if answer.last:
            await answer.last(tx)
        return answer
    done = await _find(tx, effect_id, "do")
    _check_owner(done, effect_id, owner)
    if done["written_by"] == "undo" or await tx.fetch_one(_FIND, effect_id, "undo"):
        raise Fenced(f"{effect_id} was undone before. This request was turned away and had no effect.")
    if done["request_hash"] != request_hash(request, done["owner"]):
        raise IdempotencyMismatch(f"{effect_id} already names a request with another body. This one had no effect.")
    if done["state"] == "started":
        raise InProgress
    return Answer.restore(done["answer"])


async def undo(
    effect_id: str, owner: str | None, work: TransactionFn[Answer], nothing: Answer, tx: Transaction
) -> Answer:
    """The undo, inside a transaction. Raises InProgress while the do has not ended."""
    await tx.execute(_INSERT, effect_id, "do", "undo", None, "nothing", now(), owner)
    done = await _find(tx, effect_id, "do")
    _check_owner(done, effect_id, owner)
    if not await tx.execute(_INSERT, effect_id, "undo", "undo", None, "started", now(), owner):
        undone = await _find(tx, effect_id, "undo")
        return Answer.restore(undone["answer"])
    if done["state"] == "started":
        raise InProgress
    answer = nothing if done["state"] == "nothing" else await work(tx)
    await tx.execute(_FINISH, "done" if done["state"] == "done" else "nothing", answer.stored, effect_id, "undo")
    return answer


async def take_undo_back(tx: Transaction, effect_id: str) -> None:
    """An undo has turned out later not to have taken effect: it may be asked for again. A do stays the one it was."""
    await tx.execute(_TAKE_BACK, effect_id)


def _check_owner(done: Row, effect_id: str, owner: str | None) -> None:
    if done["owner"] not in (None, owner):
        raise NotYours(f"{effect_id} belongs to another owner. This request was turned away and changed nothing.")


async def _find(tx: Transaction, effect_id: str, op: str) -> Row:
    row = await tx.fetch_one(_FIND, effect_id, op)
    if row is None:
        raise LookupError(f"the fence has no {op} of {effect_id}, although it was written a moment ago")
    return row
