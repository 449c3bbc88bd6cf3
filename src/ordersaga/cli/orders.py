"""The commands about orders that have been placed: `status`, `cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]


def status(order_id: OrderId, as_json: AsJson = False) -> int:
    """Print the status of an order, one word."""
    return run_async(_status(order_id, as_json))


def cancel(
    order_id: OrderId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why. Stored with the order.")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Your name.")] = None,
    patience: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the result.")] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Cancel an order, and print whether that was in time.

    Exit code 1: it was too late, and nothing was undone. 3: the result is not known yet; repeat the command.
    """
    return run_async(_cancel(order_id, reason, by, patience, as_json))


async def _status(order_id: str, as_json: bool) -> int:
    async with order_client() as client:
        found = await client.get_order_status(order_id)
    if as_json:
        output.emit({"order_id": order_id, "status": found})
    else:
        output.line(output.coloured(found))
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
