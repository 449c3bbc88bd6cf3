"""A database server that stops in the middle of everything and returns: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.services.api import Api, Away
from tests.services.conftest import stock_balances
from tests.services.harness import serving
from tests.services.mail import Mailbox, mail_server
from tests.services.pairs import NOTIFICATION, PAIRS, sku_of
from tests.services.postgres import Postgres
from tests.services.test_mail import reaches, settled, until
from tests.services.test_restart import Answers, asked_again, books_have, names, run_burst, undone

TIMES = 2


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that only this module uses, so that it can be stopped."""
    with Postgres.running() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for this test only."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
async def test_a_restart_in_the_middle_of_a_burst(
    server: Postgres, client: aiohttp.ClientSession, how: signal.Signals
) -> None:
    async with serving(server.new_database()) as url:
        api = Api(client, url, patient=True)
        await api.load(**{sku_of(name): 5 for name in names()})
        answered: Answers = {}
        burst = asyncio.create_task(run_burst(api, answered))
        for time in range(TIMES):
            while len(answered) <= 40 * time:
                await asyncio.sleep(0.01)
            assert not burst.done(), "the burst was over too soon"
            await asyncio.to_thread(server.stop, how)
            missed = api.aways
            while api.aways == missed:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.start)
        await burst
        assert len(answered) == len(PAIRS) * (len(names()) + sum(map(undone, names())))
        await stock_balances(api)
        await books_have(api, answered)
        await asked_again(api, answered)
        await stock_balances(api)


async def test_the_health_check_reports_it(server: Postgres, client: aiohttp.ClientSession) -> None:
    async with serving(server.new_database(), only=["payment", "inventory"]) as url:
        api = Api(client, url)
        await asyncio.to_thread(server.stop)
        for path in ("/healthz", "/payment/healthz", "/payment/payments", "/inventory/stock"):
            with pytest.raises(Away, match=r"does not answer\. The request had no effect"):
                await api.get(path)
        await asyncio.to_thread(server.start)
        for path in ("/healthz", "/payment/healthz", "/payment/payments", "/inventory/stock"):
            assert (await api.get(path)).status == 200


async def test_what_became_of_an_email_is_written_when_the_database_is_back(
    server: Postgres, client: aiohttp.ClientSession
) -> None:
    under_way, go = asyncio.Event(), asyncio.Event()

    async def hold(_: Mailbox) -> str:
        under_way.set()
        await go.wait()
        return "250 OK"

    mailbox = Mailbox(hold)
    async with (
        mail_server(mailbox) as port,
        serving(server.new_database(), f"smtp://127.0.0.1:{port}", ["notification"]) as url,
    ):
        api = Api(client, url, patient=True)
        await NOTIFICATION.do(api, "m1")
        await asyncio.wait_for(under_way.wait(), 20)
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        go.set()
        await until(lambda: _is(len(mailbox.mails) == 1))
        await asyncio.to_thread(server.start)
        await reaches(api, "m1", "sent")
        await settled(api, mailbox)
    assert len(mailbox.mails) == 1


async def _is(condition: bool) -> bool:
    return condition
