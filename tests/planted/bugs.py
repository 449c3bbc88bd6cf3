"""The planted bugs: where each is, why people write it, the harm, and what must catch it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from ordersaga.orders.workflows.order import OrderSagaWorkflow
from tests.planted import in_clients, in_saga, in_services, scenarios
from tests.planted.scenario_run import Scenario
from tests.planted.workflows import RaisesInTheSignalHandler


@dataclass(frozen=True)
class Bug:
    """A bug. `caught_by` is everything that is found wrong with the scenario's orders: rule and effect, or an answer.

    `plant` makes the block in which the code has the bug; `workflow` is what the worker runs then. `single_batch` says
    whether the SDK's logic flag 2 is on, for the correct code and the wrong one.
    """

    name: str
    where: str
    why: str
    harm: str
    scenario: Scenario
    caught_by: frozenset[str]
    plant: Callable[[], AbstractContextManager[object]] = nullcontext
    workflow: type = OrderSagaWorkflow
    single_batch: bool = False

    @property
    def row(self) -> str:
        """Its row in docs/explanation/planted-bugs.md."""
        found = ", ".join(f"`{each}`" for each in sorted(self.caught_by))
        return f"| `{self.name}` | {self.where} | {self.why} | {self.harm} | {found} |"


def caught(*found: str) -> frozenset[str]:
    """What the checker finds."""
    return frozenset(found)


BUGS = (
    # -- in the saga
    Bug(
        name="undo_armed_after_the_do",
        where="the engine",
        why="`compensations.append(…)` reads best behind the call that it belongs to",
        harm="the customer stays charged for an order that failed",
        scenario=scenarios.never_answered("charge"),
        caught_by=caught("undone payment"),
        plant=lambda: in_saga.undo_only(begun=False),
    ),
    Bug(
        name="undo_only_what_is_remembered",
        where="the engine",
        why="why undo what was never begun?",
        harm="a cancelled order keeps its stock and its money, ships and is confirmed",
        scenario=scenarios.cancelled_and_reset,
        caught_by=caught("undone reservation", "undone payment", "undone shipment", "undone email"),
        plant=lambda: in_saga.undo_only(begun=True),
    ),
    Bug(
        name="raise_in_the_signal_handler",
        where="the workflow",
        why="an exception stops the story, and its `except` undoes it; but not one raised in a handler",
        harm="the run fails with stock reserved and the customer charged",
        scenario=scenarios.cancelled_on_hold_by_signal,
        caught_by=caught("cut_off reservation", "cut_off payment"),
        workflow=RaisesInTheSignalHandler,
    ),
    Bug(
        name="except_exception_misses_the_cancel",
        where="the engine",
        why="`except Exception` looks as if it caught everything; asyncio.CancelledError is none",
        harm="a cancelled order keeps its stock and its money",
        scenario=scenarios.cancelled_on_hold_natively,
        caught_by=caught("register", "undone reservation", "undone payment"),
        plant=in_saga.catch_exception,
    ),
    Bug(
        name="native_cancel_ends_every_wait",
        where="the engine",
        why="asyncio.CancelledError is not to be caught; but with the SDK's logic flag 2 each wait may end by it",
        harm="a cancelled order keeps its stock and its money",
        scenario=scenarios.cancelled_on_hold_natively,
        caught_by=caught("register", "undone reservation", "undone payment"),
        plant=in_saga.let_a_cancel_end_every_wait,
        single_batch=True,
    ),
    Bug(
        name="failed_undo_only_logged",
        where="the engine",
        why="one failed undo must not keep the others from being tried",
        harm="the customer is never refunded, and nobody is told",
        scenario=scenarios.refund_down,
        caught_by=caught("undone payment"),
        plant=in_saga.log_a_failed_undo,
    ),
    Bug(
        name="parked_undo_left_behind",
        where="the engine",
        why="a task that was created will run; but not longer than the run that created it",
        harm="the customer is never refunded",
        scenario=scenarios.refund_down,
        caught_by=caught("undone payment"),
        plant=in_saga.leave_parked_undos_alone,
    ),
    Bug(
        name="written_off_by_nobody",
        where="the engine",
        why="a worklist should not grow for ever",
        harm="the customer is never refunded",
        scenario=scenarios.refund_down,
        caught_by=caught("undone payment"),
        plant=lambda: in_saga.write_off_by_itself(say_who=False),
    ),
    Bug(
        name="written_off_in_nobodys_name",
        where="the engine",
        why="a worklist should not grow for ever, and a result has to name somebody",
        harm="the customer is never refunded, and the result says that this was decided",
        scenario=scenarios.refund_down,
        caught_by=caught("undone payment"),
        plant=lambda: in_saga.write_off_by_itself(say_who=True),
    ),
    Bug(
        name="every_too_late_believed",
        where="the engine",
        why="an undo knows best whether it came too late",
        harm="the customer is never refunded, and nobody is told",
        scenario=scenarios.refund_too_late,
        caught_by=caught("undone payment"),
        plant=in_saga.believe_every_too_late,
    ),
    Bug(
        name="mail_failure_unwinds",
        where="the engine",
        why="a step is a step: what fails is undone",
        harm="an order that has shipped is called back and refunded because a mail server was down",
        scenario=scenarios.mail_down,
        caught_by=caught("answer: the order is failed, and had to complete"),
        plant=in_saga.unwind_when_the_mail_fails,
    ),
    Bug(
        name="money_back_before_the_carrier_is_asked",
        where="the engine",
        why="customers want their money first",
        harm="the goods have left, and are refunded",
        scenario=scenarios.cancelled_after_the_parcel_left,
        caught_by=caught("register", "completed payment"),
        plant=in_saga.give_the_money_back_first,
    ),
    Bug(
        name="fault_taken_for_a_refusal",
        where="the engine",
        why="the call failed, so there is nothing to undo",
        harm="the customer stays charged for an order that failed",
        scenario=scenarios.never_answered("charge"),
        caught_by=caught("undone payment"),
        plant=in_saga.take_a_fault_for_a_refusal,
    ),
    Bug(
        name="confirmation_never_recalled",
        where="the engine",
        why="“send the confirmation: no compensation needed”",
        harm="the customer is told that an order comes that was cancelled",
        scenario=scenarios.cancelled_after_all_four,
        caught_by=caught("undone email"),
        plant=in_saga.never_recall_a_mail,
    ),
    Bug(
        name="cancel_promised_and_forgotten",
        where="the engine",
        why="the flag is set, so the order will be cancelled",
        harm="the customer is told that the order is cancelled, and it is shipped and charged",
        scenario=scenarios.cancelled_after_the_parcel_left,
        caught_by=caught("answer: the cancel was cancelled, and the order is completed"),
        plant=in_saga.promise_a_cancel,
    ),
    Bug(
        name="terminated_runs_forgotten",
        where="the watcher",
        why="who terminates a run knows what they do",
        harm="stock and money stay with an order that nobody works on",
        scenario=scenarios.terminated_on_hold,
        caught_by=caught("cut_off reservation", "cut_off payment"),
        plant=in_saga.forget_terminated_runs,
    ),
    Bug(
        name="reset_taken_for_cut_off",
        where="the watcher",
        why="a run that was terminated is an order that nobody works on; but a reset begins another run",
        harm="an order that goes on after a reset is undone behind its back",
        scenario=scenarios.reset_and_going_on,
        caught_by=caught("answer: the order is failed, and had to complete"),
        plant=in_saga.recover_what_was_reset,
    ),
    Bug(
        name="workflow_id_of_each_start",
        where="the client of orders",
        why="a UUID is always a good id",
        harm="one order runs twice; only the register and the fences keep it from being charged twice",
        scenario=scenarios.placed_twice,
        caught_by=caught("answer: one order was created twice", "register"),
        plant=in_saga.start_under_a_new_workflow_id,
    ),
    # -- in the requests to the services
    Bug(
        name="float_totals",
        where="the payment client",
        why="`amount * 100` gives cents",
        harm="19.98 is charged for 19.99",
        scenario=scenarios.one_piece_for_1999,
        caught_by=caught("money payment"),
        plant=in_clients.charge_in_floats,
    ),
    Bug(
        name="two_decimals_for_every_currency",
        where="the payment client",
        why="`amount * 100` gives cents, in yen too",
        harm="120,000 yen are charged for 1,200",
        scenario=scenarios.in_yen,
        caught_by=caught("money payment"),
        plant=in_clients.charge_two_decimals,
    ),
    Bug(
        name="charge_keyed_by_attempt",
        where="the payment client",
        why="a key should be unique for each request",
        harm="the customer is charged twice after a lost response",
        scenario=scenarios.answer_lost_once("charge"),
        caught_by=caught("more_than_one payment"),
        plant=in_clients.charge_under_the_attempt,
    ),
    Bug(
        name="charge_keyed_by_run",
        where="the payment client",
        why="Temporal's run id is at hand, and unique",
        harm="the customer is charged twice when an operator resets the run",
        scenario=scenarios.reset_on_hold,
        caught_by=caught("more_than_one payment"),
        plant=in_clients.charge_under_the_run,
    ),
    Bug(
        name="mail_keyed_by_attempt",
        where="the notification client",
        why="a key should be unique for each request",
        harm="the customer gets the confirmation twice",
        scenario=scenarios.answer_lost_once("notify"),
        caught_by=caught("more_than_one email"),
        plant=in_clients.mail_under_the_attempt,
    ),
    Bug(
        name="lines_by_sku",
        where="the inventory client",
        why="`{item.sku: item.quantity for item in items}` is short, and each SKU is there once",
        harm="one piece is reserved, and two are shipped",
        scenario=scenarios.one_sku_on_two_lines,
        caught_by=caught("completed reservation"),
        plant=in_clients.reserve_by_sku,
    ),
    Bug(
        name="too_late_ignored",
        where="the shipping client",
        why="there is nothing that an undo could do about a parcel that has left",
        harm="the goods have left, and are refunded",
        scenario=scenarios.cancelled_after_the_parcel_left,
        caught_by=caught("undone shipment"),
        plant=in_clients.ignore_too_late,
    ),
    Bug(
        name="status_never_looked_at",
        where="the payment client",
        why="`raise_for_status()` was forgotten",
        harm="the goods are shipped, and the card was declined",
        scenario=scenarios.declined,
        caught_by=caught("completed payment"),
        plant=in_clients.never_look_at_the_status,
    ),
    # -- in the services
    Bug(
        name="fence_without_tombstone",
        where="the fence",
        why="an undo that finds nothing has nothing to write",
        harm="a charge that comes late takes the money of an order that is undone already",
        scenario=scenarios.charged_after_its_refund,
        caught_by=caught("undone payment"),
        plant=in_services.leave_no_tombstone,
    ),
    Bug(
        name="stored_answer_after_the_undo",
        where="the fence",
        why="the same request gets the same answer",
        harm="the goods are shipped, and the money was given back",
        scenario=scenarios.refunded_meanwhile,
        caught_by=caught("completed payment"),
        plant=in_services.answer_what_was_undone,
    ),
    Bug(
        name="another_body_taken_for_the_same",
        where="the fence",
        why="an idempotency key is all that one has to compare",
        harm="one piece is on its way, and three were ordered",
        scenario=scenarios.id_taken,
        caught_by=caught("completed shipment"),
        plant=in_services.take_any_body,
    ),
    Bug(
        name="effect_committed_before_its_fence_row",
        where="the payment service",
        why="only what has been done should be remembered",
        harm="killed in between, the service knows nothing of the charge, and the undo finds nothing",
        scenario=scenarios.payment_dies_behind_a_commit(deadline=1.0),
        caught_by=caught("undone payment"),
        plant=in_services.effect_before_the_fence,
    ),
    Bug(
        name="fence_row_committed_before_its_effect",
        where="the payment service",
        why="first remember the request, so that it cannot be done twice",
        harm="killed in between, the service takes the charge for done, and the goods are shipped unpaid",
        scenario=scenarios.payment_dies_behind_a_commit(deadline=30.0),
        caught_by=caught("completed payment"),
        plant=in_services.fence_before_the_effect,
    ),
    Bug(
        name="refunded_twice",
        where="the payment service",
        why="an undo is asked for once",
        harm="the customer gets 89.96 back for 44.98 after a lost response",
        scenario=scenarios.undo_answer_lost_once("refund"),
        caught_by=caught("money payment"),
        plant=in_services.refund_each_time,
    ),
    Bug(
        name="stock_released_twice",
        where="the inventory service",
        why="an undo is asked for once",
        harm="pieces that another order has reserved are for sale again",
        scenario=scenarios.undo_answer_lost_once("release"),
        caught_by=caught("stock"),
        plant=in_services.forget_undos,
    ),
    Bug(
        name="lines_reserved_one_by_one",
        where="the inventory service",
        why="a loop over the lines, with a `return` at the first that is short",
        harm="pieces are reserved for nobody, for ever",
        scenario=scenarios.second_line_out_of_stock,
        caught_by=caught("stock"),
        plant=in_services.reserve_line_by_line,
    ),
    Bug(
        name="stock_looked_at_then_written",
        where="the inventory service",
        why="read the stock, check it, write it back: it works as long as one does it at a time",
        harm="the last piece is sold twice",
        scenario=scenarios.two_want_the_last_piece,
        caught_by=caught("stock"),
        plant=in_services.look_then_write,
    ),
)
