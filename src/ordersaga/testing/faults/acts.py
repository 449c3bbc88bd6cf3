"""What the proxy does for each kind of fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from ordersaga.testing.faults.exchange import Exchange
from ordersaga.testing.faults.fault import Fault, Kind


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


async def _slow(exchange: Exchange, fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    await asyncio.sleep(fault.seconds)
    return exchange.reset() if answer is None else exchange.closing(answer.response())


async def _hang(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    await exchange.hold.wait()
    return exchange.reset()


async def _hold_back(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    goes_on = await exchange.hold.wait(exchange.undone)
    return await exchange.pass_on() if goes_on else exchange.reset()


async def _garbage(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    return await exchange.pass_on(b"<html>\xff\x00 this is no JSON")


async def _wrong_id(exchange: Exchange, _fault: Fault) -> web.StreamResponse:
    answer = await exchange.effect()
    if answer is None:
        return exchange.reset()
    said = json.loads(answer.body or b"{}")
    wrong = {name: f"not-{value}" if name.endswith("_id") else value for name, value in said.items()}
    return exchange.closing(answer.response(json.dumps(wrong).encode()))


ACTS: dict[Kind, Callable[[Exchange, Fault], Awaitable[web.StreamResponse]]] = {
    Kind.LOSE_RESPONSE: _lose_response,
    Kind.RESET_BEFORE: _reset_before,
    Kind.ERROR_BEFORE: _error_before,
    Kind.ERROR_AFTER: _error_after,
    Kind.UNAVAILABLE: _unavailable,
    Kind.SLOW: _slow,
    Kind.HANG: _hang,
    Kind.HOLD_BACK: _hold_back,
    Kind.GARBAGE: _garbage,
    Kind.WRONG_ID: _wrong_id,
}
