"""The proxy: passes calls on, or lets a fault happen to them."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Self

import aiohttp
from aiohttp import web

from ordersaga.testing.faults.acts import ACTS
from ordersaga.testing.faults.calls import UNDO_OF, recognise
from ordersaga.testing.faults.exchange import Exchange, Hold
from ordersaga.testing.faults.fault import Fault, Fired, Kind

_MAX_BODY = 4 << 20
_UPSTREAM_SECONDS = 60.0
_CLOSING_SECONDS = 1.0


class FaultProxy:
    """An HTTP proxy in front of one service, or of a URL under which there are several. Use it with `async with`.

    `url` is then what to call instead. `faults` may be added to while it runs; a call that fits none of them passes
    unchanged.
    """

    def __init__(self, upstream: str, faults: Iterable[Fault] = ()) -> None:
        self.faults = list(faults)
        self.log: list[Fired] = []
        self.url = ""
        self._upstream = upstream.rstrip("/")
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._undone: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self._hold = Hold()

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
        self._hold.close()
        await self._runner.cleanup()
        await self._session.close()

    def release(self) -> None:
        """Let go of the calls that hang or are held back. Those that come later are held again."""
        self._hold.release()

    def fired(self, kind: Kind | None = None, call: str | None = None, order_id: str | None = None) -> list[Fired]:
        """The faults that happened, all or those that fit."""
        return [
            each
            for each in self.log
            if kind in (None, each.kind) and call in (None, each.call) and order_id in (None, each.order_id)
        ]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        exchange = Exchange(self._session, self._upstream, request, body, self._hold)
        call, order_id = recognise(request.method, request.path, body)
        if call is None:
            return await exchange.pass_on()
        exchange.undone = self._undone[UNDO_OF.get(call, ""), order_id]
        response = await self._with_faults(exchange, call, order_id)
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
        return await ACTS[fault.kind](exchange, fault)
