"""Lists of orders over HTTP: content, time, order, filters, access; and the same as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.converter import DataConverter, PayloadCodec

from ordersaga.contracts.common import Page
from ordersaga.contracts.register import Attention as Reported
from ordersaga.contracts.register import EndingRequest, OrderEntry, OrderFilters, ProgressRequest
from ordersaga.domain.errors import ServiceUnavailable
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, Recovery
from ordersaga.orders.recovery.recoveries import start_recovery
from ordersaga.orders.register import csv_file, orders
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from tests.api.harness import Api, serving, wire
from tests.workflow.environment import OrderEnvironment, until

SECONDS = 10.0
DECLINED = "pm_card_chargeDeclined"
INSIDE = "payment at 10.0.0.1 answered 500"


async def ids(api: Api, query: str) -> list[str]:
    answer = await api.get(f"/v1/orders?{query}")
    assert answer.status == 200, answer.text
    return [item["order_id"] for item in answer.json["items"]]


async def rows(api: Api, query: str) -> list[dict[str, str]]:
    answer = await api.get(f"/v1/orders.csv?{query}")
    assert answer.status == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


async def accept(env: OrderEnvironment, order_id: str, **changes: Any) -> OrderInput:
    """Create an order that only the register has: it is accepted, but Temporal does not know it."""
    order = await env.order(order_id, **changes)
    await env.orders.register.accept(order, "nobody")
    return order


async def test_an_order_is_first_on_the_list_as_soon_as_it_is_placed(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    placed: list[str] = []
    for number in range(3):
        order = await env.order(f"{order_id}-{number}", policy={"hold_before_shipping": 300} if number == 1 else None)
        await api.place(wire(order))
        placed.insert(0, order.order_id)
        assert await ids(api, f"search={order_id}-") == placed
        assert (await ids(api, "limit=1"))[0] == order.order_id
    await api.post(f"/v1/orders/{order_id}-1/cancel")


async def test_how_an_order_ended_is_listed_as_soon_as_that_is_known(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    order = wire(await env.order(order_id, payment_method_id=DECLINED))
    placed = asyncio.create_task(api.place(order, Prefer="wait=20"))
    while not placed.done():  # another reader reads meanwhile, and the result is shared for a second
        await ids(api, f"search={order_id}")
    assert (await placed).json["status"] == "failed"
    (item,) = (await api.get(f"/v1/orders?search={order_id}")).json["items"]
    assert (item["status"], item["refusal"], item["amount"]) == ("failed", "PaymentDeclined", "44.98")
    assert "declined" in item["error"]
    assert item["closed_at"] > item["started_at"]


async def test_orders_are_found_by_what_is_known_of_them(api: Api, env: OrderEnvironment, order_id: str) -> None:
    mail = f"{order_id}+shop@example.com"
    dollars = await env.order(f"{order_id}-usd", email=mail)
    yen = await env.order(f"{order_id}-yen", email=mail, currency="JPY", items=[{**item(dollars), "price": "45"}])
    for order in (dollars, yen):
        assert (await api.place(wire(order), Prefer="wait=20")).json["status"] == "completed"
    of_both, of_theirs = f"email={quote(mail)}", f"&email={quote(mail)}"
    tracking = (await api.get(f"/v1/orders/{order_id}-usd")).json["tracking_number"]
    both, only_dollars, only_yen = [yen.order_id, dollars.order_id], [dollars.order_id], [yen.order_id]

    assert await ids(api, of_both) == both
    assert await ids(api, f"tracking_number={tracking}") == only_dollars
    assert await ids(api, f"sku={order_id}-usd-a") == both
    assert await ids(api, f"sku={order_id}-usd-b") == only_dollars
    assert await ids(api, "currency=jpy" + of_theirs) == only_yen
    assert await ids(api, "currency=USD&min_amount=44.98&max_amount=44.98" + of_theirs) == only_dollars
    assert await ids(api, "currency=USD&min_amount=44.99" + of_theirs) == []
    assert await ids(api, "currency=USD&max_amount=44.97" + of_theirs) == []
    assert await ids(api, "currency=JPY&min_amount=1" + of_theirs) == only_yen
    assert await ids(api, "needs_attention=false" + of_theirs) == both
    assert await ids(api, "needs_attention=true" + of_theirs) == []
    placed = (await api.get(f"/v1/orders?{of_both}")).json["items"][1]["started_at"]
    assert await ids(api, f"placed_after={placed}" + of_theirs) == both
    assert await ids(api, f"placed_before={placed}" + of_theirs) == []


def item(order: OrderInput) -> dict[str, Any]:
    return order.items[0].model_dump() | {"quantity": 1}


async def test_what_runs_report_is_what_a_list_is_filtered_by(api: Api, env: OrderEnvironment, order_id: str) -> None:
    order = await accept(env, order_id)
    assert await ids(api, f"search={order_id}&status=processing") == [order_id]
    assert await ids(api, f"search={order_id}&status=pending") == [], "it is not told apart from processing"
    attention = Reported(kind="undo", amount_at_risk="44.98", since="2026-03-01T12:00:00Z")
    for number, status in enumerate((OrderStatus.COMPENSATING, OrderStatus.NEEDS_ATTENTION)):
        needed = attention if status is OrderStatus.NEEDS_ATTENTION else None
        report = ProgressRequest(owner=order.fingerprint, run_id="r", number=number, status=status, attention=needed)
        async with env.orders.register.client() as register:
            await register.progress(order_id, report, SECONDS)
        assert await ids(api, f"search={order_id}&status={status}") == [order_id]
        assert await ids(api, f"search={order_id}&needs_attention={str(needed is not None).lower()}") == [order_id]


async def test_an_order_that_was_cut_off_is_found_by_how_it_is_recovered(
    api: Api, env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    order = await env.order(order_id, policy={"hold_before_shipping": 300})
    await api.place(wire(order))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    async def found_as(status: OrderStatus) -> bool:
        by_status = {each for each in OrderStatus if order_id in await ids(api, f"search={order_id}&status={each}")}
        return by_status == {status}

    await until(charged)
    assert await found_as(OrderStatus.PROCESSING)
    await temporal.get_workflow_handle(f"order-{order_id}").terminate()
    recovery = Recovery(order=order, cause=Attention.CUT_OFF, because="its run was cut off (terminated)")
    queue = env.orders.settings.task_queue
    await (await start_recovery(temporal, queue, recovery, WorkflowIDReusePolicy.ALLOW_DUPLICATE)).result()
    await until(lambda: found_as(OrderStatus.FAILED))


async def test_what_temporal_has_forgotten_is_listed_all_the_same(
    settings: Settings, api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id)), Prefer="wait=20")
    async with temporal_server() as empty, serving(settings, target_host=empty) as later:
        (found,) = (await later.get(f"/v1/orders?search={order_id}")).json["items"]
        (row,) = await rows(later, f"search={order_id}")
    assert (found["status"], found["customer_id"], found["amount"]) == ("completed", "customer-1", "44.98")
    assert found["tracking_number"] == row["tracking_number"] != ""


class Sealed(PayloadCodec):
    """A codec that only its own users can decode."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata={"encoding": b"binary/sealed"}, data=each.SerializeToString()) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(each.data) for each in payloads]


