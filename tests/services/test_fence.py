"""The fence, for each of the four do/undo pairs: calls that are late, repeated or changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.api import Answer, Api, Json
from tests.services.pairs import INVENTORY, PAIRS, Pair, sku_of

LOADED = 100


@pytest.fixture
async def effect(api: Api, pair: Pair, order_id: str) -> Effect:
    """The pair's effect for the test's own order, with the stock that it takes."""
    await api.load(**{sku_of(order_id): LOADED, "another-sku": LOADED})
    return Effect(api, pair, order_id)


class Effect:
    """One effect: do it, undo it, and read the service's records."""

    def __init__(self, api: Api, pair: Pair, order_id: str) -> None:
        self.api = api
        self.pair = pair
        self.order_id = order_id

    async def do(self, **changes: Any) -> Answer:
        """Do it."""
        return await self.pair.do(self.api, self.order_id, **changes)

    async def undo(self, owner: str | None = None) -> Answer:
        """Undo it."""
        return await self.pair.undo_it(self.api, self.order_id, owner)

    async def books(self) -> tuple[list[Json], Json]:
        """The service's records of it: its entries, and its SKU's stock."""
        return await self.pair.entries(self.api, self.order_id), await self.api.stock(sku_of(self.order_id))

    async def has(self, *states: str) -> None:
        """Fail unless the service has exactly these entries, and the stock matches."""
        entries, stock = await self.books()
        assert [entry["state"] for entry in entries] == list(states)
        assert all(entry[self.pair.key] == self.pair.effect_id(self.order_id) for entry in entries)
        held = 2 * states.count("held")
        assert (stock["on_hand"], stock["reserved"]) == (LOADED - held, held)


async def test_a_do_answers_its_id_and_is_in_the_books(effect: Effect, pair: Pair) -> None:
    answer = await effect.do()
    assert answer.status == pair.done
    assert answer.body[pair.key] == pair.effect_id(effect.order_id)
    await effect.has(pair.live)


async def test_a_duplicate_gets_the_same_answer_and_has_no_effect(effect: Effect, pair: Pair) -> None:
    first = await effect.do()
    books = await effect.books()
    assert await effect.do() == first
    assert await effect.books() == books
    await effect.has(pair.live)


async def test_the_order_of_a_bodys_keys_makes_no_other_body(effect: Effect, pair: Pair) -> None:
    first = await effect.do()
    turned = dict(reversed(pair.body(effect.order_id).items()))
    assert await effect.api.post(f"/{pair.service}{pair.do_path}", turned) == first
    await effect.has(pair.live)


@pytest.mark.parametrize("times", [2, 20])
async def test_many_at_once_have_one_effect_and_one_answer(effect: Effect, pair: Pair, times: int) -> None:
    answers = await asyncio.gather(*(effect.do() for _ in range(times)))
    assert answers[0].status == pair.done
    assert answers == [answers[0]] * times
    await effect.has(pair.live)


async def test_another_body_is_a_mismatch_and_has_no_effect(effect: Effect, pair: Pair) -> None:
    first = await effect.do()
    books = await effect.books()
    answer = await effect.do(**pair.other)
    assert (answer.status, answer.type) == (422, "IdempotencyMismatch")
    assert await effect.books() == books
    assert await effect.do() == first


async def test_another_order_under_the_same_id_is_a_mismatch(effect: Effect, pair: Pair) -> None:
    await effect.do()
    answer = await effect.do(order_id=f"{effect.order_id}-other")
    assert (answer.status, answer.type) == (422, "IdempotencyMismatch")
    assert await pair.entries(effect.api, f"{effect.order_id}-other") == []


async def test_two_bodies_at_once_under_one_id_have_one_effect(effect: Effect, pair: Pair) -> None:
    changes: list[Json] = [{}, pair.other] * 5
    answers = await asyncio.gather(*(effect.do(**change) for change in changes))
    done = {index % 2 for index, answer in enumerate(answers) if answer.status == pair.done}
    assert len(done) == 1
    lost = answers[1 - done.pop() :: 2]
    assert {answer.type for answer in lost} == {"IdempotencyMismatch"}
    assert await pair.states(effect.api, effect.order_id) == [pair.live]


async def test_a_refusal_is_stored_and_repeated(effect: Effect, pair: Pair) -> None:
    first = await effect.do(**pair.refused)
    assert (first.status, first.type) == pair.refusal
    assert await effect.do(**pair.refused) == first
    await effect.has(pair.refused_state)


async def test_another_body_after_a_refusal_is_a_mismatch(effect: Effect, pair: Pair) -> None:
    await effect.do(**pair.refused)
    answer = await effect.do()
    assert (answer.status, answer.type) == (422, "IdempotencyMismatch")
    await effect.has(pair.refused_state)


async def test_twenty_refusals_at_once_are_one(effect: Effect, pair: Pair) -> None:
    answers = await asyncio.gather(*(effect.do(**pair.refused) for _ in range(20)))
    assert (answers[0].status, answers[0].type) == pair.refusal
    assert answers == [answers[0]] * 20
    await effect.has(pair.refused_state)


async def test_an_undo_undoes_and_fences_a_late_original(effect: Effect, pair: Pair) -> None:
    await effect.do()
    assert await effect.undo() == pair.undone_answer
    await effect.has(pair.undone)
    await fenced(effect, pair.undone)


async def test_an_undo_twice_undoes_once(effect: Effect, pair: Pair) -> None:
    await effect.do()
    assert await effect.undo() == pair.undone_answer
    books = await effect.books()
    assert await effect.undo() == pair.undone_answer
    assert await effect.books() == books


