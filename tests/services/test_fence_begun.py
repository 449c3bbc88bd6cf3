"""What the HTTP tests cannot reach in the fence: a do that has begun and not ended, as with an external provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from ordersaga.contracts.payment import ChargeRequest
from ordersaga.domain.errors import IdempotencyMismatch, InProgress
from ordersaga.services.kit.answer import Answer
from ordersaga.services.kit.fence import Fence, do, request_hash, undo
from ordersaga.services.kit.store import Store, Transaction
from ordersaga.services.main import store_of
from tests.services.harness import Database, url_of
from tests.services.pairs import PAYMENT

REQUEST = ChargeRequest.model_validate(PAYMENT.body("1"))
BEGUN = "INSERT INTO fence VALUES ('pay-1', 'do', 'do', ?, 'started', NULL, '2026-01-01', NULL)"


async def effect(tx: Transaction) -> Answer:
    raise AssertionError("nothing may be done or undone while the first request has not ended")


@pytest.fixture
async def store(books: Database) -> AsyncIterator[Store]:
    store = store_of("payment", url_of(books))
    store.migrate()
    async with store.lifespan():
        await store.write(lambda tx: tx.execute(BEGUN, request_hash(REQUEST, None)))
        yield store


async def test_a_do_that_has_not_ended_is_in_progress(store: Store) -> None:
    with pytest.raises(InProgress):
        await Fence(store).do("pay-1", REQUEST, effect)
    with pytest.raises(IdempotencyMismatch):
        await store.write(partial(do, "pay-1", REQUEST.model_copy(update={"amount": "20.00"}), effect))


async def test_an_undo_of_it_leaves_no_row_so_that_it_can_be_asked_again(store: Store) -> None:
    with pytest.raises(InProgress):
        await store.write(partial(undo, "pay-1", None, effect, Answer(204)))

    async def rows(tx: Transaction) -> int:
        return len(await tx.fetch_all("SELECT 1 FROM fence"))

    assert await store.read(rows) == 1
