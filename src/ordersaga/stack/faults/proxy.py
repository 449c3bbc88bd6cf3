"""The proxy: forwards calls, or injects faults."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Self

import aiohttp
from aiohttp import web

from ordersaga.stack.faults.acts import ACTS
from ordersaga.stack.faults.calls import REJECTED_AFTER, recognize
from ordersaga.stack.faults.exchange import Exchange, Hold
from ordersaga.stack.faults.fault import Fault, Fired, Kind

_MAX_BODY = 4 << 20
_UPSTREAM_SECONDS = 60.0
_CLOSING_SECONDS = 1.0


class FaultProxy:
    """An HTTP proxy in front of one service, or of a URL with several services. Use it with `async with`.

    Call `url` instead of the service. You may add to `faults` while the proxy runs. A call that matches no fault passes
    unchanged.
    """

    def __init__(self, upstream: str, faults: Iterable[Fault] = ()) -> None:
        self.faults = list(faults)
        self.log: list[Fired] = []
        self.url = ""
        self._upstream = upstream.rstrip("/")
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._undone: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self._holds: defaultdict[str, Hold] = defaultdict(Hold)
        self._fired: defaultdict[str, list[Fired]] = defaultdict(list)
        self._under_way: Counter[str] = Counter()
        self._calls: defaultdict[str, list[str]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_UPSTREAM_SECONDS))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for hold in self._holds.values():
            hold.close()
        await self._runner.cleanup()
        await self._session.close()

    def release(self, order_id: str | None = None) -> None:
        """Release the calls that hang or are held: all, or those of one order. Later calls are held again."""
        for name, hold in self._holds.items():
            if order_id in (None, name):
                hold.release()

    def lift(self, order_id: str) -> None:
        """Stop faults for this order: remove those that name it, and release its calls."""
        self.faults = [fault for fault in self.faults if fault.order_id != order_id]
        self.release(order_id)

    def under_way(self, order_id: str) -> int:
        """The number of this order's calls that have arrived and not ended, even if nobody waits for them any more."""
        return self._under_way[order_id]

    def calls(self, order_id: str) -> list[str]:
        """This order's calls in the order of arrival, with and without faults.

        Calls that belong to no order are under the empty id, by method and path.
        """
        return list(self._calls[order_id])

    def fired(self, kind: Kind | None = None, call: str | None = None, order_id: str | None = None) -> list[Fired]:
        """The faults that happened: all, or those that match."""
        return [
            each
            for each in (self.log if order_id is None else self._fired[order_id])
            if kind in (None, each.kind) and call in (None, each.call)
        ]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call, order_id = recognize(request.method, request.path, body)
        self._calls[order_id].append(call or f"{request.method} {request.path}")
        exchange = Exchange(self._session, self._upstream, request, body, self._holds[order_id])
        if call is None:
            return await exchange.pass_on()
        exchange.undone = self._undone[REJECTED_AFTER.get(call, ""), order_id]
        self._under_way[order_id] += 1
        try:
            response = await self._with_faults(exchange, call, order_id)
        finally:
            self._under_way[order_id] -= 1
        if exchange.answered_well:
            self._undone[call, order_id].set()
        return response

    async def _with_faults(self, exchange: Exchange, call: str, order_id: str) -> web.StreamResponse:
        self._attempts[call, order_id] += 1
        attempt = self._attempts[call, order_id]
        fault = next((fault for fault in self.faults if fault.fits(call, order_id, attempt)), None)
        if fault is None:
            return await exchange.pass_on()
        exchange.fired = Fired(fault.kind, call, order_id, attempt)
        self.log.append(exchange.fired)
        self._fired[order_id].append(exchange.fired)
        return await ACTS[fault.kind](exchange, fault)
