"""`ordersaga place`: orders in, their results out."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ordersaga.cli import output
from ordersaga.cli.exits import Exit, WrongInput
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async
from ordersaga.domain.errors import InvalidOrder, OrderConflict

if TYPE_CHECKING:
    from rich.live import Live

    from ordersaga.cli.intake import BadLine, Found
    from ordersaga.client import OrderClient
    from ordersaga.domain.order import OrderInput

GOOD = ("completed", "placed")


def place(
    source: Annotated[Path, typer.Argument(metavar="FILE|-", help="The orders; - reads standard input.")],
    wait: Annotated[bool, typer.Option(help="Wait for each order's end.")] = True,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many orders are in flight at once.")] = 50,
    as_json: AsJson = False,
) -> int:
    """Place orders, and print the result of each: one JSON order, an array of them, or JSON lines.

    One order or an array is checked before anything is placed. Of JSON lines, each bad line is reported and the others
    are placed. Placing the same orders again does nothing twice, and prints the same results.
    Exit code 1: an order did not complete. 2: some of the input is no order that can be placed.
    """
    from ordersaga.cli import intake

    with intake.opened(source) as file:
        found = intake.orders(file)
        placing = _Placing(wait, as_json)
        # Until there is an order that can be placed, nothing needs Temporal.
        first = next(found, None)
        while isinstance(first, intake.BadLine):
            placing.turn_down(first)
            first = next(found, None)
        if first is not None:
            run_async(placing.all(chain([first], found), concurrency))
        return placing.sum_up()


class _Placing:
    """The orders under way, and the account of those that have been answered."""

    def __init__(self, wait: bool, as_json: bool) -> None:
        self._wait = wait
        self._as_json = as_json
        self._under_way = 0
        self._count: Counter[str] = Counter()
        self._live: Live | None = None

    async def all(self, found: Iterator[Found], concurrency: int) -> None:
        """Place them, at most `concurrency` at once."""
        queue: asyncio.Queue[Found | Exception | None] = asyncio.Queue(concurrency)
        async with order_client() as client:
            try:
                with self._progress():
                    _read_in_a_thread(found, queue)
                    async with asyncio.TaskGroup() as tasks:
                        for _ in range(concurrency):
                            tasks.create_task(self._take(queue, client))
            except BaseException:
                output.message(f"{self._account()}; {self._under_way:,} more were placed and go on without us")
                raise

    def turn_down(self, bad: BadLine) -> None:
        """Report a line that is no order that can be placed."""
        order_id, error = bad.error.order_id, f"line {bad.line}: {bad.error}"
        self._report({"order_id": order_id, "status": "invalid", "line": bad.line, "error": error})

    def sum_up(self) -> Exit:
        """Print how many ended how, and return the exit code."""
        if not self._count:
            raise WrongInput("The input holds no order. Nothing was started.")
        output.message(self._account())
        if self._count["invalid"]:
            return Exit.WRONG_INPUT
        return Exit.OK if set(self._count) <= set(GOOD) else Exit.NO

    async def _take(self, queue: asyncio.Queue[Found | Exception | None], client: OrderClient) -> None:
        from ordersaga.cli.intake import BadLine

        while (found := await queue.get()) is not None:
            if isinstance(found, Exception):
                raise found
            if isinstance(found, BadLine):
                self.turn_down(found)
                continue
            self._report(await self._answer(found, client))
        queue.put_nowait(None)

    async def _answer(self, order: OrderInput, client: OrderClient) -> dict[str, Any]:
        try:
            return await self._placed(order, client)
        except OrderConflict as conflict:
            return {"order_id": order.order_id, "status": "conflict", "error": str(conflict)}
        except InvalidOrder as invalid:
            return {"order_id": order.order_id, "status": "invalid", "error": str(invalid)}

    async def _placed(self, order: OrderInput, client: OrderClient) -> dict[str, Any]:
        placed = await client.submit_order(order)
        if not self._wait:
            total = order.total
            return placed.model_dump() | {"status": "placed", "amount": total.amount, "currency": total.currency}
        self._under_way += 1
        result = await client.result(order.order_id)
        self._under_way -= 1
        return result.model_dump(mode="json")

    def _report(self, answer: dict[str, Any]) -> None:
        self._count[answer["status"]] += 1
        if self._as_json:
            output.emit(answer)
        else:
            if self._count.total() == 1:
                output.line(_columns("ORDER", "STATUS", "AMOUNT", "TRACKING NUMBER OR ERROR"))
            amount = f"{answer['amount']} {answer['currency']}" if "amount" in answer else ""
            detail = answer.get("error") or answer.get("tracking_number") or ""
            output.line(_columns(answer["order_id"] or "?", answer["status"], amount, detail))
        if self._live:
            self._live.update(f"{self._account()}; {self._under_way} under way")

    def _account(self) -> str:
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(self._count.items()))
        return f"{self._count.total():,} answered: {counts or 'none'}"

    @contextmanager
    def _progress(self) -> Iterator[None]:
        if not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        with Live(
            "Placing orders", console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
        ) as self._live:
            yield
        self._live = None


def _columns(order_id: str, status: str, amount: str, detail: str) -> str:
    return f"{order_id:<20}  {output.coloured(status, 15)}  {amount:>16}  {detail}".rstrip()


def _read_in_a_thread(found: Iterator[Found], queue: asyncio.Queue[Found | Exception | None]) -> None:
    """Put what is found into the queue, then None. A thread of its own: reading a pipe would hold up the event loop."""
    loop = asyncio.get_running_loop()

    def put(item: Found | Exception | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits for more
            try:
                for item in found:
                    put(item)
            except OSError as error:
                put(WrongInput(f"The input cannot be read on: {error}. What was read before was placed."))
            put(None)

    threading.Thread(target=read, name="reading orders", daemon=True).start()
