"""The command `show`: everything that is known about an order."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.orders import OrderId
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderView, StepStatus
    from ordersaga.orders.client import OrderClient
    from ordersaga.orders.reading import OrderDetails

_LABEL_WIDTH = 11
_STEP_HEADERS = ("step", "state", "attempts", "undo attempts", "next attempt", "id", "last error")


def show(order_id: OrderId, as_json: AsJson = False) -> int:
    """Print everything that is known about an order.

    Prints its lines, customer, address and policy, its steps and errors, its event log, its notes, and the URLs of its
    pages. Times are in UTC. With --json, `order` is the order as it was placed, and `pages` has the URLs.
    """
    return run_async(_show(order_id, as_json))


async def _show(order_id: str, as_json: bool) -> int:
    from ordersaga.orders.reading import OrderReader

    async with order_client() as client:
        details = await OrderReader(client.temporal, client.register, live_only=True).details(order_id)
    pages = dict(_pages(client, details))
    if as_json:
        output.emit(_document(details, pages))
    else:
        _print(details, pages)
    return Exit.OK


def _pages(client: OrderClient, details: OrderDetails) -> Iterator[tuple[str, str]]:
    """The URLs of the order's pages, as far as they are set."""
    settings = client.settings
    if settings.dashboard_url:
        yield "dashboard", f"{settings.dashboard_url.rstrip('/')}/orders/{details.view.order_id}"
    if settings.temporal_ui_url:
        yield "temporal", details.temporal_page(settings.temporal_ui_url, client.temporal.namespace)


def _document(details: OrderDetails, pages: dict[str, str]) -> dict[str, object]:
    """The order's view, as returned by `OrderClient.get_order`, with the other details added."""
    known = details.model_dump(mode="json", include={"order", "workflow_id", "run_id", "attention", "notes"})
    times = details.summary.model_dump(mode="json", include={"started_at", "closed_at"})
    return details.view.model_dump(mode="json") | times | known | {"pages": pages}


def _print(details: OrderDetails, pages: dict[str, str]) -> None:
    for name, value in _head(details, pages):
        _print_fact(name, value)
    if details.order:
        output.line()
        output.table(("sku", "quantity", "price", "total"), _lines(details.order))
    output.line()
    _print_steps(details.view)
    _print_events(details)


def _print_fact(name: str, value: str) -> None:
    """Print a labelled value. In a terminal, long values wrap between words."""
    width = shutil.get_terminal_size().columns - _LABEL_WIDTH if sys.stdout.isatty() else len(value) + 1
    first, *more = textwrap.wrap(value, max(20, width), break_long_words=False, break_on_hyphens=False) or [""]
    output.line(f"{name:<{_LABEL_WIDTH}}{first}")
    for line in more:
        output.line(f"{'':<{_LABEL_WIDTH}}{line}")


def _head(details: OrderDetails, pages: dict[str, str]) -> Iterator[tuple[str, str]]:
    view, summary = details.view, details.summary
    yield "order", view.order_id
    yield "status", output.coloured(view.status)
    if details.attention:
        yield "attention", f"{details.attention.attention} for {output.age(details.attention.since)}"
    yield "placed", _time(summary.started_at)
    if details.has_ended and summary.closed_at:
        yield "ended", _time(summary.closed_at)
    yield "amount", f"{view.amount} {view.currency}"
    yield from _contents(details)
    if view.tracking_number:
        yield "tracking", view.tracking_number
    if view.error:
        yield "error", f"{view.refusal}: {view.error}" if view.refusal else view.error
    if view.cancel_reason:
        yield "cancel", f"{view.cancel_reason} ({view.cancelled_by})" if view.cancelled_by else view.cancel_reason
    yield "workflow", f"{details.workflow_id}, run {details.run_id}" if details.run_id else details.workflow_id
    yield from pages.items()


def _contents(details: OrderDetails) -> Iterator[tuple[str, str]]:
    """What the customer ordered."""
    if details.customer_id:
        yield "customer", details.customer_id
    order = details.order
    if order is None:
        yield "content", "not readable: the run has other input, or was written with a different payload codec"
        return
    if order.email:
        yield "email", order.email
    to = order.shipping_address
    yield (
        "address",
        ", ".join(part for part in (to.street, to.city, f"{to.state} {to.zip_code}".strip(), to.country) if part),
    )
    yield "payment", order.payment_method_id
    yield "policy", _policy(order)


def _policy(order: OrderInput) -> str:
    from ordersaga.domain.order import OrderPolicy

    policy = order.policy or OrderPolicy()
    return ", ".join(f"{name} {seconds:g} s" for name, seconds in policy.model_dump().items())


def _lines(order: OrderInput) -> Iterator[tuple[object, ...]]:
    from ordersaga.domain.money import Money

    for item in order.items:
        price = Money.parse(item.price, order.currency)
        yield item.sku, item.quantity, price.amount, (price * item.quantity).amount


def _print_steps(view: OrderView) -> None:
    """Print the steps. In a terminal, empty columns are left out and errors follow below, to save width."""
    rows = [_step_row(step) for step in view.steps]
    if not sys.stdout.isatty():
        output.table(_STEP_HEADERS, rows)
        return
    kept = [at for at in range(len(_STEP_HEADERS) - 1) if any(row[at] not in ("", 0) for row in rows)]
    output.table([_STEP_HEADERS[at] for at in kept], ([row[at] for at in kept] for row in rows))
    for step in view.steps:
        if step.last_error:
            output.line(textwrap.fill(f"{step.name}: {step.last_error}", shutil.get_terminal_size().columns))


def _step_row(step: StepStatus) -> tuple[object, ...]:
    next_try = output.due(step.next_try) if step.next_try else ""
    by_person = step.undoing and step.state in ("done_by_hand", "written_off")
    state = f"undo_{step.state}" if by_person else step.state
    return step.name, state, step.attempts, step.undo_attempts, next_try, step.id, step.last_error


def _print_events(details: OrderDetails) -> None:
    from ordersaga.domain.timeline_text import describe

    output.line()
    for entry in details.view.timeline:
        output.line(f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {describe(entry)}")
    if details.notes:
        output.line()
    for note in details.notes:
        output.line(f"{note.at:%Y-%m-%d %H:%M:%S}  {note.by}: {note.text}")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
