"""An order whose confirmation could not be sent, and the actions on its page."""

from __future__ import annotations

from temporalio.client import Client

from ordersaga.orders.client import OrderClient
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import serving
from tests.dashboard.browsing import Browser, forms_of, words_of
from tests.workflow.environment import OrderEnvironment, until

IMPATIENT = {"http_timeout": 1, "step_deadline": 1, "undo_patience": 1, "fast_path": 1}
STEP = "send_confirmation"


async def test_an_email_that_was_not_sent_can_be_written_off(
    temporal: Client, settings: Settings, address: str, services_url: str, env: OrderEnvironment, order_id: str
) -> None:
    order = await env.order(order_id, policy=IMPATIENT)
    async with FaultProxy(services_url, [Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None)]) as proxy:
        urls = {f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES}
        there = settings.model_copy(update={"task_queue": "dashboard-mail", **urls})
        async with order_worker(temporal, there), serving(there, target_host=address) as api:
            await OrderClient(temporal, there).place_order(order)
            browser = Browser(api)

            async def offered() -> bool:
                return bool(forms_of((await browser.get(f"/orders/{order_id}")).text))

            await until(offered)
            page = (await browser.get(f"/orders/{order_id}")).text
            assert forms_of(page) == [f"decide-{STEP}-{choice}" for choice in ("retry", "done_by_hand", "write_off")]
            assert "The confirmation was not sent." in page
            assert "Email not sent" in words_of((await browser.get("/worklist")).text)

            fields = {
                "form": f"decide-{STEP}-write_off",
                "choice": "write_off",
                "step": STEP,
                "by": "Ada",
                "note": "old",
            }
            answer = await browser.post(f"/orders/{order_id}/decisions", fields)
            assert answer.headers["location"] == f"/orders/{order_id}?flash=decided"

            async def recovered() -> bool:
                page = (await browser.get(f"/orders/{order_id}")).text
                return not forms_of(page) and "Written off by Ada: old" in words_of(page)

            await until(recovered)