async def test_an_order_that_cannot_be_decoded_is_shown_with_what_is_known(
    api: Api, temporal: Client, address: str, order_id: str
) -> None:
    sealed = await Client.connect(address, data_converter=DataConverter(payload_codec=Sealed()))
    for name, client in (("sealed", sealed), ("strange", temporal)):
        await client.start_workflow(
            "OrderSagaWorkflow", {"what": 1}, id=f"order-{order_id}-{name}", task_queue="nobody", memo={"amount": [1]}
        )
        path = f"/v1/orders/{order_id}-{name}"

        async def known(path: str = path) -> Any:
            answer = await api.get(path)
            return answer.json if answer.status == 200 else None  # on a loaded machine, the answer may be to try again

        found = await until(known)
        assert (found["status"], found["items"], found["live"]) == ("processing", None, False)
    assert await ids(api, f"search={order_id}") == [], "nobody has accepted it"


# -- as CSV


async def test_all_of_a_list_is_exported(
    api: Api, env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "_CHUNK", 2)
    names = [f"{order_id}-{number}" for number in range(5)]
    for name in names:
        await accept(env, name, customer_id='=1+1,"O', email="ada@example.com")
    answer = await api.get(f"/v1/orders.csv?search={order_id}-")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert answer.text.count("\r\n") == 1 + len(names)
    found = await rows(api, f"search={order_id}-")
    assert [row["order_id"] for row in found] == names[::-1]
    placed = {row.pop("accepted_at") for row in found}
    assert len(placed) == len(names)
    assert {tuple(row.items())[1:] for row in found} == {
        (
            *(("status", "processing"), ("customer_id", "'=1+1,\"O"), ("email", "ada@example.com")),
            *(("amount", "44.98"), ("currency", "USD"), ("ended_at", "")),
            *(("tracking_number", ""), ("refusal", ""), ("error", "")),
        )
    }
    assert await rows(api, f"search={order_id}-&status=failed") == []