async def test_twenty_undos_at_once_undo_once(effect: Effect, pair: Pair) -> None:
    await effect.do()
    assert await asyncio.gather(*(effect.undo() for _ in range(20))) == [pair.undone_answer] * 20
    await effect.has(pair.undone)


async def test_an_undo_before_its_do_leaves_a_tombstone(effect: Effect, pair: Pair) -> None:
    assert await effect.undo() == pair.nothing_answer
    assert await effect.undo() == pair.nothing_answer
    await effect.has()
    await fenced(effect)
    assert await effect.undo() == pair.nothing_answer


async def test_a_refused_do_has_nothing_to_undo_and_is_fenced_after_it(effect: Effect, pair: Pair) -> None:
    await effect.do(**pair.refused)
    assert await effect.undo() == pair.nothing_answer
    assert await effect.undo() == pair.nothing_answer
    await effect.has(pair.refused_state)
    await fenced(effect, pair.refused_state, **pair.refused)


async def test_a_do_and_its_undo_at_once_leave_nothing_live(effect: Effect, pair: Pair) -> None:
    dos = [effect.do() for _ in range(10)]
    undos = [effect.undo() for _ in range(10)]
    answers = await asyncio.gather(*(call for both in zip(dos, undos, strict=True) for call in both))
    assert {answer.status for answer in answers[::2]} <= {pair.done, 410}
    assert set(map(str, answers[1::2])) in ({str(pair.undone_answer)}, {str(pair.nothing_answer)})
    assert await pair.states(effect.api, effect.order_id) in ([], [pair.undone])
    await fenced(effect, *await pair.states(effect.api, effect.order_id))


async def fenced(effect: Effect, *states: str, **changes: Any) -> None:
    """Fail unless the do, and another do with its id, are rejected and change nothing."""
    books = await effect.books()
    for change in (changes, effect.pair.other, effect.pair.refused):
        late = await effect.do(**change)
        assert (late.status, late.type) == (410, "Fenced")
    assert await effect.books() == books
    await effect.has(*states)


ADA, BOB = "1-ada", "1-bob"
STRANGERS = [BOB, None]


async def is_kept_from(effect: Effect, stranger: str | None, *states: str) -> None:
    """Fail unless another owner is rejected, both ways, and changes nothing."""
    books = await effect.books()
    for answer in (await effect.do(owner=stranger), await effect.undo(stranger)):
        assert (answer.status, answer.type) == (409, "NotYours")
    assert await effect.books() == books
    await effect.has(*states)


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_an_effect_is_its_owners_alone(effect: Effect, pair: Pair, stranger: str | None) -> None:
    first = await effect.do(owner=ADA)
    assert first.status == pair.done
    await is_kept_from(effect, stranger, pair.live)
    assert await effect.do(owner=ADA) == first
    assert await effect.undo(ADA) == pair.undone_answer
    await is_kept_from(effect, stranger, pair.undone)
    assert await effect.undo(ADA) == pair.undone_answer


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_tombstone_is_its_owners_alone(effect: Effect, pair: Pair, stranger: str | None) -> None:
    assert await effect.undo(ADA) == pair.nothing_answer
    await is_kept_from(effect, stranger)
    assert (await effect.do(owner=ADA)).type == "Fenced"


async def test_concurrent_calls_of_the_owner_and_others_have_one_effect(effect: Effect, pair: Pair) -> None:
    answers = await asyncio.gather(*(effect.do(owner=owner) for owner in (ADA, BOB) * 5))
    won = {owner for owner, answer in zip((ADA, BOB) * 5, answers, strict=True) if answer.status == pair.done}
    assert len(won) == 1
    assert {answer.type for answer in answers} == {None, "NotYours"}
    await effect.has(pair.live)


async def test_an_owners_request_with_other_texts_gets_the_same_answer(effect: Effect, pair: Pair) -> None:
    text: dict[str, Json] = {"notification": {"data": {"new": "text"}}, "payment": {"idempotency_key": "another"}}
    first = await effect.do(owner=ADA)
    books = await effect.books()
    assert await effect.do(owner=ADA, **text.get(pair.service, {"order_id": "renamed"})) == first
    assert await effect.books() == books
    answer = await effect.do(owner=ADA, **pair.other)
    assert (answer.status, answer.type) == (422, "IdempotencyMismatch")
    assert await effect.books() == books


async def test_an_effect_without_owner_may_be_repeated_and_undone_by_anybody(effect: Effect, pair: Pair) -> None:
    first = await effect.do()
    assert await effect.do(owner=ADA) == first
    assert (await effect.do(owner=ADA, order_id="another")).type == "IdempotencyMismatch"
    assert await effect.undo(ADA) == pair.undone_answer


@pytest.mark.parametrize("service_pair", PAIRS, ids=[pair.service for pair in PAIRS])
async def test_an_id_is_one_services_alone(api: Api, order_id: str, service_pair: Pair) -> None:
    """The same id in another service names another effect."""
    await api.load(**{sku_of(order_id): LOADED})
    for other in PAIRS:
        assert (await other.do(api, order_id, **{other.key: f"same-{order_id}"})).status == other.done
    method, path, body = service_pair.undo(f"same-{order_id}")
    assert await api.ask(method, f"/{service_pair.service}{path}", body) == service_pair.undone_answer
    for other in PAIRS:
        expected = other.undone if other is service_pair else other.live
        assert await other.states(api, order_id) == [expected]


async def test_a_stored_shortage_is_repeated_although_stock_has_come(api: Api, order_id: str) -> None:
    first = await INVENTORY.do(api, order_id)
    assert first.type == "InsufficientInventory"
    await api.load(**{sku_of(order_id): LOADED})
    assert await INVENTORY.do(api, order_id) == first
    assert (await api.stock(sku_of(order_id)))["on_hand"] == LOADED
