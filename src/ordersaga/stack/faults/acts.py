"""The proxy's action for each kind of fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ordersaga.domain.errors import (
    InsufficientInventory,
    PaymentDeclined,
    Refusal,
    UndeliverableAddress,
    UndeliverableMail,
)
from ordersaga.orders.service_clients.http import MAX_ANSWER_BYTES
from ordersaga.stack.faults.exchange import Answer, Exchange
from ordersaga.stack.faults.fault import Fault, Kind

REFUSALS: dict[str, type[Refusal]] = {
    "reserve": InsufficientInventory,
    "charge": PaymentDeclined,
    "ship": UndeliverableAddress,
    "notify": UndeliverableMail,
}
"""The contract's refusal for each do."""


async def _lose_response(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    await exchange.effect()
    return exchange.reset()


async def _reset_before(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return exchange.reset()


async def _error_before(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return exchange.problem(500)


async def _error_after(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    await exchange.effect()
    return exchange.problem(500)


async def _unavailable(exchange: Exchange, fault: Fault) -> web.StreamResponse:
    return exchange.problem(503, {"Retry-After": f"{fault.seconds:.0f}"})


async def _too_many(exchange: Exchange, fault: Fault) -> web.StreamResponse:
    return exchange.problem(429, {"Retry-After": f"{fault.seconds:.0f}"})


async def _refuse(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    assert exchange.fired
    refusal = REFUSALS[exchange.fired.call]
    return exchange.problem(refusal.http_status, kind=refusal.problem_type)


async def _redirect(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return exchange.problem(307, {"Location": exchange.url})


async def _slow(exchange: Exchange, fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    await asyncio.sleep(fault.seconds)
    return _answer_with(exchange, answer)


async def _hang(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    await exchange.held()
    return exchange.reset()


async def _hold_back(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    goes_on = await exchange.held(exchange.undone)
    return await exchange.pass_on() if goes_on else exchange.reset()


async def _hold_answer(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    await exchange.held()
    return _answer_with(exchange, answer)


async def _duplicate(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer, _other = await asyncio.gather(exchange.effect(), exchange.effect())
    return _answer_with(exchange, answer)


async def _garbage(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return await exchange.pass_on(b"<html>\xff\x00 this is no JSON")


async def _wrong_schema(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return await _with_other_fields(exchange, lambda name, value: [{name: value}])


async def _wrong_id(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return await _with_other_fields(exchange, lambda name, value: f"not-{value}" if name.endswith("_id") else value)


async def _wrong_amount(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    said = json.loads(answer.body) if answer else {}
    return _answer_with(exchange, answer, json.dumps(said | {"amount": "0.01"}).encode())


async def _wrong_status(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    return _answer_with(exchange, answer, status=201 if answer and answer.status == 200 else 200)


async def _truncated(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    return exchange.reset() if answer is None else await exchange.break_off(answer)


async def _oversized(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    return _answer_with(exchange, answer, body=answer.body.ljust(MAX_ANSWER_BYTES + 1) if answer else None)


async def _with_other_fields(exchange: Exchange, change: Callable[[str, Any], Any]) -> web.StreamResponse:
    answer = await exchange.effect()
    if answer is None:
        return exchange.reset()
    said = json.loads(answer.body or b"{}")
    return _answer_with(
        exchange, answer, json.dumps({name: change(name, value) for name, value in said.items()}).encode()
    )


def _answer_with(
    exchange: Exchange, answer: Answer | None, body: bytes | None = None, status: int | None = None
) -> web.StreamResponse:
    """The service's answer, optionally with another body or status."""
    return exchange.reset() if answer is None else exchange.closing(answer.response(body, status))


ACTS: dict[Kind, Callable[[Exchange, Fault], Awaitable[web.StreamResponse]]] = {
    Kind.LOSE_RESPONSE: _lose_response,
    Kind.RESET_BEFORE: _reset_before,
    Kind.ERROR_BEFORE: _error_before,
    Kind.ERROR_AFTER: _error_after,
    Kind.UNAVAILABLE: _unavailable,
    Kind.TOO_MANY: _too_many,
    Kind.REFUSE: _refuse,
    Kind.REDIRECT: _redirect,
    Kind.SLOW: _slow,
    Kind.HANG: _hang,
    Kind.HOLD_BACK: _hold_back,
    Kind.HOLD_ANSWER: _hold_answer,
    Kind.DUPLICATE: _duplicate,
    Kind.GARBAGE: _garbage,
    Kind.WRONG_SCHEMA: _wrong_schema,
    Kind.WRONG_ID: _wrong_id,
    Kind.WRONG_AMOUNT: _wrong_amount,
    Kind.WRONG_STATUS: _wrong_status,
    Kind.TRUNCATED: _truncated,
    Kind.OVERSIZED: _oversized,
}
