"""The commands for what waits for a person, and for what people did: `worklist`, `resolve`, `note`, `audit`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit, WrongInput
from ordersaga.cli.orders import OrderId
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.domain.audit_log import AuditFilter, AuditItem
    from ordersaga.domain.worklist import OrderDecision, WorklistItem

_MOST_CHARACTERS = 500
_LONGEST_ERROR = 60
"""In a table; --json has all of it."""


def worklist(as_json: AsJson = False) -> int:
    """List the orders that wait for a person.

    Each line says why the order waits, the amount at risk, for how long, and which step. Exit code 1: at least one
    order waits. The reasons:

    - `parked`: a step cannot be undone. Decide with `ordersaga resolve`.
    - `mail_not_sent`: the order has completed, but its confirmation was not sent.
    - `refund_failed`: the refund failed after the order had ended.
    - `cut_off`: the run was ended from outside, and the watcher cannot recover it. See the worker's log.
    - `wedged`: the worker cannot continue the run, because of a bug or because it is too old to read the order. See the
      worker's log.
    - `overdue`: the run takes longer than the order's policy allows.
    """
    return run_async(_worklist(as_json))


def resolve(
    order_id: OrderId,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.")],
    retry: Annotated[bool, typer.Option("--retry", help="Try again now.")] = False,
    done_by_hand: Annotated[str | None, typer.Option(metavar="REFERENCE", help="It has been done outside.")] = None,
    write_off: Annotated[str | None, typer.Option(metavar="REASON", help="It will not be done.")] = None,
    go_forward: Annotated[
        bool, typer.Option("--go-forward", help="The parcel has left: the order goes forward.")
    ] = False,
    step: Annotated[str | None, typer.Option(metavar="STEP", help="Which step, if several are parked.")] = None,
    as_json: AsJson = False,
) -> int:
    """Decide on a step that is parked, or on an email that was not sent.

    Who decided, and why, is kept with the order.
    """
    from ordersaga.domain.worklist import OrderDecision

    choices = {
        "retry": "" if retry else None,
        "done_by_hand": done_by_hand,
        "write_off": write_off,
        "go_forward": "" if go_forward else None,
    }
    taken = {choice: note for choice, note in choices.items() if note is not None}
    if len(taken) != 1:
        raise WrongInput("Give one of --retry, --done-by-hand, --write-off and --go-forward. Nothing was changed.")
    ((choice, note),) = taken.items()
    if max(len(note), len(by)) > _MOST_CHARACTERS:
        raise WrongInput(f"A name or a note has at most {_MOST_CHARACTERS} characters. Nothing was changed.")
    decision = OrderDecision.model_validate({"choice": choice, "by": by, "note": note, "step": step})
    return run_async(_resolve(order_id, decision, as_json))


def note(
    order_id: OrderId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who writes it.")],
    note_id: Annotated[str | None, typer.Option(metavar="ID", help="Makes it safe to repeat.")] = None,
    as_json: AsJson = False,
) -> int:
    """Write a note on an order.

    The order may have ended. The note is shown with the order, and never changes.
    """
    return run_async(_note(order_id, by, text, note_id, as_json))


def audit(
    order: Annotated[str | None, typer.Option(metavar="ID", help="Only what was done to this order.")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this person did.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only decision, note or cancel_requested.")] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most this many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> int:
    """List who did what, when, on which order, newest first.

    Lists decisions, notes and requests to cancel. Times are UTC.
    """
    from ordersaga.domain.audit_log import AuditFilter, AuditKind

    if kind is not None and kind not in list(AuditKind):
        raise WrongInput(f"There is no kind {kind!r}; there are {', '.join(AuditKind)}. Nothing was asked.")
    return run_async(_audit(AuditFilter(order, by, AuditKind(kind) if kind else None), limit, as_json))


async def _worklist(as_json: bool) -> int:
    from ordersaga.orders.worklist import read_worklist

    async with order_client(lazy=True) as client:
        found = await read_worklist(client.temporal, client.register)
    if as_json:
        for item in found.items:
            output.emit(item)
    elif found.items:
        headers = ("order", "why", "at risk", "for", "step", "attempts", "next try", "error", "customer")
        output.table(headers, [row for item in found.items for row in _rows(item)])
    elif found.problem is None:
        output.line("Nothing waits for a person.")
    if found.problem:
        output.message(found.problem)
    if found.items:
        return Exit.NO
    return Exit.OK if found.problem is None else Exit.NO_ANSWER


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


async def _note(order_id: str, by: str, text: str, note_id: str | None, as_json: bool) -> int:
    async with order_client(lazy=True) as client:
        written = await client.note(order_id, by, text, note_id)
    if as_json:
        output.emit(written)
    else:
        output.line(f"{order_id}: noted by {written.by}")
    return Exit.OK


async def _audit(wanted: AuditFilter, limit: int, as_json: bool) -> int:
    rows: list[AuditItem] = []
    async with order_client(lazy=True) as client:
        async for item in client.audit(wanted, limit + 1 if limit else None):
            if limit and len(rows) == limit:
                output.message(f"There are more than these {limit}; --limit 0 lists all.")
                break
            if as_json:
                output.emit(item)
            rows.append(item)
    if not as_json:
        output.table(("when", "who", "what", "order", "said"), map(_audit_row, rows))
    return Exit.OK


def _rows(item: WorklistItem) -> Iterator[tuple[object, ...]]:
    """A row for each step that waits; one, if none does."""
    amount = f"{item.amount_at_risk} {item.currency}" if item.amount_at_risk not in (None, "0") else "-"
    head = item.order_id, item.attention, amount, output.age(item.since)
    for step in item.steps:
        later = step.next_try is not None and step.next_try > datetime.now(UTC)
        next_try = output.due(step.next_try) if step.next_try and later else "-"
        attempts = f"{step.attempts}" if later or step.next_try is None else f"over {step.attempts}"
        name = f"undo of {step.name}" if step.undoing else step.name
        yield *head, name, attempts, next_try, _short(step.error), item.customer_id
    if not item.steps:
        yield *head, "-", "-", "-", "-", item.customer_id


def _short(text: str | None) -> str:
    words = " ".join((text or "-").split())
    return words if len(words) <= _LONGEST_ERROR else f"{words[: _LONGEST_ERROR - 1]}…"


def _audit_row(item: AuditItem) -> tuple[object, ...]:
    step = f"undo of {item.step}" if item.undoing else item.step
    what = f"{item.choice}: {step}" if item.choice else item.kind
    said = item.text or item.note or item.reason
    return f"{item.at:%Y-%m-%d %H:%M:%S}", item.by or "-", what, item.order_id, said
