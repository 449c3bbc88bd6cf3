"""Pending decisions: which are accepted, which are overtaken, and the messages."""

from __future__ import annotations

import pytest

from ordersaga.saga import Choice, Decision, DecisionRefused, PendingDecisions
from ordersaga.saga.decisions import UNDO_OF_PIVOT

RETRY = Decision("a", Choice.RETRY, "Ada")
ALL_BUT_FORWARD = [Choice.RETRY, Choice.DONE_BY_HAND, Choice.WRITE_OFF]


@pytest.fixture
def decisions() -> PendingDecisions:
    decisions = PendingDecisions("ship")
    decisions.open("a")
    return decisions


def test_nothing_can_be_decided_on_what_does_not_wait(decisions: PendingDecisions) -> None:
    assert decisions.waiting == ["a"]
    assert (decisions.is_open("a"), decisions.is_open("b")) == (True, False)
    assert (decisions.choices("a"), decisions.choices("b")) == (ALL_BUT_FORWARD, [])
    with pytest.raises(DecisionRefused, match=r"b waits for no decision \(a does\)"):
        decisions.add(Decision("b", Choice.RETRY, "Ada"))
    decisions.close("a", "a is undone")
    with pytest.raises(DecisionRefused, match=r"a waits for no decision \(nothing does\)"):
        decisions.add(RETRY)
    decisions.open("x")
    decisions.open("y")
    with pytest.raises(DecisionRefused, match=r"\(x, y does\)"):
        decisions.add(RETRY)
    assert not decisions.has("a")


def test_only_where_it_was_opened_so_a_decision_may_lead_forward(decisions: PendingDecisions) -> None:
    with pytest.raises(DecisionRefused, match="Only the undo of ship decides which way it goes"):
        decisions.check(Decision("a", Choice.GO_FORWARD, "Ada"))
    decisions.open("ship", UNDO_OF_PIVOT)
    assert decisions.choices("ship") == [*ALL_BUT_FORWARD, Choice.GO_FORWARD]
    decisions.check(Decision("ship", Choice.GO_FORWARD, "Ada"))


def test_a_decision_is_carried_out_once(decisions: PendingDecisions) -> None:
    decisions.check(RETRY)
    assert not decisions.has("a"), "to check it takes nothing"
    decisions.add(RETRY)

    assert decisions.has("a")
    assert decisions.choices("a") == [], "one at a time"
    with pytest.raises(DecisionRefused, match="a has just been decided: retry by Ada"):
        decisions.add(Decision("a", Choice.WRITE_OFF, "Bob", "enough"))
    assert decisions.take("a") == RETRY
    assert not decisions.has("a")
    assert decisions.choices("a") == ALL_BUT_FORWARD
    assert decisions.overtaken("a") is None


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        (Decision("a", Choice.RETRY, " "), "A decision needs the name of who takes it"),
        (Decision("a", Choice.DONE_BY_HAND, "Ada", " "), "To decide 'done by hand' give a reference, under which"),
        (Decision("a", Choice.WRITE_OFF, "Ada"), "To decide 'write off' give a reason"),
    ],
)
def test_a_decision_says_who_and_why(decisions: PendingDecisions, decision: Decision, problem: str) -> None:
    with pytest.raises(DecisionRefused, match=problem):
        decisions.add(decision)
    assert not decisions.has("a")
    decisions.add(Decision("a", decision.choice, "Ada", "17"))


def test_a_decision_whose_step_ends_first_is_overtaken_and_the_next_one_is_not(decisions: PendingDecisions) -> None:
    decisions.add(RETRY)
    decisions.close("a", "a is undone")

    assert decisions.overtaken("a") == "a is undone"
    assert (decisions.has("a"), decisions.is_open("a")) == (False, False)
    decisions.open("a")
    assert decisions.overtaken("a") == "a is undone"
    decisions.add(RETRY)
    assert decisions.overtaken("a") is None
    decisions.take("a")
    decisions.close("a", "a was carried out")
    assert decisions.overtaken("a") is None, "nothing was decided any more"
