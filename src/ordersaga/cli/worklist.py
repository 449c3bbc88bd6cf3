"""The commands for what waits for a person: `worklist`, `resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exits import Exit, WrongInput
from ordersaga.cli.orders import OrderId
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.domain.worklist import OrderDecision, WorklistItem

_MOST_CHARACTERS = 500


def worklist(as_json: AsJson = False) -> int:
    """List the orders that wait for a person, with the amount at risk and since when. Exit code 1: there are some.

    parked: a step cannot be undone; decide with `ordersaga resolve`. mail_not_sent: the order has completed without its
    confirmation. cut_off: somebody ended the run from outside; the watcher settles it in its next round.
    wedged: the worker cannot go on with it, by a bug or because its version cannot read it; the worker's log says why.
    """
    return run_async(_worklist(as_json))


def resolve(
    order_id: OrderId,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.")],
    retry: Annotated[bool, typer.Option("--retry", help="Try again now.")] = False,
    done_by_hand: Annotated[str | None, typer.Option(metavar="REFERENCE", help="It has been done outside.")] = None,
    write_off: Annotated[str | None, typer.Option(metavar="REASON", help="It will not be done.")] = None,
    went_out: Annotated[bool, typer.Option("--went-out", help="The parcel has left: the order goes forward.")] = False,
    step: Annotated[str | None, typer.Option(metavar="STEP", help="Which step, if several are parked.")] = None,
    as_json: AsJson = False,
) -> int:
    """Decide on what is parked in an order, or on a mail that was not sent. Who and why is kept with the order."""
    from ordersaga.domain.worklist import OrderDecision

    choices = {
        "retry": "" if retry else None,
        "done_by_hand": done_by_hand,
        "write_off": write_off,
        "go_forward": "" if went_out else None,
    }
    taken = {choice: note for choice, note in choices.items() if note is not None}
    if len(taken) != 1:
        raise WrongInput("Give one of --retry, --done-by-hand, --write-off and --went-out. Nothing was changed.")
    ((choice, note),) = taken.items()
    if max(len(note), len(by)) > _MOST_CHARACTERS:
        raise WrongInput(f"A name or a note has at most {_MOST_CHARACTERS} characters. Nothing was changed.")
    decision = OrderDecision.model_validate({"choice": choice, "by": by, "note": note, "step": step})
    return run_async(_resolve(order_id, decision, as_json))


async def _worklist(as_json: bool) -> int:
    async with order_client() as client:
        items = await client.worklist()
    if as_json:
        for item in items:
            output.emit(item)
    elif items:
        headers = ("order", "why", "at risk", "for", "status", "customer")
        output.table(headers, map(_row, sorted(items, key=lambda item: item.since)))
    else:
        output.line("Nothing waits for a person.")
    return Exit.NO if items else Exit.OK


async def _resolve(order_id: str, decision: OrderDecision, as_json: bool) -> int:
    from ordersaga.domain.worklist import unresolved

    async with order_client() as client:
        view = await client.resolve(order_id, decision)
    failed = unresolved(view, decision) if decision.choice == "retry" else None
    if as_json:
        output.emit(view)
        return Exit.NO if failed else Exit.OK
    if failed is not None:
        next_try = f" It is tried again by itself {output.due(failed.next_try)}." if failed.next_try else ""
        output.line(f"{order_id}: {failed.name} was tried again and did not succeed: {failed.last_error}.{next_try}")
        return Exit.NO
    steps = ", ".join(f"{step.name} {step.state}" for step in view.steps if step.state != "pending")
    output.line(f"{order_id}: {decision.choice.replace('_', ' ')}, by {decision.by} (status {view.status}; {steps})")
    return Exit.OK


def _row(item: WorklistItem) -> tuple[object, ...]:
    amount = f"{item.amount_at_risk} {item.currency}" if item.amount_at_risk not in (None, "0") else "-"
    return item.order_id, item.attention, amount, output.age(item.since), item.status, item.customer_id
