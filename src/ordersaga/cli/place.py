"""`ordersaga place`: places orders and prints their results."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ordersaga.cli import output
from ordersaga.cli.adaptive_limiter import AdaptiveLimiter
from ordersaga.cli.exit_codes import WrongInput
from ordersaga.cli.output import AsJson
from ordersaga.cli.placement_report import PlacementReport, UnderWay
from ordersaga.cli.run import order_client, run_async
from ordersaga.domain.errors import InvalidOrder, OrderConflict, TemporalBusy, TemporalUnavailable

if TYPE_CHECKING:
    from ordersaga.cli.input_reader import Found
    from ordersaga.domain.order import OrderInput
    from ordersaga.orders.client import OrderClient

QUIET_SECONDS = 5.0
"""After this long without a finished order, check whether a worker is running."""


def place(
    source: Annotated[Path, typer.Argument(metavar="FILE|-", help="The orders; - reads standard input.")],
    wait: Annotated[bool, typer.Option(help="Wait until each order has ended.")] = True,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Orders in progress at once, 1 to 1000.")
    ] = 50,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Give up after Temporal has not responded for this long.")
    ] = 120,
    as_json: AsJson = False,
) -> int:
    """Place orders, and print the result of each.

    The input is one JSON order, an array of orders, or JSON lines. One order or an array is checked before anything is
    placed. With JSON lines, invalid lines are reported and the others are placed. Placing the same orders again
    changes nothing, and prints the same results. While Temporal is overloaded or not responding, fewer requests are
    sent at once, and failed ones are retried.

    Exit code 1: an order did not complete. 2: part of the input cannot be placed. 3: Temporal is not responding.
    """
    from ordersaga.cli import input_reader

    with input_reader.opened(source) as file:
        found = input_reader.orders(file)
        account = PlacementReport(as_json)
        # Temporal is not needed before there is a valid order.
        first = next(found, None)
        while isinstance(first, input_reader.BadLine):
            account.report_invalid(first)
            first = next(found, None)
        if first is not None:
            placing = Placing(account, wait, concurrency, patience)
            run_async(placing.all(chain([first], found)))
        return account.sum_up()


class Placing:
    """Places orders: at most `concurrency` at once, at a pace that Temporal can keep up with."""

    def __init__(self, account: PlacementReport, wait: bool, concurrency: int, patience: float) -> None:
        self._account = account
        self._wait = wait
        self._concurrency = concurrency
        self._pace = AdaptiveLimiter(concurrency, patience)

    async def all(self, found: Iterator[Found]) -> None:
        """Place all orders. Raises TemporalUnavailable, in a group, after `patience` seconds without a response."""
        queue: asyncio.Queue[Found | Exception | None] = asyncio.Queue(self._concurrency)
        async with order_client() as client:
            watch = asyncio.create_task(self._watch(client))
            try:
                with self._account.progress():
                    _read_in_a_thread(found, queue)
                    async with asyncio.TaskGroup() as tasks:
                        for _ in range(self._concurrency):
                            tasks.create_task(self._take(queue, client))
            except BaseException as error:
                if isinstance(error, BaseExceptionGroup) and error.subgroup(TemporalUnavailable):
                    self._account.report_unknown()
                self._account.break_off()
                raise
            finally:
                watch.cancel()

    async def _take(self, queue: asyncio.Queue[Found | Exception | None], client: OrderClient) -> None:
        from ordersaga.cli.input_reader import BadLine

        while (found := await queue.get()) is not None:
            if isinstance(found, Exception):
                raise found
            if isinstance(found, BadLine):
                self._account.report_invalid(found)
                continue
            under_way = self._account.under_way[id(found)] = UnderWay(found.order_id)
            answer = await self._answer(found, client, under_way)
            del self._account.under_way[id(found)]
            self._account.report(answer)
        queue.put_nowait(None)

    async def _answer(self, order: OrderInput, client: OrderClient, under_way: UnderWay) -> dict[str, Any]:
        try:
            return await self._placed(order, client, under_way)
        except OrderConflict as conflict:
            return {"order_id": order.order_id, "status": "conflict", "error": str(conflict)}
        except InvalidOrder as invalid:
            return {"order_id": order.order_id, "status": "invalid", "error": str(invalid)}

    async def _placed(self, order: OrderInput, client: OrderClient, under_way: UnderWay) -> dict[str, Any]:
        while True:
            placed = await self._pace.ask(lambda: client.submit_order(order))
            under_way.placed = True
            if not self._wait:
                total = order.total
                return placed.model_dump() | {"status": "placed", "amount": total.amount, "currency": total.currency}
            # If waiting for the result failed, place the order again, which shows whether Temporal responds.
            with suppress(TemporalBusy):
                return (await client.result(order.order_id)).model_dump(mode="json")

    async def _watch(self, client: OrderClient) -> None:
        """Print a message, once, if orders wait because no worker is running."""
        from temporalio.service import RPCError

        from ordersaga.orders.connection import pollers

        answered, queue = 0, client.settings.task_queue
        while True:
            await asyncio.sleep(QUIET_SECONDS)
            before, answered = answered, self._account.answered
            if not self._account.waiting or answered != before:
                continue
            with suppress(RPCError):
                if not await pollers(client.temporal, queue):
                    output.message(
                        f"{self._account.waiting:,} placed and waiting: no worker polls the task queue {queue!r}. "
                        "Start one with `ordersaga worker` or `ordersaga up`; the orders continue then."
                    )
                    return


def _read_in_a_thread(found: Iterator[Found], queue: asyncio.Queue[Found | Exception | None]) -> None:
    """Put all items into the queue, then None. Reads in a thread, because reading a pipe would block the event loop."""
    loop = asyncio.get_running_loop()

    def put(item: Found | Exception | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed
            try:
                for item in found:
                    put(item)
            except OSError as error:
                put(WrongInput(f"Reading the input failed: {error}. The orders read before were placed."))
            put(None)

    threading.Thread(target=read, name="reading orders", daemon=True).start()
