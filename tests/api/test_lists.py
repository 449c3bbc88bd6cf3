"""Lists of orders that are not as usual: written with another codec, or cut off."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.converter import DataConverter, PayloadCodec

from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, Settlement
from ordersaga.settlements import start_settlement
from ordersaga.workflows.projection import CUSTOMER
from tests.api.harness import Api, wire
from tests.workflow.shop import Shop, until


class Sealed(PayloadCodec):
    """A codec that only its own users can read."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata={"encoding": b"binary/sealed"}, data=each.SerializeToString()) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(each.data) for each in payloads]


async def ids(api: Api, query: str) -> list[str]:
    answer = await api.get(f"/v1/orders?{query}")
    assert answer.status == 200, answer.text
    return [item["order_id"] for item in answer.json["items"]]


async def test_an_order_that_cannot_be_decoded_is_listed_with_what_is_known(
    api: Api, temporal: Client, address: str, order_id: str
) -> None:
    sealed = await Client.connect(address, data_converter=DataConverter(payload_codec=Sealed()))
    for name, client in (("sealed", sealed), ("strange", temporal)):
        await client.start_workflow(
            "OrderSagaWorkflow",
            {"what": 1},
            id=f"order-{order_id}-{name}",
            task_queue="nobody",
            memo={"customer_id": 5, "amount": [1], "currency": None},
            search_attributes=TypedSearchAttributes([SearchAttributePair(CUSTOMER, order_id)]),
        )

    async def listed() -> bool:
        return len(await ids(api, f"customer_id={order_id}")) == 2

    await until(listed)
    items = (await api.get(f"/v1/orders?search={order_id}")).json["items"]
    assert {item["customer_id"] for item in items} == {order_id}
    assert {(item["status"], item["amount"]) for item in items} == {("processing", None)}
    found = (await api.get(f"/v1/orders/{order_id}-sealed")).json
    assert (found["status"], found["items"], found["live"]) == ("processing", None, False)


async def test_an_order_that_was_cut_off_is_found_by_how_it_ended(
    api: Api, shop: Shop, temporal: Client, order_id: str
) -> None:
    order = await shop.order(order_id, policy={"hold_before_shipping": 300})
    await api.place(wire(order))

    async def charged() -> bool:
        return "captured" in await shop.books(order_id)

    async def found_as(status: OrderStatus) -> bool:
        by_status = {each for each in OrderStatus if order_id in await ids(api, f"search={order_id}&status={each}")}
        return by_status == {status}

    await until(charged)
    assert await found_as(OrderStatus.PROCESSING)
    await temporal.get_workflow_handle(f"order-{order_id}").terminate()
    await until(lambda: found_as(OrderStatus.NEEDS_ATTENTION))
    document = (await api.get(f"/v1/orders/{order_id}")).json
    assert (document["status"], document["attention"], document["actions"]) == ("needs_attention", "cut_off", [])

    settlement = Settlement(order=order, cause=Attention.CUT_OFF, because="its run was cut off (terminated)")
    queue = shop.orders.settings.task_queue
    await (await start_settlement(temporal, queue, settlement, WorkflowIDReusePolicy.ALLOW_DUPLICATE)).result()
    await until(lambda: found_as(OrderStatus.FAILED))

    async def failed() -> bool:
        return bool((await api.get(f"/v1/orders/{order_id}")).json["status"] == "failed")

    await until(failed)
