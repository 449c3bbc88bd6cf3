"""The fault proxy in front of real services: each fault looks to the client as specified, and is logged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ordersaga.contracts.inventory import ReservationLine, ReservationRequest
from ordersaga.contracts.payment import ChargeRequest, RefundRequest
from ordersaga.domain.errors import Fenced, PaymentDeclined, ServiceFault
from ordersaga.orders.service_clients import InventoryClient, PaymentClient, ServiceHttp, open_session
from ordersaga.stack.faults import Fault, FaultProxy, Kind, from_json, plan, to_json
from ordersaga.stack.faults.acts import ACTS, REFUSALS
from ordersaga.stack.faults.calls import CALLS, REGISTER_CALLS, UNDO_OF, recognize
from tests.workflow.environment import until

SECONDS = 5.0
SOON = 0.3
_numbers = count(1)


@pytest.fixture
async def payment(proxy: FaultProxy) -> AsyncIterator[PaymentClient]:
    """The payment service, through the proxy."""
    async with open_session() as session:
        yield PaymentClient(ServiceHttp(session, "payment", f"{proxy.url}/payment"))


@pytest.fixture
def name() -> str:
    """An order id that no other test uses."""
    return f"f{next(_numbers)}"


def a_charge(name: str) -> ChargeRequest:
    return ChargeRequest(
        payment_id=f"pay-{name}",
        order_id=name,
        customer_id="customer-1",
        payment_method_id="pm_card_visa",
        amount="19.99",
        currency="USD",
        idempotency_key=f"pay-{name}",
    )


async def states(payment: PaymentClient, name: str) -> list[str]:
    return [entry.state.value async for entry in payment.payments(order_id=name)]


@pytest.mark.parametrize(
    ("kind", "says", "status", "in_books"),
    [
        (Kind.LOSE_RESPONSE, "the connection to", 201, ["captured"]),
        (Kind.RESET_BEFORE, "the connection to", None, []),
        (Kind.ERROR_BEFORE, "answered 500", None, []),
        (Kind.ERROR_AFTER, "answered 500", 201, ["captured"]),
        (Kind.UNAVAILABLE, "answered 503", None, []),
        (Kind.TOO_MANY, "answered 429", None, []),
        (Kind.REDIRECT, "answered 307", None, []),
        (Kind.GARBAGE, "breaks its contract", 201, ["captured"]),
        (Kind.WRONG_ID, "answered for not-pay-", 201, ["captured"]),
        (Kind.WRONG_AMOUNT, "charged 0.01, not 19.99", 201, ["captured"]),
        (Kind.WRONG_SCHEMA, "breaks its contract", 201, ["captured"]),
        (Kind.WRONG_STATUS, "answered 200", 201, ["captured"]),
        (Kind.TRUNCATED, "the connection to", 201, ["captured"]),
        (Kind.OVERSIZED, "more than 1,048,576 bytes", 201, ["captured"]),
    ],
)
async def test_a_fault_is_seen_has_its_effect_or_not_and_is_logged(
    proxy: FaultProxy, payment: PaymentClient, name: str, kind: Kind, says: str, status: int | None, in_books: list[str]
) -> None:
    proxy.faults.append(Fault(kind, "charge", name))

    with pytest.raises(ServiceFault, match=says):
        await payment.charge(a_charge(name), SECONDS)

    assert await states(payment, name) == in_books
    (fired,) = proxy.log
    assert (fired.kind, fired.call, fired.order_id, fired.attempt, fired.status) == (kind, "charge", name, 1, status)
    await payment.charge(a_charge(name), SECONDS)
    assert await states(payment, name) == ["captured"], "the second attempt passes"
    assert len(proxy.log) == 1


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.TOO_MANY])
async def test_an_unavailable_service_says_when_to_retry(
    proxy: FaultProxy, payment: PaymentClient, name: str, kind: Kind
) -> None:
    proxy.faults.append(Fault(kind, "charge", name, seconds=7))
    with pytest.raises(ServiceFault) as caught:
        await payment.charge(a_charge(name), SECONDS)
    assert caught.value.retry_after == 7


async def test_a_refusal_is_the_contracts_own_and_the_service_knows_nothing_of_it(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.REFUSE, "charge", name))
    with pytest.raises(PaymentDeclined):
        await payment.charge(a_charge(name), SECONDS)
    assert await states(payment, name) == []
    await payment.charge(a_charge(name), SECONDS)
    assert await states(payment, name) == ["captured"]


async def test_a_duplicate_arrives_twice_and_takes_effect_once(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.DUPLICATE, "charge", name))
    await payment.charge(a_charge(name), SECONDS)
    assert await states(payment, name) == ["captured"]
    assert [fired.status for fired in proxy.log] == [201]


async def test_an_answer_is_held_until_it_is_released_but_the_effect_is_not(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.HOLD_ANSWER, "charge", name, attempts=None))
    call = asyncio.create_task(payment.charge(a_charge(name), SECONDS))

    async def acted() -> bool:
        return [fired.status for fired in proxy.log] == [201]

    await until(acted)
    assert await states(payment, name) == ["captured"]
    assert proxy.under_way(name) == 1
    proxy.release("another order")
    assert not (await asyncio.wait({call}, timeout=SOON))[0]
    proxy.lift(name)
    await call
    await payment.charge(a_charge(name), SECONDS)
    assert (len(proxy.log), proxy.under_way(name)) == (1, 0)


async def test_a_slow_answer_is_late_but_the_effect_is_not(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.SLOW, "charge", name, seconds=SOON))
    began = time.monotonic()
    await payment.charge(a_charge(name), SECONDS)
    assert time.monotonic() - began >= SOON
    proxy.faults[:] = [Fault(Kind.SLOW, "refund", name, seconds=60)]
    with pytest.raises(ServiceFault, match="did not answer"):
        await payment.refund(RefundRequest(payment_id=f"pay-{name}"), SOON)
    assert await states(payment, name) == ["refunded"]


async def test_a_call_is_let_go_of_that_has_not_come_to_wait_yet(name: str) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        asked.set()
        await answers.wait()
        return web.json_response({}, status=201)

    upstream = web.Application()
    upstream.router.add_post("/charges", slow)
    held = [Fault(Kind.HOLD_ANSWER, "charge", order_id=name)]
    async with (
        TestServer(upstream) as server,
        FaultProxy(str(server.make_url("/")), held) as proxy,
        open_session() as http,
    ):
        call = asyncio.create_task(http.post(f"{proxy.url}/charges", json={"order_id": name}))
        await asked.wait()
        proxy.lift(name)
        answers.set()
        async with asyncio.timeout(SECONDS):
            assert (await call).status == 201
    assert proxy.under_way(name) == 0


async def test_a_call_hangs_until_it_is_released_and_has_no_effect(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.HANG, "charge", name))
    call = asyncio.create_task(payment.charge(a_charge(name), SECONDS))
    await logged(proxy, 1)
    assert not (await asyncio.wait({call}, timeout=SOON))[0]
    proxy.release()
    with pytest.raises(ServiceFault, match="the connection to"):
        await call
    assert await states(payment, name) == []


async def test_a_call_that_is_held_back_arrives_after_its_undo_and_is_rejected(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.HOLD_BACK, "charge", name))
    with pytest.raises(ServiceFault, match="did not answer"):
        await payment.charge(a_charge(name), SOON)
    assert proxy.log[0].status is None
    await payment.refund(RefundRequest(payment_id=f"pay-{name}"), SECONDS)

    async def arrived() -> bool:
        return proxy.log[0].status is not None

    await until(arrived)
    assert proxy.log[0].status == Fenced.http_status
    assert await states(payment, name) == []


async def test_a_call_that_is_held_back_can_be_released(proxy: FaultProxy, payment: PaymentClient, name: str) -> None:
    proxy.faults.append(Fault(Kind.HOLD_BACK, "charge", name))
    call = asyncio.create_task(payment.charge(a_charge(name), SECONDS))
    await logged(proxy, 1)
    assert await states(payment, name) == []
    proxy.release()
    await call
    assert await states(payment, name) == ["captured"]


async def test_what_is_held_when_the_proxy_ends_never_arrives(services_url: str, name: str) -> None:
    async with open_session() as session:
        async with FaultProxy(services_url, [Fault(Kind.HOLD_BACK, "charge")]) as proxy:
            payment = PaymentClient(ServiceHttp(session, "payment", f"{proxy.url}/payment"))
            call = asyncio.create_task(payment.charge(a_charge(name), SECONDS))
            await logged(proxy, 1)
        with pytest.raises(ServiceFault):
            await call
        assert await states(PaymentClient(ServiceHttp(session, "payment", f"{services_url}/payment")), name) == []


async def logged(proxy: FaultProxy, number: int) -> None:
    """Wait until this many faults have happened."""

    async def there() -> bool:
        return len(proxy.log) >= number

    await until(there)


async def test_faults_are_chosen_by_call_order_and_attempt(
    proxy: FaultProxy, payment: PaymentClient, name: str
) -> None:
    proxy.faults += [Fault(Kind.ERROR_BEFORE, "charge", name, attempts=(2, 3)), Fault(Kind.RESET_BEFORE, "refund")]
    await payment.charge(a_charge(name), SECONDS)
    await payment.charge(a_charge(f"{name}-other"), SECONDS)
    for _ in range(2):
        with pytest.raises(ServiceFault):
            await payment.charge(a_charge(name), SECONDS)
    await payment.charge(a_charge(name), SECONDS)
    with pytest.raises(ServiceFault):
        await payment.refund(RefundRequest(payment_id=f"pay-{name}"), SECONDS)
    assert [fired.attempt for fired in proxy.fired(Kind.ERROR_BEFORE, order_id=name)] == [2, 3]
    assert [fired.order_id for fired in proxy.fired(call="refund")] == [name]
    assert proxy.fired(Kind.HANG) == []


async def test_a_fault_can_happen_to_every_attempt(proxy: FaultProxy, payment: PaymentClient, name: str) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, attempts=None))
    for _ in range(3):
        with pytest.raises(ServiceFault):
            await payment.charge(a_charge(name), SECONDS)
    assert len(proxy.log) == 3


async def test_what_fits_no_fault_passes_unchanged(proxy: FaultProxy, services_url: str, name: str) -> None:
    async with open_session() as session:
        inventory = InventoryClient(ServiceHttp(session, "inventory", f"{proxy.url}/inventory"))
        sku = f"{name} with space/and slash"
        await inventory.load_stock({sku: 3})
        line = ReservationLine(sku=sku, qty=1)
        await inventory.reserve(
            ReservationRequest(reservation_id=f"rsv-{name}", order_id=name, items=[line]), timeout=SECONDS
        )
        await inventory.release(f"rsv-{name}", "", SECONDS)
        direct = InventoryClient(ServiceHttp(session, "inventory", f"{services_url}/inventory"))
        through = [entry async for entry in inventory.reservations(sku=sku)]
        assert through == [entry async for entry in direct.reservations(sku=sku)]
        assert [entry.state for entry in through] == ["released"]
    assert proxy.log == []


async def test_a_service_that_is_gone_is_gone_through_the_proxy_too(name: str) -> None:
    async with FaultProxy("http://127.0.0.1:9") as proxy, open_session() as session:
        payment = PaymentClient(ServiceHttp(session, "payment", proxy.url))
        with pytest.raises(ServiceFault, match="the connection to"):
            await payment.charge(a_charge(name), SECONDS)


async def test_a_reset_is_a_reset(proxy: FaultProxy, name: str) -> None:
    proxy.faults.append(Fault(Kind.RESET_BEFORE))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
            await session.post(f"{proxy.url}/payment/charges", json={"order_id": name})


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/inventory/reservations", b'{"order_id": "A-1"}', ("reserve", "A-1")),
        ("DELETE", "/inventory/reservations/rsv-A-1", b"", ("release", "A-1")),
        ("POST", "/reservations/rsv-A-1/events", b"", (None, "")),
        ("GET", "/reservations/rsv-A-1", b"", (None, "")),
        ("POST", "/refunds", b'{"payment_id": "pay-pay-1"}', ("refund", "pay-1")),
        ("POST", "/shipments", b'{"order_id": "A-1"}', ("ship", "A-1")),
        ("POST", "/shipping/shipments/shp-A-1/cancel", b"", ("cancel_shipment", "A-1")),
        ("POST", "/notifications", b"not JSON", ("notify", "")),
        ("POST", "/notifications", b"[]", ("notify", "")),
        ("POST", "/notifications/msg-A-1/recall", b"", ("recall", "A-1")),
        ("PUT", "/stock", b'{"mug": 1}', (None, "")),
        ("PUT", "/register/orders/A-1", b"{}", ("claim", "A-1")),
        ("PUT", "/orders/pay-1", b'{"order_id": "A-1"}', ("claim", "pay-1")),
        ("PUT", "/register/orders/A-1/ending", b"{}", ("close", "A-1")),
        ("PUT", "/register/orders/orders/ending", b"{}", ("close", "orders")),
        ("POST", "/register/orders/A-1/unwind", b"{}", ("unwind", "A-1")),
        ("POST", "/register/orders/A-1/forward", b"{}", ("forward", "A-1")),
        ("POST", "/register/orders/A-1/decisions", b"{}", ("decide", "A-1")),
        ("PUT", "/register/orders/A-1/progress", b"{}", ("progress", "A-1")),
        ("POST", "/register/orders/A-1/notes", b"{}", (None, "")),
        ("GET", "/register/orders/A-1", b"", (None, "")),
        ("PUT", "/register/orders", b"{}", (None, "")),
    ],
)
def test_calls_are_recognized(method: str, path: str, body: bytes, expected: tuple[str | None, str]) -> None:
    assert recognize(method, path, body) == expected


def test_every_kind_has_an_act_and_every_call_a_name() -> None:
    assert set(ACTS) == set(Kind)
    assert {*UNDO_OF, *UNDO_OF.values(), *REGISTER_CALLS} == set(CALLS)
    assert set(REFUSALS) == set(UNDO_OF)
    with pytest.raises(ValueError, match="no call 'chrage'"):
        Fault(Kind.HANG, "chrage")


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (Kind.REFUSE, "refund"),
        (Kind.GARBAGE, "release"),
        (Kind.WRONG_AMOUNT, "ship"),
        (Kind.REFUSE, "claim"),
        (Kind.WRONG_ID, "decide"),
        (Kind.WRONG_AMOUNT, "close"),
        (Kind.WRONG_STATUS, "close"),
        (Kind.HOLD_BACK, "unwind"),
    ],
)
def test_what_has_no_meaning_at_a_call_is_refused_there_and_does_not_happen_there(kind: Kind, call: str) -> None:
    with pytest.raises(ValueError, match="is not possible for"):
        Fault(kind, call)
    assert not Fault(kind).fits(call, "A-1", 1)
    assert Fault(kind).fits("charge", "A-1", 1)


def test_a_seed_gives_an_order_the_same_faults_whichever_others_there_are() -> None:
    names = [f"A-{number}" for number in range(200)]
    drawn = plan(7, names, rate=0.2)
    assert drawn == plan(7, names, rate=0.2) != plan(8, names, rate=0.2)
    assert [fault for fault in drawn if fault.order_id == "A-3"] == plan(7, ["A-3"], rate=0.2)
    assert 0.15 < len(drawn) / (len(names) * len(CALLS) * 3) < 0.25
    assert {fault.kind for fault in drawn} == set(Kind)
    assert {fault.kind for fault in plan(7, names, kinds=[Kind.REFUSE, Kind.HANG])} == {Kind.REFUSE, Kind.HANG}
    assert plan(7, names, rate=0) == []


def test_a_plan_can_be_logged_and_read_again() -> None:
    drawn = [*plan("a seed", ["A-1", "A-2"], rate=0.5), Fault(Kind.HANG, attempts=None)]
    assert from_json(to_json(drawn)) == [*drawn]
    assert from_json(to_json([])) == []
