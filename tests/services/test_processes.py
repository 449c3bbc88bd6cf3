"""Several processes of the services on one database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from tests.services.api import Answer, Api
from tests.services.conftest import stock_balances
from tests.services.harness import Database, mortal
from tests.services.mail import Mailbox, mail_server
from tests.services.pairs import INVENTORY, PAIRS, Pair, sku_of
from tests.services.test_mail import until

DATABASES = ["postgresql"]  # SQLite's files belong to one process
ORDERS = 25
AT_ONCE = 12


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for this test only, whose connections may break."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


async def test_two_processes_do_everything_once_also_when_one_is_killed(
    books: Database, client: aiohttp.ClientSession
) -> None:
    """Each call goes to both at the same time. They start together on an empty database."""
    mailbox = Mailbox()
    async with AsyncExitStack() as stack:
        smtp = f"smtp://127.0.0.1:{await stack.enter_async_context(mail_server(mailbox))}"
        starting = [stack.enter_async_context(mortal(books, smtp)) for _ in range(2)]
        (url, _), (doomed_url, doomed) = await asyncio.gather(*starting)
        both = Api(client, url), Api(client, doomed_url)
        await both[0].load(**{sku_of(f"o{n}"): 2 for n in range(ORDERS)}, few=ORDERS // 2)
        burst = asyncio.create_task(_burst(both))
        await until(lambda: _is(mailbox.data > ORDERS // 4))
        assert not burst.done(), "the kill came too late to cut anything off"
        doomed.kill()
        await burst
        await _books_are_right(both[0], mailbox)


async def _burst(both: tuple[Api, Api]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def order(pair: Pair, number: int) -> None:
        name = f"o{number}"
        async with gate:
            await _same(*[pair.do(api, name) for api in both])
            if number % 2:
                await _same(*[pair.undo_it(api, name) for api in both])

    async def scarce(number: int) -> None:
        async with gate:
            items = [{"sku": "few", "qty": 1}]
            await _same(*[INVENTORY.do(api, f"few{number}", items=items) for api in both])

    await asyncio.gather(
        *(order(pair, number) for number in range(ORDERS) for pair in PAIRS), *(scarce(n) for n in range(ORDERS))
    )


async def _same(*asked: Coroutine[Any, Any, Answer]) -> None:
    """Check that both answers are the same, if there are two. The process that stays always answers."""
    stays, doomed = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(stays, Answer), stays
    if isinstance(doomed, BaseException):
        assert isinstance(doomed, aiohttp.ClientError | ConnectionError), doomed
    else:
        assert doomed == stays


async def _books_are_right(api: Api, mailbox: Mailbox) -> None:
    await stock_balances(api)
    assert (await api.stock("few"))["on_hand"] == 0
    for pair in PAIRS[:3]:
        for number in range(ORDERS):
            assert await pair.states(api, f"o{number}") == [pair.undone if number % 2 else pair.live]

    async def nothing_waits() -> bool:
        return all(entry["state"] != "queued" for entry in await api.books("/notification/notifications"))

    await until(nothing_waits)
    handed_over = Counter(mail["Message-ID"] for mail in mailbox.mails)
    assert set(handed_over.values()) == {1}, handed_over
    for entry in await api.books("/notification/notifications"):
        assert handed_over[f"<{entry['message_id']}@localhost>"] == 1 or entry["state"] in ("recalled", "failed"), entry


async def _is(condition: bool) -> bool:
    return condition
