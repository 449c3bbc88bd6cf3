"""The report of `ordersaga place`: a row for each order, and the number of orders by status."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit, WrongInput

if TYPE_CHECKING:
    from rich.live import Live

    from ordersaga.cli.input_reader import BadLine

GOOD = ("completed", "placed")


@dataclass
class UnderWay:
    """An order without a result yet. `placed`: Temporal has accepted it."""

    order_id: str
    placed: bool = False


class PlacementReport:
    """Prints and counts the results as they come in."""

    def __init__(self, as_json: bool) -> None:
        self.under_way: dict[int, UnderWay] = {}
        self._as_json = as_json
        self._headed = as_json
        self._count: Counter[str] = Counter()
        self._live: Live | None = None

    @property
    def answered(self) -> int:
        """How many orders have a result."""
        return self._count.total()

    @property
    def waiting(self) -> int:
        """How many placed orders have not ended."""
        return sum(order.placed for order in self.under_way.values())

    def report(self, answer: dict[str, Any]) -> None:
        """Print an order's result, and count it by status."""
        self._count[answer["status"]] += 1
        self._print(answer)
        if self._live:
            self._live.update(f"{self._so_far()}; {len(self.under_way)} in progress")

    def report_invalid(self, bad: BadLine) -> None:
        """Report a line that is not a valid order."""
        order_id, error = bad.error.order_id, f"line {bad.line}: {bad.error}"
        self.report({"order_id": order_id, "status": "invalid", "line": bad.line, "error": error})

    def sum_up(self) -> Exit:
        """Print the number of orders by status, and return the exit code."""
        if not self._count:
            raise WrongInput("The input contains no orders. Nothing was started.")
        output.message(self._so_far())
        if self._count["invalid"]:
            return Exit.WRONG_INPUT
        return Exit.OK if set(self._count) <= set(GOOD) else Exit.NO

    def break_off(self) -> None:
        """Print what is known when placing is aborted."""
        unknown = len(self.under_way) - self.waiting
        perhaps = f"; {unknown:,} may or may not have been placed" if unknown else ""
        output.message(f"{self._so_far()}; {self.waiting:,} more were placed and continue{perhaps}")

    def report_unknown(self) -> None:
        """Print a row for each order whose result is unknown, or that may not have been placed."""
        for order in self.under_way.values():
            known = "it was placed and continues; its result" if order.placed else "whether it was placed"
            error = f"{known} is unknown. Place it again to find out: nothing is done twice."
            self._print({"order_id": order.order_id, "status": "unknown", "error": error})

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show the counts on stderr while the block runs, if it is a terminal."""
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

    def _so_far(self) -> str:
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(self._count.items()))
        return f"{self.answered:,} answered: {counts or 'none'}"

    def _print(self, answer: dict[str, Any]) -> None:
        if self._as_json:
            output.emit(answer)
            return
        if not self._headed:
            output.line(_columns("ORDER", "STATUS", "AMOUNT", "TRACKING NUMBER OR ERROR"))
            self._headed = True
        amount = f"{answer['amount']} {answer['currency']}" if "amount" in answer else ""
        detail = answer.get("error") or answer.get("tracking_number") or ""
        output.line(_columns(answer["order_id"] or "?", answer["status"], amount, detail))


def _columns(order_id: str, status: str, amount: str, detail: str) -> str:
    return f"{order_id:<20}  {output.coloured(status, 15)}  {amount:>16}  {detail}".rstrip()
