"""The handlers of a workflow that runs a saga: cancels, decisions, queries. The same for orders and other sagas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.workflows.handlers import OrderHandlers
from ordersaga.saga import (
    MAX_REASON,
    CancelRequested,
    Choice,
    Decision,
    DecisionRefused,
    Outcome,
    OutcomeDecided,
    Phase,
    Saga,
    SagaHandlers,
    SagaRun,
    Step,
    StepState,
    StepView,
    Verdict,
)
from ordersaga.saga.cancel_requests import MAX_ASKED, MAX_WAITING, TooManyCancels, cancel_arguments, read_cancel
from ordersaga.saga.decisions import UNDO_OF_PIVOT
from tests.unit.orders import order_of
from tests.unit.parts import do, request, story, undo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "now", lambda: NOW)
    monkeypatch.setattr(workflow, "info", lambda: SimpleNamespace(raw_memo={}))


SAGA = Saga("s", story, Step[str, str]("a", request, do, undo), Step[str, str]("b", request, do, undo))


@pytest.fixture
def handlers() -> SagaHandlers:
    return SagaHandlers(SagaRun(SAGA, "subject", "1"))


@pytest.fixture
def order() -> OrderInput:
    return order_of(policy={"step_deadline": 7})


@pytest.fixture(params=["a saga", "an order"])
def either(request: pytest.FixtureRequest, handlers: SagaHandlers, order: OrderInput) -> SagaHandlers | OrderHandlers:
    return handlers if request.param == "a saga" else OrderHandlers(order)


# -- cancels


async def answer_of(handlers: Any, reason: str) -> Any:
    """The answer of this workflow's cancel update."""
    return await handlers.request_cancel(reason)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("x" * (MAX_REASON + 1), "x" * MAX_REASON), ("x" * MAX_REASON, "x" * MAX_REASON), ("", "no reason given")],
    ids=["too long", "long", "none"],
)
async def test_so_much_of_a_cancels_reason_is_kept(
    either: SagaHandlers | OrderHandlers, reason: str, kept: str
) -> None:
    either.cancel(reason)
    either.cancel("another one")

    assert either.saga.cancel_reason == kept
    assert either.saga.events == [CancelRequested(at=NOW, reason=kept)]


async def test_a_cancel_that_was_answered_makes_room_for_another(either: SagaHandlers | OrderHandlers) -> None:
    either.saga._decide_outcome(Verdict.UNDONE)
    for _ in range(MAX_WAITING + 1):
        either._check_cancel()
        await answer_of(either, "no more")


async def test_no_more_than_so_many_may_wait_for_the_answer(
    either: SagaHandlers | OrderHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
        while not condition():
            await asyncio.sleep(0)

    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    waiting = []
    for _ in range(MAX_WAITING):
        either._check_cancel()
        waiting.append(asyncio.create_task(answer_of(either, "no more")))
        await asyncio.sleep(0)
    with pytest.raises(TooManyCancels, match="A cancel has been asked for already"):
        either._check_cancel()
    either.saga._decide_outcome(Verdict.UNDONE)
    await asyncio.gather(*waiting)
    assert either._cancels._waiting == 0


async def test_no_more_than_so_many_may_ever_ask(handlers: SagaHandlers) -> None:
    handlers.saga._decide_outcome(Verdict.UNDONE)
    for _ in range(MAX_ASKED):
        handlers._check_cancel()
        await answer_of(handlers, "no more")
    with pytest.raises(TooManyCancels, match=f"^0 wait for the answer .*, and {MAX_ASKED} have asked in all"):
        handlers._check_cancel()


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ((timedelta(seconds=7),), '"0:00:07"'),
        (("a", None, ""), "a"),
        ((b"a", {"b": 1}), 'a, {"b": 1}'),
        (({"reason": "a"},), '{"reason": "a"}'),
        (({"reason": "a", "by": "b"}, "c"), '{"reason": "a", "by": "b"}, c'),
    ],
)
def test_a_reason_may_be_anything(details: tuple[object, ...], reason: str) -> None:
    assert read_cancel(details) == (reason, None)


