"""The services' data outlasts the process: a restart, and a kill -9 in the middle of a burst."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.services.api import Answer, Api
from tests.services.conftest import stock_balances
from tests.services.harness import Database, mortal, serving
from tests.services.pairs import PAIRS, Pair, sku_of
from tests.services.test_bad_bodies import all_books

ORDERS = 60
AT_ONCE = 16
Answers = dict[tuple[str, str, str], Answer]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for this test only, whose connections may break."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


async def test_a_restart_keeps_books_and_fences(books: Database, client: aiohttp.ClientSession) -> None:
    async def everything(api: Api) -> list[Answer]:
        answers = []
        for pair in PAIRS:
            answers += [await pair.do(api, "done"), await pair.do(api, "refused", **pair.refused)]
            answers += [await pair.undo_it(api, "undone"), await pair.do(api, "undone")]
        return answers

    async with serving(books) as url:
        api = Api(client, url)
        await api.load(**{sku_of("done"): 5, sku_of("undone"): 5})
        answers = await everything(api)
        message = await all_books(api)
    async with serving(books) as url:
        api = Api(client, url)
        assert await all_books(api) == message
        assert await everything(api) == answers
        assert await all_books(api) == message
        await stock_balances(api)


async def test_every_answer_given_before_a_kill_is_true_after_it(
    books: Database, client: aiohttp.ClientSession
) -> None:
    async with mortal(books) as (url, process):
        api = Api(client, url)
        await api.load(**{sku_of(name): 5 for name in names()})
        answered: Answers = {}
        burst = asyncio.create_task(run_burst(api, answered))
        while len(answered) < ORDERS:
            assert not burst.done(), "the burst was over before the kill"
            await asyncio.sleep(0.001)
        process.kill()
        await process.wait()
        await burst
    assert len(answered) < ORDERS * len(PAIRS) * 1.5, "the kill came too late to cut anything off"
    async with serving(books) as url:
        api = Api(client, url)
        await stock_balances(api)
        await books_have(api, answered)
        await asked_again(api, answered)
        await stock_balances(api)


def names() -> list[str]:
    """The burst's order ids."""
    return [f"k{n}" for n in range(ORDERS)]


async def run_burst(api: Api, answered: Answers) -> None:
    """Do everything for all orders and undo every second one, concurrently, until the services are gone."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def order(name: str, pair: Pair) -> None:
        async with gate:
            try:
                answered[pair.service, "do", name] = await pair.do(api, name)
                if undone(name):
                    answered[pair.service, "undo", name] = await pair.undo_it(api, name)
            except (aiohttp.ClientError, ConnectionError):
                return

    await asyncio.gather(*(order(name, pair) for name in names() for pair in PAIRS))


def undone(name: str) -> bool:
    """Whether the burst undoes this order."""
    return int(name[1:]) % 2 == 1


async def books_have(api: Api, answered: Answers) -> None:
    """Check the records: what was answered is there; what was not is there once or not at all."""
    for pair in PAIRS:
        rows = await api.books(f"/{pair.service}{pair.collection}")
        states = {row["order_id"]: row["state"] for row in rows}
        assert len(rows) == len(states)
        for name in names():
            if (pair.service, "undo", name) in answered:
                assert states[name] == pair.undone
            elif (pair.service, "do", name) in answered:
                assert states[name] in ({pair.live, pair.undone} if undone(name) else {pair.live})


async def asked_again(api: Api, answered: Answers) -> None:
    """Repeat all requests: answered ones get the same answer, and the others are done now."""
    for pair in PAIRS:
        for name in names():
            undo = answered.get((pair.service, "undo", name))
            answer = await (pair.do(api, name) if undo is None else pair.undo_it(api, name))
            known = undo or answered.get((pair.service, "do", name))
            if known and not (undone(name) and answer.type == "Fenced"):
                assert answer == known
            else:
                assert answer.status in (pair.done, 410)
