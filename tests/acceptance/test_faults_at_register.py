"""The fault proxy in front of the register: its calls fail like those of the other services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count

import pytest

from ordersaga.contracts.register import (
    ClaimRequest,
    DecisionRequest,
    EndingRequest,
    EndingState,
    ForwardRequest,
    ProgressRequest,
    Standing,
    UnwindRequest,
)
from ordersaga.domain.errors import Fenced, ServiceFault
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.service_clients import RegisterClient, ServiceHttp, open_session
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from ordersaga.stack.faults.calls import REGISTER_CALLS
from tests.services.test_register import OWNER, claim, ending
from tests.workflow.environment import until

SECONDS = 5.0
SOON = 0.3
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUESTS = {
    "claim": ClaimRequest.model_validate(claim()),
    "unwind": UnwindRequest(owner=OWNER),
    "forward": ForwardRequest(owner=OWNER),
    "decide": DecisionRequest(owner=OWNER, decision_id="d", step="s", choice="retry", by="ada", at=NOW, run_id="r"),
    "progress": ProgressRequest(owner=OWNER, run_id="r", number=1, status=OrderStatus.PROCESSING),
    "close": EndingRequest.model_validate(ending()),
}
_numbers = count(1)


@pytest.fixture
async def register(proxy: FaultProxy) -> AsyncIterator[RegisterClient]:
    """The register, through the proxy."""
    async with open_session() as session:
        yield RegisterClient(ServiceHttp(session, "register", f"{proxy.url}/register"))


@pytest.fixture
async def name(register: RegisterClient) -> str:
    """An order that the register has accepted and no other test uses."""
    order_id = f"faulty-{next(_numbers)}"
    await ask(register, "claim", order_id)
    return order_id


async def ask(register: RegisterClient, call: str, order_id: str, timeout: float = SECONDS) -> Standing:
    """Make one of the register's calls."""
    standing: Standing = await getattr(register, call)(order_id, REQUESTS[call], timeout)
    return standing


@pytest.mark.parametrize("call", REGISTER_CALLS)
async def test_a_fault_of_any_call_happens_to_the_registers_too(
    proxy: FaultProxy, register: RegisterClient, name: str, call: str
) -> None:
    attempts = (1, 2) if call != "claim" else (2, 3)
    for kind, attempt, says in zip(
        (Kind.ERROR_BEFORE, Kind.WRONG_SCHEMA), attempts, ("answered 500", "breaks its contract"), strict=True
    ):
        proxy.faults.append(Fault(kind, order_id=name, attempts=(attempt,)))
        with pytest.raises(ServiceFault, match=says):
            await ask(register, call, name)

    assert (await ask(register, call, name)).order_id == name
    assert [(each.call, each.attempt) for each in proxy.log] == [(call, attempt) for attempt in attempts]
    assert proxy.log[0].status is None
    assert proxy.log[1].status in (200, 201)
    assert proxy.calls(name) == ["claim", call, call, call]


@pytest.mark.parametrize(
    ("kind", "says"), [(Kind.TRUNCATED, "the connection to"), (Kind.OVERSIZED, "more than 1,048,576")]
)
async def test_an_ending_whose_answer_is_lost_is_written(
    proxy: FaultProxy, register: RegisterClient, name: str, kind: Kind, says: str
) -> None:
    proxy.faults.append(Fault(kind, "close", name))
    with pytest.raises(ServiceFault, match=says):
        await ask(register, "close", name)
    assert (await register.order(name)).state is EndingState.COMPLETED
    assert (await ask(register, "close", name)).ending


async def test_an_ending_that_is_held_back_arrives_after_the_unwind_and_is_rejected(
    proxy: FaultProxy, register: RegisterClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.HOLD_BACK, "close", name))
    with pytest.raises(ServiceFault, match="did not answer"):
        await ask(register, "close", name, SOON)
    assert proxy.log[0].status is None
    assert (await ask(register, "unwind", name)).state is EndingState.UNWINDING

    async def arrived() -> bool:
        return proxy.log[0].status is not None

    await until(arrived)
    assert proxy.log[0].status == Fenced.http_status
    assert (await register.order(name)).ending is None


async def test_an_ending_that_is_held_back_can_be_released(
    proxy: FaultProxy, register: RegisterClient, name: str
) -> None:
    proxy.faults.append(Fault(Kind.HOLD_BACK, "close", name))
    call = asyncio.create_task(ask(register, "close", name))
    await until(lambda: asyncio.sleep(0, bool(proxy.log)))
    assert (await register.order(name)).ending is None
    proxy.release(name)
    assert (await call).state is EndingState.COMPLETED