async def test_an_export_is_the_callers_own(guarded: dict[str, Api], env: OrderEnvironment, order_id: str) -> None:
    for name in ("ada", "bob"):
        await accept(env, f"{order_id}-{name}", customer_id=name)
    query = f"search={order_id}-"
    for name in ("ada", "bob"):
        assert [row["order_id"] for row in await rows(guarded[name], query)] == [f"{order_id}-{name}"]
    assert len(await rows(guarded["reader"], query)) == 2
    for path in ("/v1/orders", "/v1/orders.csv"):
        (await guarded["bob"].get(f"{path}?customer_id=ada")).problem(403, "Forbidden")
        (await guarded["bob"].get(f"{path}?needs_attention=true")).problem(403, "Forbidden")


async def test_a_customer_does_not_see_internal_errors(
    guarded: dict[str, Api], env: OrderEnvironment, order_id: str
) -> None:
    for name, refusal in (("refused", "PaymentDeclined"), ("broken", None)):
        order = await accept(env, f"{order_id}-{name}", customer_id="ada")
        result = {"order_id": order.order_id, "status": "failed", "refusal": refusal, "error": INSIDE}
        ending = EndingRequest(owner=order.fingerprint, status=OrderStatus.FAILED, result=result, run_id="r")
        async with env.orders.register.client() as register:
            await register.close(order.order_id, ending, SECONDS)
    query = f"search={order_id}-"
    hidden = "An internal error occurred."
    for name, errors in (("shop", [INSIDE, INSIDE]), ("ada", [hidden, INSIDE])):
        listed = (await guarded[name].get(f"/v1/orders?{query}")).json["items"]
        assert [each["error"] for each in listed] == errors
        assert [each["error"] for each in await rows(guarded[name], query)] == errors


async def test_an_export_that_breaks_off_does_not_look_like_a_whole_one(
    api: Api, env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await accept(env, f"{order_id}-{number}")
    page = RegisterClient.page
    answers = [2]

    async def gone_after(
        self: RegisterClient, filters: OrderFilters, cursor: str | None = None, limit: int = 50
    ) -> Page[OrderEntry]:
        answers[0] -= 1
        if answers[0] < 0:
            raise ServiceUnavailable("The register is gone.")
        return await page(self, filters, cursor, limit)

    monkeypatch.setattr(RegisterClient, "page", gone_after)
    monkeypatch.setattr(orders, "_CHUNK", 1)
    monkeypatch.setattr(csv_file, "_PIECE", 1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.get(f"/v1/orders.csv?search={order_id}-")
    found = (await api.get(f"/v1/orders.csv?search={order_id}-")).problem(503, "ServiceUnavailable")
    assert "gone" in found["detail"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("min_amount=5", "min_amount: an amount needs a currency"),
        ("max_amount=5&currency=dollar", "currency"),
        ("max_amount=5.001&currency=USD", "max_amount: 5.001 has too many decimals"),
        ("max_amount=-5&currency=USD", "max_amount"),
        ("needs_attention=perhaps", "needs_attention"),
        ("email=", "email"),
        ("sku=%00", "sku"),
        ("status=lost", "status"),
        ("placed_after=yesterday", "placed_after"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/orders.csv"])
async def test_a_list_that_cannot_be_read_is_refused(api: Api, path: str, query: str, problem: str) -> None:
    assert (await api.get(f"{path}?{query}")).problem(422, "InvalidRequest")["detail"].startswith(problem)
