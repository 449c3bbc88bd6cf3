"""The fence: what a service did, refused or undid under an id, stored in the same transaction as the business rows.

    do    first time      the work runs and its answer is stored, a refusal too
          same body       the stored answer; from its owner also with other texts for the same substance
          other body      IdempotencyMismatch
          after an undo   Fenced
          not ended yet   InProgress
    undo  after a do      the work takes the effect back and its answer is stored
          nothing there   a tombstone, so that a late do is rejected
          again           the stored answer
    both  another owner   NotYours

An effect or a tombstone belongs to the `owner` of its first request. If that request named none, it has no owner, and
every caller may use it.

A refused do leaves nothing to undo. An undo that comes too late raises. Its transaction is rolled back, so it leaves no
row, and the undo can be requested again.
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
_FORGET_UNDO = "DELETE FROM fence WHERE id = ? AND op = 'undo'"
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
        """Undo what was done under this id, or answer `nothing` and prevent a later do. Raises NotYours."""
        return (await self._store.write(partial(undo, effect_id, owner, work, nothing))).response()


def request_hash(request: DoRequest, owner: str | None) -> str:
    """A hash of a request's content: if the effect has an owner, of its substance alone.

    The formatting of its JSON does not count.
    """
    said = request.model_dump(mode="json", include=set(request.substance) if owner else None, exclude={"owner"})
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


async def do(effect_id: str, request: DoRequest, work: TransactionFn[Answer], tx: Transaction) -> Answer:
    """Do the work inside a transaction. If the work refuses, its answer and its writes are stored."""
    owner = request.owner
    if await tx.execute(_INSERT, effect_id, "do", "do", request_hash(request, owner), "started", now(), owner):
        answer = await work(tx)
        await tx.execute(_FINISH, "done" if answer.is_success else "nothing", answer.stored, effect_id, "do")
        if answer.last:
            await answer.last(tx)
        return answer
    done = await _find(tx, effect_id, "do")
    _check_owner(done, effect_id, owner)
    if done["written_by"] == "undo" or await tx.fetch_one(_FIND, effect_id, "undo"):
        raise Fenced(f"{effect_id} was undone before. This request was rejected and had no effect.")
    if done["request_hash"] != request_hash(request, done["owner"]):
        raise IdempotencyMismatch(
            f"{effect_id} already belongs to a request with another body. This one was rejected and had no effect."
        )
    if done["state"] == "started":
        raise InProgress
    return Answer.restore(done["answer"])


async def undo(
    effect_id: str, owner: str | None, work: TransactionFn[Answer], nothing: Answer, tx: Transaction
) -> Answer:
    """Undo inside a transaction. Raises InProgress while the do has not ended."""
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


async def forget_undo(tx: Transaction, effect_id: str) -> None:
    """Forget an undo that turned out not to have taken effect, so that it can be requested again.

    The do stays as it is.
    """
    await tx.execute(_FORGET_UNDO, effect_id)


def _check_owner(done: Row, effect_id: str, owner: str | None) -> None:
    if done["owner"] not in (None, owner):
        raise NotYours(f"{effect_id} belongs to another owner. This request was rejected and changed nothing.")


async def _find(tx: Transaction, effect_id: str, op: str) -> Row:
    row = await tx.fetch_one(_FIND, effect_id, op)
    if row is None:
        raise LookupError(f"the fence has no {op} of {effect_id}, although it was written a moment ago")
    return row