@pytest.mark.parametrize(
    ("reason", "by", "read"),
    [
        ("late", "Ada", ("late", "Ada")),
        ("late", None, ("late", None)),
        ("", "Ada", ("no reason given", "Ada")),
        ("x" * (MAX_REASON + 1), "y" * (MAX_REASON + 1), ("x" * MAX_REASON, "y" * MAX_REASON)),
    ],
    ids=["both", "nobody", "no reason", "long"],
)
def test_the_author_of_a_cancel_is_stored_with_the_reason(
    reason: str, by: str | None, read: tuple[str, str | None]
) -> None:
    assert read_cancel([cancel_arguments(reason, by)]) == read


@pytest.mark.parametrize("by", [None, "y" * (MAX_REASON + 1)])
def test_no_more_is_sent_than_is_kept(by: str | None) -> None:
    sent = cancel_arguments("x" * (MAX_REASON + 1), by)
    kept = ["x" * MAX_REASON, "y" * MAX_REASON]
    assert sent == (dict(zip(("reason", "by"), kept, strict=True)) if by else kept[0])


@pytest.mark.parametrize("by", [None, "", 7, ["Ada"]])
def test_a_name_may_be_anything(by: Any) -> None:
    reason, name = read_cancel([{"reason": {"why": 1}, "by": by}])
    assert reason == '{"why": 1}'
    assert name == (json.dumps(by) if by else None)


async def test_a_cancel_event_has_its_author(either: SagaHandlers | OrderHandlers) -> None:
    either.cancel({"reason": "ordered twice", "by": "Ada"})
    assert either.saga.events == [CancelRequested(at=NOW, reason="ordered twice", by="Ada")]


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(Verdict.UNDONE, CancelOutcome.CANCELLED), (Verdict.STANDS, CancelOutcome.TOO_LATE)]
)
async def test_the_answer_to_an_orders_cancel_can_be_queried(
    order: OrderInput, verdict: Verdict, outcome: CancelOutcome
) -> None:
    handlers = OrderHandlers(order)
    assert (handlers.is_cancel_requested(), handlers.get_cancel_answer()) == (False, None)
    handlers.cancel("no more")
    assert (handlers.is_cancel_requested(), handlers.get_cancel_answer()) == (True, None)
    handlers.saga._decide_outcome(verdict)

    answer = handlers.get_cancel_answer()
    assert answer is not None
    assert (answer.order_id, answer.outcome) == (order.order_id, outcome)


async def test_an_order_that_failed_by_itself_was_not_cancelled_and_the_query_says_so_once_it_ended(
    order: OrderInput,
) -> None:
    handlers = OrderHandlers(order)
    handlers.saga._decide_outcome(Verdict.UNDONE)
    assert handlers.get_cancel_answer() is None, "a cancel may still come"

    handlers.saga.outcome = Outcome(Verdict.UNDONE, error="declined")

    answer = handlers.get_cancel_answer()
    assert answer is not None
    assert answer.outcome is CancelOutcome.TOO_LATE


async def test_a_cancel_by_signal_needs_no_reason(either: SagaHandlers | OrderHandlers) -> None:
    either.cancel()
    assert either.saga.cancel_reason == "no reason given"


