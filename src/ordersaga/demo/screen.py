"""The output of the demo: live progress, then the table of outcomes and the books."""

from __future__ import annotations

from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ordersaga.audit.books import Books
from ordersaga.demo.scenarios import DESCRIPTIONS, Cause, Scenario

COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow"}


def progress(scenarios: list[Scenario], news: str) -> Group:
    """The progress screen: how many orders of each cause have ended."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for cause in Cause:
        of_cause = [scenario for scenario in scenarios if scenario.cause is cause]
        ended = sum(scenario.result is not None for scenario in of_cause)
        bar = ProgressBar(total=len(of_cause), completed=ended, width=24)
        table.add_row(
            Text(_name(cause), style="bold"), bar, f"{ended}/{len(of_cause)}", Text(DESCRIPTIONS[cause], style="dim")
        )
    ended = sum(scenario.result is not None for scenario in scenarios)
    head = Text(f"{ended} of {len(scenarios)} orders have ended", style="bold")
    return Group(head, "", table, "", Text(news, style="bold red"))


def outcomes(scenarios: list[Scenario], ui: str | None) -> Table:
    """The outcomes by cause. With the Web UI's URL, each row links to one of its orders."""
    table = Table("scenario", "orders", "outcome", "median time", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = table.columns[3].justify = "right"
    if ui:
        table.add_column("example", no_wrap=True)
    for cause in Cause:
        of_cause = [scenario for scenario in scenarios if scenario.cause is cause]
        row: list[RenderableType] = [
            Text.assemble((_name(cause), "bold"), f"\n{DESCRIPTIONS[cause]}"),
            str(len(of_cause)),
            _ends(of_cause),
            f"{median(scenario.seconds for scenario in of_cause):.1f} s",
        ]
        table.add_row(*row, *([link(ui, of_cause[0])] if ui else []))
    return table


def link(ui: str, scenario: Scenario) -> Text:
    """An order with a link to its page in Temporal's Web UI."""
    workflow_id = f"order-{scenario.order.order_id}"
    return Text(workflow_id, style=Style(link=f"{orders_page(ui)}/{workflow_id}", underline=True))


def orders_page(ui: str) -> str:
    """The URL of all orders in Temporal's Web UI."""
    return f"{ui}/namespaces/default/workflows"


def show_books(console: Console, scenarios: list[Scenario], books: Books) -> None:
    """Print whether the books balance and every order ended as expected."""
    for currency, money in sorted(books.money.items()):
        console.print(
            f"The books: {money.captured} {currency} captured, {money.refunded} refunded, "
            f"{money.shipped} worth of goods in live shipments"
        )
    for violation in books.violations:
        console.print(f"violation: {violation.order_id or violation.sku}: {violation.detail}", style="red")
    mismatched = [scenario for scenario in scenarios if scenario.mismatch]
    for scenario in mismatched:
        console.print(f"order {scenario.order.order_id} ({scenario.cause}): {scenario.mismatch}", style="red")
    if books.balanced:
        console.print("The books balance.", style="bold green")
    if not mismatched:
        console.print(f"Every order ended as expected: {len(scenarios)} of {len(scenarios)}.", style="bold green")


def as_json(scenarios: list[Scenario], books: Books) -> dict[str, Any]:
    """The result as JSON: how many orders of each cause ended as expected, and the books."""
    good = [scenario for scenario in scenarios if not scenario.mismatch]
    return {
        "orders": len(scenarios),
        "outcomes": {cause: sum(scenario.cause is cause for scenario in good) for cause in Cause},
        "surprises": [
            {"order_id": scenario.order.order_id, "cause": scenario.cause, "problem": scenario.mismatch}
            for scenario in scenarios
            if scenario.mismatch
        ],
        "books": books.to_json(),
    }


def _name(cause: Cause) -> str:
    return cause.replace("_", " ")


def _ends(scenarios: list[Scenario]) -> Text:
    ends = Text()
    for status in dict.fromkeys(scenario.result.status for scenario in scenarios if scenario.result):
        ends.append(status, style=COLOURS.get(status, "bold red")).append("  ")
    refusals = {scenario.result.refusal for scenario in scenarios if scenario.result and scenario.result.refusal}
    return ends.append("\n" + ", ".join(sorted(refusals)), style="dim") if refusals else ends
