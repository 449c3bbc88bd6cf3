"""Restate's worker: the saga as a handler, its steps journaled with `ctx.run_typed`, served by hypercorn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import hypercorn
import restate
import uvloop
from hypercorn.asyncio import serve
from restate.exceptions import TerminalError
from restate.server import install_shutdown_hook

from bench.peers.orders import OrderCalls
from ordersaga.domain.errors import AlreadyShipped, Fenced, IdempotencyMismatch, Refusal
from ordersaga.domain.order import OrderInput
from ordersaga.orders.service_clients import Services
from ordersaga.settings import Settings
from ordersaga.stack.programs import HOST

SERVICE = "OrderSaga"
WITHOUT_LIMIT = 2**31 - 1

P = ParamSpec("P")
R = TypeVar("R")


def step(call: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make a call whose refusals are terminal, so that they are not retried.

    Restate retries calls that fail otherwise.
    """

    @wraps(call)
    async def with_terminal_refusals(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await call(*args, **kwargs)
        except (Refusal, Fenced, IdempotencyMismatch, AlreadyShipped) as no:
            raise TerminalError(str(no), status_code=no.http_status) from None

    return with_terminal_refusals


def order_saga(calls: OrderCalls) -> restate.Service:
    """The saga as in Restate's guide: each undo is registered before its step, because ids are known."""
    saga = restate.Service(SERVICE)

    @saga.handler()
    async def process(ctx: restate.Context, order: OrderInput) -> str:
        undos: list[Callable[[], Awaitable[object]]] = []

        def undo_with(name: str, undo: Callable[[str], Awaitable[None]]) -> None:
            undos.append(lambda: ctx.run_typed(name, step(undo), restate.RunOptions(), order.order_id))

        try:
            undo_with("release the stock", calls.release_inventory)
            await ctx.run_typed("reserve the stock", step(calls.reserve_inventory), order=order)
            undo_with("refund the customer", calls.refund_payment)
            await ctx.run_typed("charge the customer", step(calls.charge_payment), order=order)
            undo_with("cancel the shipment", calls.cancel_shipment)
            tracking = await ctx.run_typed("book the shipment", step(calls.create_shipment), order=order)
            undo_with("recall the confirmation", calls.recall_confirmation)
            await ctx.run_typed("confirm", step(calls.send_confirmation), order=order, tracking_number=tracking)
        except TerminalError:
            for undo in reversed(undos):
                await undo()
            raise
        return tracking

    return saga


async def main(port: int) -> None:
    """Serve the saga until SIGTERM, with the settings that Restate's docs recommend for production."""
    stop = asyncio.Event()
    # The SDK handles SIGTERM itself, and only calls handlers that are registered with it.
    install_shutdown_hook(asyncio.get_running_loop(), stop.set)
    config = hypercorn.Config()
    config.bind = [f"{HOST}:{port}"]
    config.h2_max_concurrent_streams = WITHOUT_LIMIT
    config.keep_alive_max_requests = WITHOUT_LIMIT
    config.keep_alive_timeout = WITHOUT_LIMIT
    async with Services.open(Settings().service_urls()) as services:
        app = restate.app([order_saga(OrderCalls(services))])
        await serve(app, config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
