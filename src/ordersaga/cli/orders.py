"""The commands about orders that have been placed: `status`, `show`, `cancel`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.domain.result import OrderView, StepStatus

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]


def status(order_id: OrderId, as_json: AsJson = False) -> int:
    """Print an order's status, one word."""
    return run_async(_status(order_id, as_json))


def show(order_id: OrderId, as_json: AsJson = False) -> int:
    """Print all that is known of an order: its steps, what went wrong, and when what happened."""
    return run_async(_show(order_id, as_json))


def cancel(
    order_id: OrderId,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the order.")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who asks.")] = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds to wait for the verdict.")] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Cancel an order, and print whether that came in time. Exit code 1: it was too late, the order stands."""
    return run_async(_cancel(order_id, reason, by, patience, as_json))


async def _status(order_id: str, as_json: bool) -> int:
    async with order_client() as client:
        found = await client.get_order_status(order_id)
    if as_json:
        output.emit({"order_id": order_id, "status": found})
    else:
        output.line(output.coloured(found))
    return Exit.OK


async def _show(order_id: str, as_json: bool) -> int:
    async with order_client() as client:
        view = await client.get_order(order_id)
    if as_json:
        output.emit(view)
    else:
        _print(view)
    return Exit.OK


async def _cancel(order_id: str, reason: str, by: str | None, patience: float, as_json: bool) -> int:
    from ordersaga.domain.result import CancelOutcome

    async with order_client() as client:
        answer = await client.cancel_order(order_id, reason, patience, by)
    if as_json:
        output.emit(answer)
    else:
        verdict = answer.outcome.replace("_", " ")
        detail = f"; {answer.detail}" if answer.detail else ""
        output.line(f"{order_id}: {verdict} (status {answer.status}{detail})")
    return Exit.OK if answer.outcome is CancelOutcome.CANCELLED else Exit.NO


def _print(view: OrderView) -> None:
    from ordersaga.domain.timeline_text import describe

    for name, value in _head(view):
        output.line(f"{name:<10}{value}")
    output.line()
    headers = ("step", "state", "attempts", "undo attempts", "next try", "id", "last error")
    output.table(headers, map(_step_row, view.steps))
    output.line()
    for entry in view.timeline:
        output.line(f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {describe(entry)}")


def _step_row(step: StepStatus) -> tuple[object, ...]:
    next_try = output.due(step.next_try) if step.next_try else ""
    by_person = step.undoing and step.state in ("done_by_hand", "written_off")
    state = f"undo_{step.state}" if by_person else step.state
    return step.name, state, step.attempts, step.undo_attempts, next_try, step.id, step.last_error


def _head(view: OrderView) -> Iterator[tuple[str, str]]:
    yield "order", view.order_id
    yield "status", output.coloured(view.status)
    yield "amount", f"{view.amount} {view.currency}"
    if view.tracking_number:
        yield "tracking", view.tracking_number
    if view.error:
        yield "error", f"{view.refusal}: {view.error}" if view.refusal else view.error
    if view.cancel_reason:
        yield "cancel", f"{view.cancel_reason} ({view.cancelled_by})" if view.cancelled_by else view.cancel_reason