@pytest.mark.parametrize(("verdict", "heard"), [(Verdict.STANDS, False), (Verdict.UNDONE, True)])
async def test_a_cancel_of_what_stands_already_changes_nothing(
    handlers: SagaHandlers, verdict: Verdict, heard: bool
) -> None:
    handlers.saga._decide_outcome(verdict)

    assert await answer_of(handlers, "no more") is verdict
    assert handlers.saga.cancel_reason == ("no more" if heard else None)
    handlers.saga._decide_outcome(Verdict.STANDS)
    assert handlers.saga.verdict is verdict, "it is decided once"
    assert [each for each in handlers.saga.events if isinstance(each, OutcomeDecided)] == [
        OutcomeDecided(at=NOW, verdict=verdict)
    ]


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(Verdict.STANDS, CancelOutcome.TOO_LATE), (Verdict.UNDONE, CancelOutcome.CANCELLED)]
)
async def test_an_orders_cancel_is_answered_with_what_is_certain(
    order: OrderInput, verdict: Verdict, outcome: CancelOutcome
) -> None:
    handlers = OrderHandlers(order)
    handlers.saga._decide_outcome(verdict)

    answer = await answer_of(handlers, "no more")
    assert (answer.order_id, answer.outcome, answer.status) == ("A-1", outcome, OrderStatus.PENDING)
    assert handlers.saga.cancel_reason == ("no more" if verdict is Verdict.UNDONE else None)


# -- questions


def test_a_view_has_all_that_is_known_of_a_saga(handlers: SagaHandlers) -> None:
    assert handlers.saga.needs_attention is False
    record = handlers.saga.records["b"]
    record.state, record.attempts, record.undo_attempts = StepState.PARKED, 2, 3
    record.last_error, record.undoing, record.next_try = "broken", True, NOW
    handlers.saga.decisions.open("b", UNDO_OF_PIVOT)

    view = handlers.get_saga()

    assert (view.phase, view.verdict, view.cancel_reason) == (Phase.FORWARD, None, None)
    assert view.steps == [
        StepView("a", "a-1", StepState.PENDING),
        StepView("b", "b-1", StepState.PARKED, 2, 3, "broken", True, NOW, list(Choice)),
    ]
    assert view.parked == ["b"]
    assert handlers.saga.needs_attention is True


def test_an_order_is_asked_for_its_status_and_for_all_that_is_known(order: OrderInput) -> None:
    handlers = OrderHandlers(order)

    assert handlers.get_status() is OrderStatus.PENDING
    assert handlers.get_order() == handlers.projection.view()


async def test_an_orders_policy_is_its_own_and_its_projection_follows_its_saga(order: OrderInput) -> None:
    handlers = OrderHandlers(order)
    assert handlers.policy.step_deadline == 7
    handlers.cancel("no more")
    assert [each.kind for each in handlers.get_order().timeline] == ["cancel_requested"]


# -- decisions


def test_a_decision_that_cannot_be_taken_is_refused_before_anything_happens(handlers: SagaHandlers) -> None:
    with pytest.raises(DecisionRefused, match="b waits for no decision"):
        handlers._check_decision(Decision("b", Choice.RETRY, "Ada"))
    handlers.saga.decisions.open("b")
    with pytest.raises(DecisionRefused, match="Only the undo of the pivot"):
        handlers._check_decision(Decision("b", Choice.GO_FORWARD, "Ada"))
    handlers._check_decision(Decision("b", Choice.RETRY, "Ada"))
    assert not handlers.saga.decisions.has("b")


def test_the_step_of_an_orders_decision_may_be_left_out_where_only_one_waits(order: OrderInput) -> None:
    handlers, decision = OrderHandlers(order), OrderDecision(choice="write_off", by="Ada", note="too small")
    with pytest.raises(DecisionRefused, match="one of 0 steps waits for no decision"):
        handlers._check_decision(decision)
    handlers.saga.decisions.open("charge_payment")
    handlers._check_decision(decision)
    assert handlers._decision(decision) == Decision("charge_payment", Choice.WRITE_OFF, "Ada", "too small")
    handlers.saga.decisions.open("reserve_inventory")
    with pytest.raises(DecisionRefused, match="one of 2 steps waits for no decision"):
        handlers._check_decision(decision)
    named = decision.model_copy(update={"step": "reserve_inventory"})
    assert handlers._decision(named).step == "reserve_inventory"
    with pytest.raises(DecisionRefused, match="Only the undo of create_shipment"):
        handlers._check_decision(OrderDecision(choice="go_forward", by="Ada", step="charge_payment"))
