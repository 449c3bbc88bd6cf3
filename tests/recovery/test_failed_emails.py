"""An email that was accepted and rejected later (fault 20): the order has ended, and is on the worklist anyway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision
from ordersaga.orders.client import OrderClient
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, load_settings
from tests.recovery.test_watcher import one_round
from tests.services.harness import serving
from tests.services.mail import Mailbox, mail_server
from tests.workflow.environment import OrderEnvironment, until


async def refuse(_: Mailbox) -> str:
    return "550 no such user"


@dataclass
class MailEnvironment:
    """An environment whose emails go to this mailbox."""

    env: OrderEnvironment
    mailbox: Mailbox

    async def bounced(self, order_id: str) -> None:
        """An order that has completed and whose email is rejected afterwards."""
        self.mailbox.verdict = refuse
        order = await self.env.order(order_id, email="ada@example.com")
        assert (await self.env.orders.place_order(order)).status is OrderStatus.COMPLETED
        await self.is_mail(order_id, "failed")

    async def is_mail(self, order_id: str, state: str) -> None:
        async def check() -> bool:
            return (await self.env.books(order_id))[-1] == state

        await until(check)

    async def waiting(self) -> dict[str, Attention]:
        return {item.order_id: item.attention for item in await self.env.orders.worklist()}


@pytest.fixture
async def mail_env(temporal: Client, tmp_path: Path, order_id: str) -> AsyncIterator[MailEnvironment]:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port, serving(tmp_path, f"smtp://127.0.0.1:{port}") as url:
        urls = {f"{name}_url": f"{url}/{name}" for name in SERVICES}
        settings = load_settings(task_queue=f"post-{order_id}", **urls)
        orders = OrderClient(temporal, settings)
        async with order_worker(temporal, settings), OrderEnvironment.open(orders, settings) as env:
            yield MailEnvironment(env, mailbox)


async def test_an_email_that_bounces_is_on_the_worklist_and_is_sent_again_when_a_person_decides(
    mail_env: MailEnvironment, order_id: str
) -> None:
    await mail_env.bounced(order_id)

    assert order_id in (await one_round(mail_env.env.orders, f"{order_id}-1")).unsent
    assert await mail_env.waiting() == {order_id: Attention.MAIL_NOT_SENT}
    assert (await one_round(mail_env.env.orders, f"{order_id}-2")).unsent == [], "it is there already"

    mail_env.mailbox.verdict = Mailbox().verdict
    await mail_env.env.orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))
    await mail_env.is_mail(order_id, "sent")
    assert await mail_env.waiting() == {}
    assert (await one_round(mail_env.env.orders, f"{order_id}-3")).unsent == []
    assert [mail["To"] for mail in mail_env.mailbox.mails] == ["ada@example.com"]


async def test_an_email_that_bounces_again_is_on_the_worklist_again(mail_env: MailEnvironment, order_id: str) -> None:
    await mail_env.bounced(order_id)
    await one_round(mail_env.env.orders, f"{order_id}-1")
    seen = mail_env.mailbox.data
    await mail_env.env.orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))

    async def refused_again() -> bool:
        return mail_env.mailbox.data > seen

    await until(refused_again)
    await mail_env.is_mail(order_id, "failed")
    assert (await one_round(mail_env.env.orders, f"{order_id}-2")).unsent == [order_id]


async def test_what_a_person_has_sent_by_hand_is_recorded(mail_env: MailEnvironment, order_id: str) -> None:
    await mail_env.bounced(order_id)
    await one_round(mail_env.env.orders, f"{order_id}-1")
    await mail_env.env.orders.resolve(order_id, OrderDecision(choice="done_by_hand", by="Ada", note="by telephone"))

    assert await mail_env.waiting() == {}
    assert (await one_round(mail_env.env.orders, f"{order_id}-2")).unsent == []
    assert (await mail_env.env.orders.get_order_status(order_id)) is OrderStatus.COMPLETED
