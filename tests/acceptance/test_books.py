"""The books checker with a real Temporal server and real services: silent if all is well, exact about a violation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.audit.books import Books, check_books
from ordersaga.audit.reading import KnownOrders
from ordersaga.contracts.inventory import ReservationLine, ReservationRequest
from ordersaga.contracts.payment import ChargeRequest, RefundRequest
from ordersaga.domain.errors import ServiceUnavailable, TemporalUnavailable
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.settings import SERVICES, load_settings
from ordersaga.stack.dev_server import temporal_server
from resilience.resets import reset
from tests.services.harness import serving
from tests.workflow.environment import OrderEnvironment, until

DEAD = "http://127.0.0.1:9"
HELD = {"hold_before_shipping": 300}
SECONDS = 5.0
_numbers = count(1)


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[Client]:
    """A Temporal server without orders of other tests."""
    async with temporal_server() as address:
        client = await connect(target_host=address)
        await ensure_search_attributes(client)
        yield client


@pytest.fixture(scope="module")
async def env(temporal: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OrderEnvironment]:
    """A complete environment whose services no other test uses."""
    async with serving(tmp_path_factory.mktemp("books")) as url:
        settings = load_settings(**{f"{name}_url": f"{url}/{name}" for name in SERVICES})
        async with (
            order_worker(temporal, settings),
            OrderEnvironment.open(OrderClient(temporal, settings), settings) as env,
        ):
            yield env


@pytest.fixture
def name() -> str:
    """An order id that no other test uses."""
    return f"b{next(_numbers)}"


async def waits(env: OrderEnvironment, name: str) -> None:
    """Place an order that is paid for and then waits before its shipment."""
    await env.orders.submit_order(await env.order(name, policy=HELD))

    async def charged() -> bool:
        return await env.books(name) == ["held", "captured"]

    await until(charged)


async def found(env: OrderEnvironment, name: str) -> list[tuple[str, str | None]]:
    """The rules that an order breaks. Its SKUs must break none."""
    books = await check_books(env.orders)
    assert not [violation for violation in books.violations if (violation.sku or "").startswith(name)]
    return [(violation.rule.value, violation.effect) for violation in books.violations if violation.order_id == name]


async def test_orders_that_end_or_run_as_they_should_are_balanced(env: OrderEnvironment, temporal: Client) -> None:
    before = await check_books(env.orders)
    place = env.orders.place_order
    nowhere = {"street": "1 Main St", "city": "New York", "state": "NY", "zip_code": "ABCDE", "country": "US"}
    await place(await env.order("good"))
    await place(await env.order("yen", currency="JPY", items=[{"sku": "good-a", "quantity": 1, "price": 1200}]))
    await place(await env.order("no-stock", stock=1))
    await place(await env.order("no-money", payment_method_id="pm_card_chargeDeclined"))
    await place(await env.order("no-place", shipping_address=nowhere))
    await waits(env, "changed")
    await env.orders.cancel_order("changed", "changed my mind")
    await waits(env, "undone-natively")
    await temporal.get_workflow_handle("order-undone-natively").cancel()
    await env.orders.result("undone-natively")
    await waits(env, "runs")

    books = await check_books(env.orders)

    assert books.violations == before.violations
    assert grown(before, books) == {"completed": 2, "failed": 3, "cancelled": 2, "open": 1}
    assert books.unsettled == []
    assert books.money["JPY"].shipped == "1200"
    await env.orders.cancel_order("runs", "the test is over")


def grown(before: Books, after: Books) -> dict[str, int]:
    counted = after.orders | {"open": after.open}
    grew = {key: value - (before.orders | {"open": before.open}).get(key, 0) for key, value in counted.items()}
    return {key: value for key, value in grew.items() if value}


async def refunded(env: OrderEnvironment, name: str) -> None:
    await env.services.payment.refund(RefundRequest(payment_id=f"pay-{name}", owner=await env.owner(name)), SECONDS)


async def unshipped(env: OrderEnvironment, name: str) -> None:
    await env.services.shipping.cancel(f"shp-{name}", await env.owner(name), SECONDS)


async def released(env: OrderEnvironment, name: str) -> None:
    await env.services.inventory.release(f"rsv-{name}", await env.owner(name), SECONDS)


async def recalled(env: OrderEnvironment, name: str) -> None:
    await env.services.notification.recall(f"msg-{name}", await env.owner(name), SECONDS)


async def charged_again(env: OrderEnvironment, name: str) -> None:
    await env.services.payment.charge(a_charge(name, f"again-{name}"), SECONDS)


def a_charge(name: str, payment_id: str) -> ChargeRequest:
    return ChargeRequest(
        payment_id=payment_id,
        order_id=name,
        customer_id="customer-1",
        payment_method_id="pm_card_visa",
        amount="44.98",
        currency="USD",
        idempotency_key=payment_id,
    )


@pytest.mark.parametrize(
    ("breach", "rule", "effect"),
    [
        (refunded, "completed", "payment"),
        (unshipped, "completed", "shipment"),
        (released, "completed", "reservation"),
        (recalled, "completed", "email"),
        (charged_again, "more_than_one", "payment"),
    ],
)
async def test_a_breach_in_a_completed_order_is_named(
    env: OrderEnvironment, name: str, breach: Callable[[OrderEnvironment, str], Awaitable[None]], rule: str, effect: str
) -> None:
    await env.orders.place_order(await env.order(name))
    assert await found(env, name) == []
    await breach(env, name)
    assert await found(env, name) == [(rule, effect)]


async def test_a_charge_for_a_failed_order_is_named(env: OrderEnvironment, name: str) -> None:
    await env.orders.place_order(await env.order(name, stock=1))
    await env.services.payment.charge(a_charge(name, f"pay-{name}"), SECONDS)
    assert await found(env, name) == [("undone", "payment")]


async def test_a_charge_for_an_order_that_nobody_placed_is_named(env: OrderEnvironment, name: str) -> None:
    await env.services.payment.charge(a_charge(name, f"pay-{name}"), SECONDS)
    assert await found(env, name) == [("unknown_order", None)]


async def test_a_second_reservation_of_a_running_order_is_named(env: OrderEnvironment, name: str) -> None:
    await waits(env, name)
    assert await found(env, name) == []
    line = ReservationLine(sku=f"{name}-a", qty=1)
    again = ReservationRequest(reservation_id=f"again-{name}", order_id=name, items=[line])
    await env.services.inventory.reserve(again, SECONDS)
    assert await found(env, name) == [("more_than_one", "reservation")]
    await env.orders.cancel_order(name, "the test is over")


async def test_a_run_that_was_cut_off_is_named_with_what_it_left(
    env: OrderEnvironment, temporal: Client, name: str
) -> None:
    await waits(env, name)
    await temporal.get_workflow_handle(f"order-{name}").terminate("for the test")
    assert await found(env, name) == [("cut_off", "reservation"), ("cut_off", "payment")]


async def test_a_run_that_was_reset_counts_once_and_by_its_last_run(
    env: OrderEnvironment, temporal: Client, name: str
) -> None:
    await waits(env, name)
    before = await check_books(env.orders)
    await reset(temporal, workflow_id(name))
    assert await found(env, name) == []
    assert grown(before, await check_books(env.orders)) == {}
    await env.orders.cancel_order(name, "the test is over")
    await env.orders.result(name)
    await until(lambda: both_runs_are_listed(temporal, name))
    assert await found(env, name) == []


async def both_runs_are_listed(temporal: Client, name: str) -> bool:
    runs = [run async for run in temporal.list_workflows(f'WorkflowId = "order-{name}"')]
    return len(runs) == 2 and all(run.close_time is not None for run in runs)


async def test_an_order_whose_result_says_that_it_has_no_email_is_correct(
    env: OrderEnvironment, temporal: Client, name: str
) -> None:
    mailless = env.orders.settings.model_copy(update={"notification_url": DEAD, "task_queue": "mailless"})
    async with order_worker(temporal, mailless):
        order = await env.order(name, policy={"step_deadline": 1})
        result = await OrderClient(temporal, mailless).place_order(order)
    assert (result.status, result.message_id) == (OrderStatus.COMPLETED, None)
    assert await found(env, name) == []


async def test_orders_that_end_while_the_books_are_checked_are_no_breach(env: OrderEnvironment, name: str) -> None:
    before = await check_books(env.orders)
    orders = [await env.order(f"{name}-{n}", stock=1000) for n in range(30)]
    shared = [order.model_copy(update={"items": orders[0].items}) for order in orders]
    placing = asyncio.gather(*(env.orders.place_order(order) for order in shared))
    checks = 0
    while not placing.done() or not checks:
        assert (await check_books(env.orders)).violations == before.violations
        checks += 1
    await placing
    after = await check_books(env.orders)
    assert after.violations == before.violations
    assert grown(before, after) == {"completed": 30}


async def test_books_that_cannot_be_read_are_not_called_balanced(env: OrderEnvironment, temporal: Client) -> None:
    dark = env.orders.settings.model_copy(update={"payment_url": DEAD})
    with pytest.raises(ServiceUnavailable, match="payment"):
        await check_books(OrderClient(temporal, dark))


async def test_orders_that_cannot_be_read_are_not_called_balanced(
    env: OrderEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: KnownOrders) -> None:
        raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(KnownOrders, "listed", gone)
    with pytest.raises(TemporalUnavailable, match=r"tcp connect error.*Nothing was changed or checked"):
        await check_books(env.orders)
