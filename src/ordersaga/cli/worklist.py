"""The commands for the worklist and the audit log: `worklist`, `resolve`, `note`, `audit`."""

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

_MAX_CHARACTERS = 500
_MAX_ERROR = 60
"""In tables. --json prints the whole text."""


def worklist(as_json: AsJson = False) -> int:
    """List the orders that need attention.

    Each line shows the problem, the amount at risk, how long the order has waited, and the step. Exit code 1: there is
    at least one such order. The problems:

    - `parked`: a step cannot be undone. Decide with `ordersaga resolve`.
    - `mail_not_sent`: the order has completed, but its confirmation was not sent.
    - `refund_failed`: the refund failed after the order had ended.
    - `cut_off`: the run was terminated from outside, and the watcher has not recovered it. See the worker's log.
    - `wedged`: the worker cannot continue the run, because of a bug or because it is too old to read the order. See the
      worker's log.
    - `overdue`: the run takes longer than the order's policy allows.
    """
    return run_async(_worklist(as_json))


def resolve(
    order_id: OrderId,
    by: Annotated[str, typer.Option(metavar="NAME", help="Your name.")],
    retry: Annotated[bool, typer.Option("--retry", help="Retry the step now.")] = False,
    done_by_hand: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="You have done it outside ordersaga.")
    ] = None,
    write_off: Annotated[str | None, typer.Option(metavar="REASON", help="Give up on the step. This is final.")] = None,
    go_forward: Annotated[bool, typer.Option("--go-forward", help="The parcel has left: complete the order.")] = False,
    step: Annotated[str | None, typer.Option(metavar="STEP", help="Which step, if several are parked.")] = None,
    as_json: AsJson = False,
) -> int:
    """Decide on a parked step, or on an email that was not sent.

    Your name and the reason are stored with the order.
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
        raise WrongInput(
            "Give exactly one of --retry, --done-by-hand, --write-off and --go-forward. Nothing was changed."
        )
    ((choice, note),) = taken.items()
    if max(len(note), len(by)) > _MAX_CHARACTERS:
        raise WrongInput(f"A name or a note can have at most {_MAX_CHARACTERS} characters. Nothing was changed.")
    decision = OrderDecision.model_validate({"choice": choice, "by": by, "note": note, "step": step})
    return run_async(_resolve(order_id, decision, as_json))


def note(
    order_id: OrderId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text of the note.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Your name.")],
    note_id: Annotated[
        str | None, typer.Option(metavar="ID", help="An id that makes the command safe to repeat.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Add a note to an order.

    The order may have ended. The note is shown with the order and cannot be changed.
    """
    return run_async(_note(order_id, by, text, note_id, as_json))


def audit(
    order: Annotated[str | None, typer.Option(metavar="ID", help="Only entries for this order.")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Only entries by this person.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only decision, note or cancel_requested.")] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most this many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> int:
    """List who did what, when, on which order, newest first.

    Lists decisions, notes and cancellations. Times are in UTC.
    """
    from ordersaga.domain.audit_log import AuditFilter, AuditKind

    if kind is not None and kind not in list(AuditKind):
        raise WrongInput(f"Unknown kind {kind!r}. Use one of {', '.join(AuditKind)}. Nothing was listed.")
    return run_async(_audit(AuditFilter(order, by, AuditKind(kind) if kind else None), limit, as_json))


async def _worklist(as_json: bool) -> int:
    from ordersaga.orders.worklist import read_worklist

    async with order_client(lazy=True) as client:
        found = await read_worklist(client.temporal, client.register)
    if as_json:
        for item in found.items:
            output.emit(item)
    elif found.items:
        headers = ("order", "problem", "at risk", "for", "step", "attempts", "next attempt", "error", "customer")
        output.table(headers, [row for item in found.items for row in _rows(item)])
    elif found.problem is None:
        output.line("No orders need attention.")
    if found.problem:
        output.message(found.problem)
    if found.items:
        return Exit.NO
    return Exit.OK if found.problem is None else Exit.NO_ANSWER


async def _resolve(order_id: str, decision: OrderDecision, as_json: bool) -> int:
    from ordersaga.domain.timeline_text import describe_choice
    from ordersaga.domain.worklist import unresolved

    async with order_client() as client:
        view = await client.resolve(order_id, decision)
    failed = unresolved(view, decision) if decision.choice == "retry" else None
    if as_json:
        output.emit(view)
        return Exit.NO if failed else Exit.OK
    if failed is not None:
        next_try = f" Next attempt {output.due(failed.next_try)}." if failed.next_try else ""
        output.line(f"{order_id}: the retry of {failed.name} failed: {failed.last_error}.{next_try}")
        return Exit.NO
    steps = ", ".join(f"{step.name} {step.state}" for step in view.steps if step.state != "pending")
    output.line(f"{order_id}: {describe_choice(decision.choice)} by {decision.by} (status {view.status}; {steps})")
    return Exit.OK


async def _note(order_id: str, by: str, text: str, note_id: str | None, as_json: bool) -> int:
    async with order_client(lazy=True) as client:
        written = await client.note(order_id, by, text, note_id)
    if as_json:
        output.emit(written)
    else:
        output.line(f"{order_id}: note by {written.by} saved")
    return Exit.OK


async def _audit(wanted: AuditFilter, limit: int, as_json: bool) -> int:
    rows: list[AuditItem] = []
    async with order_client(lazy=True) as client:
        async for item in client.audit(wanted, limit + 1 if limit else None):
            if limit and len(rows) == limit:
                output.message(f"There are more than {limit}. Use --limit 0 to list all.")
                break
            if as_json:
                output.emit(item)
            rows.append(item)
    if not as_json:
        output.table(("when", "who", "action", "order", "text"), map(_audit_row, rows))
    return Exit.OK


def _rows(item: WorklistItem) -> Iterator[tuple[object, ...]]:
    """A row for each step that needs a decision; one row if there is none."""
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
    return words if len(words) <= _MAX_ERROR else f"{words[: _MAX_ERROR - 1]}…"


def _audit_row(item: AuditItem) -> tuple[object, ...]:
    step = f"undo of {item.step}" if item.undoing else item.step
    action = f"{item.choice}: {step}" if item.choice else item.kind
    text = item.text or item.note or item.reason
    return f"{item.at:%Y-%m-%d %H:%M:%S}", item.by or "-", action, item.order_id, text
