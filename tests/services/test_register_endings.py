"""How an order may end: every short sequence of calls compared with a model, and concurrent calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import product

import pytest

from ordersaga.contracts.register import ClaimRequest, EndingRequest, ForwardRequest, Standing, UnwindRequest
from ordersaga.domain.errors import Fenced, NotFound
from ordersaga.domain.result import OrderStatus
from ordersaga.services.kit.answer import Answer
from ordersaga.services.kit.store import Store
from ordersaga.services.main import store_of
from ordersaga.services.register import arbiter
from tests.services.harness import Database, url_of
from tests.services.test_register import OWNER, claim, ending

VERBS = ("unwind", "forward", "completed", "failed", "cancelled")
LENGTH = 4
AT_ONCE = 40
Call = Callable[[Store, str], Awaitable[Answer]]


def call_of(verb: str, run_id: str = "run-1") -> Call:
    """The request of this call for an order."""
    if verb == "claim":
        work = partial(arbiter.claim, request=ClaimRequest.model_validate(claim()))
    elif verb == "unwind":
        work = partial(arbiter.unwind, request=UnwindRequest(owner=OWNER))
    elif verb == "forward":
        work = partial(arbiter.forward, request=ForwardRequest(owner=OWNER))
    else:
        work = partial(arbiter.end, request=EndingRequest.model_validate(ending(verb, run_id=run_id)))
    return lambda store, order_id: store.write(partial(work, order_id=order_id))


async def outcome(call: Call, store: Store, order_id: str) -> tuple[int, Standing | None]:
    """The status of the answer, and the standing in it."""
    try:
        answer = await call(store, order_id)
    except (Fenced, NotFound) as no:
        return no.http_status, None
    return answer.status, Standing.model_validate_json(answer.body)


class Model:
    """The model of the register."""

    def __init__(self) -> None:
        self.state = "open"
        self.ending: str | None = None

    def call(self, verb: str) -> int:
        """Make a call; returns the status of its answer."""
        if self.ending is not None:
            return 410 if verb == "forward" and self.state == "undone" else 200
        if verb == "unwind":
            self.state = "unwinding" if self.state == "open" else self.state
            return 200
        if verb == "forward":
            self.state = "forward"
            return 200
        if self.state == ("unwinding" if verb == "completed" else "forward"):
            return 410
        self.state, self.ending = ("completed" if verb == "completed" else "undone"), verb
        return 201


@pytest.fixture
async def stores(books: Database) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores on the same database, if it can be shared."""
    first, second = store_of("register", url_of(books)), store_of("register", url_of(books))
    first.migrate()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.lifespan())
        if first.is_shared:
            await stack.enter_async_context(second.lifespan())
        yield first, second if first.is_shared else first


async def test_every_sequence_of_calls_matches_the_model(stores: tuple[Store, Store]) -> None:
    async def sequence(number: int, verbs: tuple[str, ...]) -> None:
        model, order_id = Model(), f"sequence-{number}"
        assert (await outcome(call_of("claim"), stores[0], order_id))[0] == 201
        for step, verb in enumerate(verbs):
            status, standing = await outcome(call_of(verb, f"run-{step}"), stores[step % 2], order_id)
            assert status == model.call(verb), (verbs, step)
            if standing:
                assert standing.state == model.state, (verbs, step)
                assert (standing.ending and standing.ending.status) == model.ending, (verbs, step)
            _, claimed = await outcome(call_of("claim"), stores[1], order_id)
            assert claimed
            assert (claimed.state, claimed.ending and claimed.ending.status) == (model.state, model.ending)

    sequences = list(enumerate(product(VERBS, repeat=LENGTH)))
    for begin in range(0, len(sequences), AT_ONCE):
        await asyncio.gather(*(sequence(*each) for each in sequences[begin : begin + AT_ONCE]))


async def test_nothing_but_a_claim_makes_an_order(stores: tuple[Store, Store]) -> None:
    for verb in VERBS:
        assert await outcome(call_of(verb), stores[0], "unknown") == (404, None)


async def test_of_an_unwind_and_a_completion_at_once_exactly_one_wins(stores: tuple[Store, Store]) -> None:
    for number in range(AT_ONCE):
        order_id = f"race-{number}"
        await outcome(call_of("claim"), stores[0], order_id)
        calls = [(call_of("completed"), stores[0]), (call_of("unwind"), stores[1])]
        both = [outcome(call, store, order_id) for call, store in (calls if number % 2 else reversed(calls))]
        found = await asyncio.gather(*both)
        (closed, _), (_, unwound) = found if number % 2 else reversed(found)
        assert unwound
        assert (closed, unwound.state) in {(201, "completed"), (410, "unwinding")}


async def test_of_many_endings_at_once_one_counts_for_all(stores: tuple[Store, Store]) -> None:
    for number in range(AT_ONCE // 4):
        order_id, verbs = f"many-{number}", ["completed", "failed", "cancelled"] * 4
        await outcome(call_of("claim"), stores[0], order_id)
        found = await asyncio.gather(
            *(outcome(call_of(verb, f"run-{n}"), stores[n % 2], order_id) for n, verb in enumerate(verbs))
        )
        assert sorted(status for status, _ in found) == [200] * (len(verbs) - 1) + [201]
        assert len({standing.ending.model_dump_json() for _, standing in found if standing and standing.ending}) == 1


async def test_a_completion_that_meets_the_way_forward_is_decided(stores: tuple[Store, Store]) -> None:
    """Whether it is rejected or written depends on which is first, but it is always decided."""
    for number in range(AT_ONCE):
        order_id = f"forward-{number}"
        for verb in ("claim", "unwind"):
            await outcome(call_of(verb), stores[0], order_id)
        (closed, _), (moved, _) = await asyncio.gather(
            outcome(call_of("completed"), stores[0], order_id), outcome(call_of("forward"), stores[1], order_id)
        )
        assert (closed, moved) in {(201, 200), (410, 200)}
        _, standing = await outcome(call_of("completed"), stores[1], order_id)
        assert standing
        assert standing.ending
        assert standing.ending.status is OrderStatus.COMPLETED
