"""What the demo shows: live progress, then the table of outcomes and the books."""

from __future__ import annotations

from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ordersaga.demo.cast import TOLD, Cause, Scene
from ordersaga.testing.books import Books

COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow"}


def progress(scenes: list[Scene], news: str) -> Group:
    """One screen: how many orders of each cause have ended."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for cause in Cause:
        of_cause = [scene for scene in scenes if scene.cause is cause]
        ended = sum(scene.result is not None for scene in of_cause)
        bar = ProgressBar(total=len(of_cause), completed=ended, width=24)
        table.add_row(Text(_name(cause), style="bold"), bar, f"{ended}/{len(of_cause)}", Text(TOLD[cause], style="dim"))
    ended = sum(scene.result is not None for scene in scenes)
    head = Text(f"{ended} of {len(scenes)} orders have ended", style="bold")
    return Group(head, "", table, "", Text(news, style="bold red"))


def outcomes(scenes: list[Scene], ui: str | None) -> Table:
    """The table by cause. With the Web UI's URL, each row links to one of its orders there."""
    table = Table("what happened", "orders", "how they ended", "median", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = table.columns[3].justify = "right"
    if ui:
        table.add_column("look at one", no_wrap=True)
    for cause in Cause:
        of_cause = [scene for scene in scenes if scene.cause is cause]
        row: list[RenderableType] = [
            Text.assemble((_name(cause), "bold"), f"\n{TOLD[cause]}"),
            str(len(of_cause)),
            _ends(of_cause),
            f"{median(scene.seconds for scene in of_cause):.1f} s",
        ]
        table.add_row(*row, *([link(ui, of_cause[0])] if ui else []))
    return table


def link(ui: str, scene: Scene) -> Text:
    """An order, linked to its page in Temporal's Web UI."""
    workflow_id = f"order-{scene.order.order_id}"
    return Text(workflow_id, style=Style(link=f"{orders_page(ui)}/{workflow_id}", underline=True))


def orders_page(ui: str) -> str:
    """The page of all orders in Temporal's Web UI."""
    return f"{ui}/namespaces/default/workflows"


def show_books(console: Console, scenes: list[Scene], books: Books) -> None:
    """Say whether the books balance and every order is accounted for."""
    for currency, money in sorted(books.money.items()):
        console.print(
            f"The books: {money.captured} {currency} captured, {money.refunded} refunded, "
            f"{money.shipped} worth of goods in live shipments"
        )
    for violation in books.violations:
        console.print(f"broken: {violation.order_id or violation.sku}: {violation.detail}", style="red")
    surprised = [scene for scene in scenes if scene.surprise]
    for scene in surprised:
        console.print(f"order {scene.order.order_id} ({scene.cause}): {scene.surprise}", style="red")
    if books.balanced:
        console.print("The books balance.", style="bold green")
    if not surprised:
        console.print(f"Every order accounted for: {len(scenes)} of {len(scenes)}.", style="bold green")


def as_json(scenes: list[Scene], books: Books) -> dict[str, Any]:
    """The demo's account: how many orders of each cause ended as they had to, and the books."""
    good = [scene for scene in scenes if not scene.surprise]
    return {
        "orders": len(scenes),
        "outcomes": {cause: sum(scene.cause is cause for scene in good) for cause in Cause},
        "surprises": [
            {"order_id": scene.order.order_id, "cause": scene.cause, "problem": scene.surprise}
            for scene in scenes
            if scene.surprise
        ],
        "books": books.to_json(),
    }


def _name(cause: Cause) -> str:
    return cause.replace("_", " ")


def _ends(scenes: list[Scene]) -> Text:
    ends = Text()
    for status in dict.fromkeys(scene.result.status for scene in scenes if scene.result):
        ends.append(status, style=COLOURS.get(status, "bold red")).append("  ")
    refusals = {scene.result.refusal for scene in scenes if scene.result and scene.result.refusal}
    return ends.append("\n" + ", ".join(sorted(refusals)), style="dim") if refusals else ends
