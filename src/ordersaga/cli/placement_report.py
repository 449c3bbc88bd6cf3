"""The account of what was placed: a row for each order, and how many ended how."""

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
    """An order that has no answer yet. `placed`: Temporal has it for certain."""

    order_id: str
    placed: bool = False


class PlacementReport:
    """Prints each answer as it comes, and counts."""

    def __init__(self, as_json: bool) -> None:
        self.under_way: dict[int, UnderWay] = {}
        self._as_json = as_json
        self._headed = as_json
        self._count: Counter[str] = Counter()
        self._live: Live | None = None

    @property
    def answered(self) -> int:
        """How many orders have an answer."""
        return self._count.total()

    @property
    def waiting(self) -> int:
        """How many orders are with Temporal and have not ended."""
        return sum(each.placed for each in self.under_way.values())

    def report(self, answer: dict[str, Any]) -> None:
        """Print an order's answer, and count it by its status."""
        self._count[answer["status"]] += 1
        self._print(answer)
        if self._live:
            self._live.update(f"{self._so_far()}; {len(self.under_way)} under way")

    def report_invalid(self, bad: BadLine) -> None:
        """Report a line that is no order that can be placed."""
        order_id, error = bad.error.order_id, f"line {bad.line}: {bad.error}"
        self.report({"order_id": order_id, "status": "invalid", "line": bad.line, "error": error})

    def sum_up(self) -> Exit:
        """Print how many ended how, and return the exit code."""
        if not self._count:
            raise WrongInput("The input holds no order. Nothing was started.")
        output.message(self._so_far())
        if self._count["invalid"]:
            return Exit.WRONG_INPUT
        return Exit.OK if set(self._count) <= set(GOOD) else Exit.NO

    def break_off(self) -> None:
        """Print what is known and what is not when placing ends early."""
        unknown = len(self.under_way) - self.waiting
        perhaps = f"; {unknown:,} may have been placed or not" if unknown else ""
        output.message(f"{self._so_far()}; {self.waiting:,} more were placed and go on without us{perhaps}")

    def report_unknown(self) -> None:
        """Print a row for each order whose end, or whose placing, nobody could tell us of."""
        for each in self.under_way.values():
            what = "it was placed and goes on; how it ends" if each.placed else "whether it was placed"
            error = f"{what} is not known. Place it again to know: nothing is done twice."
            self._print({"order_id": each.order_id, "status": "unknown", "error": error})

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show the account on stderr meanwhile, if that is a terminal."""
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
