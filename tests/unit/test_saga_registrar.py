"""A run's calls to its saga's register, and how it handles the answers."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import RawValue

from ordersaga.saga import (
    FENCED,
    NOT_YOURS,
    UNCLAIMED,
    Choice,
    Decided,
    Decision,
    DecisionNotice,
    KeptDecision,
    Notice,
    Policy,
    RegisterState,
    Saga,
    Standing,
    Verdict,
)
from ordersaga.saga.activity_calls import DO
from ordersaga.saga.exits import Ended, Interrupted, NotClaimed, Unwind
from ordersaga.saga.registrar import Registrar
from ordersaga.saga.run_state import RunState
from ordersaga.saga.story_guard import records_of
from tests.unit.engine import Time, failed
from tests.unit.parts import story
from tests.unit.registers import OPEN, REGISTER, SAGA, A, FakeRegister, no

SECOND = timedelta(seconds=1)
UNWINDING, UNDONE = Standing(RegisterState.UNWINDING), Standing(RegisterState.UNDONE)
STANDS, FORWARD = Standing(RegisterState.STANDS), Standing(RegisterState.FORWARD)
OURS = Notice("1", "owner of subject", "no more")


pytestmark = pytest.mark.asyncio(loop_scope="function")
"""Each test has its own event loop: servers of other tests run in the session's loop, and pause too."""


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def fake_register(monkeypatch: pytest.MonkeyPatch) -> FakeRegister:
    return FakeRegister(monkeypatch)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the calls to the register."""
    made: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        if threading.current_thread() is not threading.main_thread():  # a server of another test
            await sleep(seconds)
            return
        if seconds:
            made.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return made


def state_of(saga: Saga[str]) -> RunState[str]:
    policy = Policy(call_timeout=7 * SECOND)
    return RunState(saga, "subject", "1", policy, records_of(saga, "subject", "1"), lambda event: None)


@pytest.fixture
def run() -> RunState[str]:
    return state_of(SAGA)


@pytest.fixture
def registrar(run: RunState[str], fake_register: FakeRegister) -> Registrar[str]:
    return run.registrar


async def test_a_saga_without_a_register_is_never_kept_from_going_on(fake_register: FakeRegister) -> None:
    run = state_of(Saga("s", story, A))
    registrar = run.registrar

    assert registrar.register is None
    assert await registrar.claim() == OPEN
    assert await registrar.unwind("no more") == OPEN
    await registrar.forward("it stands")
    await registrar.keep(run.log.records["a"], Decision("a", Choice.RETRY, "Ada"))
    assert await registrar.close(Verdict.STANDS) is None
    assert await registrar.close(Verdict.UNDONE) is None
    assert fake_register.asked == []


async def test_each_call_has_the_owner_and_the_reason(
    registrar: Registrar[str], run: RunState[str], fake_register: FakeRegister, time: Time
) -> None:
    record = run.log.records["a"]
    await registrar.claim()
    await registrar.unwind("no more")
    await registrar.forward("it stands")
    for undoing in (False, True):
        record.undoing = undoing
        await registrar.keep(record, Decision("a", Choice.WRITE_OFF, "Ada", "17"))
    await registrar.close(Verdict.STANDS)

    first, second = (KeptDecision("a", Choice.WRITE_OFF, "Ada", time.now, "17", undoing) for undoing in (False, True))
    assert fake_register.asked == [
        ("claim", "subject"),
        ("unwind", OURS),
        ("forward", Notice("1", "owner of subject", "it stands")),
        ("decide", DecisionNotice("1", "owner of subject", "run-1-a-1", first)),
        ("decide", DecisionNotice("1", "owner of subject", "run-1-a-2", second)),
        ("close", "subject stands"),
    ]


async def test_a_call_to_the_register_has_a_timeout_and_is_retried_forever(
    registrar: Registrar[str], run: RunState[str], fake_register: FakeRegister
) -> None:
    await registrar.claim()
    await registrar.keep(run.log.records["a"], Decision("a", Choice.RETRY, "Ada"))

    usual = {
        "result_type": RawValue,
        "start_to_close_timeout": 7 * SECOND,
        "retry_policy": DO,
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }
    assert fake_register.options == [
        {**usual, "activity_id": "claim", "summary": "register: claim"},
        {**usual, "activity_id": "decide run-1-a-1", "summary": "register: decide"},
    ]


# -- the claim


@pytest.mark.parametrize("standing", [OPEN, UNWINDING, FORWARD])
async def test_a_subject_is_accepted_as_it_stands(
    registrar: Registrar[str], fake_register: FakeRegister, standing: Standing
) -> None:
    fake_register.script["claim"] = [standing]
    assert not registrar.kept.claimed
    assert await registrar.claim() == standing
    assert registrar.kept.claimed


@pytest.mark.parametrize(
    ("state", "verdict"), [(RegisterState.STANDS, Verdict.STANDS), (RegisterState.UNDONE, Verdict.UNDONE)]
)
async def test_a_claim_of_an_ended_saga_returns_its_end(
    registrar: Registrar[str], fake_register: FakeRegister, state: RegisterState, verdict: Verdict
) -> None:
    fake_register.script["claim"] = [Standing(state, ending={"it": "has ended"})]

    with pytest.raises(Ended, match=f"it has ended before: {verdict}") as ended:
        await registrar.claim()
    assert (ended.value.verdict, ended.value.ending) == (verdict, {"it": "has ended"})


@pytest.mark.parametrize("kind", ["Taken", NOT_YOURS, UNCLAIMED])
async def test_a_rejected_claim_has_a_reason(registrar: Registrar[str], fake_register: FakeRegister, kind: str) -> None:
    fake_register.script["claim"] = [no(kind, "it is another's")]

    with pytest.raises(NotClaimed, match="it is another's") as refused:
        await registrar.claim()
    assert refused.value.kind == kind
    assert not registrar.kept.claimed
    assert fake_register.calls == ["claim"]


async def test_a_run_started_as_claimed_does_not_claim_again(registrar: Registrar[str]) -> None:
    registrar.mark_claimed()
    assert registrar.kept.claimed


# -- unwinding, and the pivot


@pytest.mark.parametrize("standing", [OPEN, UNWINDING, FORWARD, STANDS])
async def test_an_announcement_of_unwinding_returns_the_state(
    registrar: Registrar[str], fake_register: FakeRegister, standing: Standing
) -> None:
    fake_register.script["unwind"] = [standing]
    assert await registrar.unwind("no more") == standing


async def test_what_is_undone_already_is_not_undone_again(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["unwind"] = [Standing(RegisterState.UNDONE, ending="the first end")]

    with pytest.raises(Ended) as ended:
        await registrar.unwind("no more")
    assert (ended.value.verdict, ended.value.ending) == (Verdict.UNDONE, "the first end")


async def test_a_register_with_a_foreign_subject_is_not_called_any_more(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["unwind"] = [no(NOT_YOURS)]

    assert registrar.register is REGISTER
    assert await registrar.unwind("no more") == OPEN
    assert registrar.register is None
    assert await registrar.close(Verdict.UNDONE) is None
    assert fake_register.calls == ["unwind"]


async def test_a_saga_whose_subject_is_anothers_cannot_end_well(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["close"] = [no(NOT_YOURS)]

    with pytest.raises(Unwind, match="the register has another's under this key"):
        await registrar.close(Verdict.STANDS)
    assert registrar.register is None


async def test_what_is_undone_is_undone_though_the_subject_is_anothers(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["close"] = [no(NOT_YOURS)]
    assert await registrar.close(Verdict.UNDONE) is None


# -- the end


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("before", [None, {"it": "has ended"}])
async def test_the_end_that_was_written_first_counts(
    registrar: Registrar[str], fake_register: FakeRegister, verdict: Verdict, before: Any
) -> None:
    fake_register.script["close"] = [Standing(RegisterState.STANDS, ending=before)]
    assert await registrar.close(verdict) == before
    assert fake_register.asked == [("close", f"subject {verdict}")]


async def test_a_saga_that_another_run_undoes_does_not_stand(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["close"] = [no(FENCED, "it is being undone")]
    with pytest.raises(Unwind, match="it is being undone"):
        await registrar.close(Verdict.STANDS)


async def test_a_cancel_does_not_wait_for_the_end_to_be_written(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["close"] = [None]
    stopped: list[str] = []
    closing = asyncio.create_task(registrar.close(Verdict.STANDS, lambda: bool(stopped)))
    while not fake_register.calls:
        await asyncio.sleep(0)
    stopped.append("no more")

    with pytest.raises(Interrupted):
        await closing


async def test_a_cancel_takes_effect_even_if_the_call_fails_at_the_same_moment(
    registrar: Registrar[str], fake_register: FakeRegister, pauses: list[float]
) -> None:
    fake_register.script["close"] = [no(FENCED)]

    with pytest.raises(Interrupted, match="it was ended early"):
        await registrar.close(Verdict.STANDS, lambda: bool(fake_register.calls))
    assert pauses == []


# -- people's decisions


async def test_what_was_decided_before_holds_unless_it_was_to_try_again(
    registrar: Registrar[str], fake_register: FakeRegister, time: Time
) -> None:
    first, last, retry, do = (
        KeptDecision("a", Choice.WRITE_OFF, "Ada", time.now, "too dear", undoing=True),
        KeptDecision("a", Choice.DONE_BY_HAND, "Bob", time.now + SECOND, "17", undoing=True),
        KeptDecision("a", Choice.RETRY, "Eve", time.now, undoing=True),
        KeptDecision("b", Choice.WRITE_OFF, "Ada", time.now, "gone"),
    )
    fake_register.script["claim"] = [Standing(RegisterState.OPEN, [first, last, retry])]
    fake_register.script["close"] = [Standing(RegisterState.STANDS, [do])]
    await registrar.claim()
    assert registrar.kept.decision("b", undoing=False) is None
    await registrar.close(Verdict.STANDS)

    kept = registrar.kept
    by_hand = Decision("a", Choice.DONE_BY_HAND, "Bob", "17")
    assert kept.decision("a", undoing=True) == Decided(by_hand, time.now + SECOND)
    assert kept.decision("a", undoing=False) is None
    assert kept.decision("b", undoing=False) == Decided(Decision("b", Choice.WRITE_OFF, "Ada", "gone"), time.now)


@pytest.mark.parametrize("call", ["unwind", "forward"])
async def test_every_answer_contains_the_decisions(
    registrar: Registrar[str], fake_register: FakeRegister, time: Time, call: str
) -> None:
    decision = KeptDecision("a", Choice.WRITE_OFF, "Ada", time.now, "too dear")
    fake_register.script[call] = [Standing(RegisterState.FORWARD, [decision])]
    await getattr(registrar, call)("no more")
    assert registrar.kept.decision("a", undoing=False) is not None


# -- until there is an answer


@pytest.mark.parametrize(
    "answer",
    ["completed by hand", ["completed by hand"], failed("the register is away"), no("Refused"), no(FENCED)],
    ids=["text", "a list", "fault", "refusal", "fenced"],
)
async def test_without_an_answer_the_register_is_called_again_at_growing_pauses(
    registrar: Registrar[str], fake_register: FakeRegister, pauses: list[float], answer: Any
) -> None:
    fake_register.script["unwind"] = [answer, answer, answer, FORWARD]

    assert await registrar.unwind("no more") == FORWARD
    assert fake_register.asked == [("unwind", OURS)] * 4
    assert pauses == [1, 2, 4]


async def test_what_is_undone_stays_so_whatever_the_register_says(
    registrar: Registrar[str], fake_register: FakeRegister, pauses: list[float]
) -> None:
    fake_register.script["close"] = [no(FENCED)]
    assert await registrar.close(Verdict.UNDONE) is None
    assert fake_register.calls == ["close"] * 2


@pytest.mark.parametrize("answer", ["completed by hand", failed("the register is away")], ids=["text", "fault"])
async def test_a_claim_that_is_not_answered_is_made_again(
    registrar: Registrar[str], fake_register: FakeRegister, pauses: list[float], answer: Any
) -> None:
    fake_register.script["claim"] = [answer, UNWINDING]
    assert await registrar.claim() == UNWINDING
    assert pauses == [1]


async def test_what_the_register_has_lost_is_claimed_and_the_call_repeated_at_once(
    registrar: Registrar[str], fake_register: FakeRegister, pauses: list[float]
) -> None:
    fake_register.script["unwind"] = [no(UNCLAIMED), UNWINDING]

    assert await registrar.unwind("no more") == UNWINDING
    assert fake_register.asked == [("unwind", OURS), ("claim", "subject"), ("unwind", OURS)]
    assert pauses == []


async def test_a_lost_subject_may_have_ended_when_it_is_claimed_again(
    registrar: Registrar[str], fake_register: FakeRegister
) -> None:
    fake_register.script["close"] = [no(UNCLAIMED)]
    fake_register.script["claim"] = [Standing(RegisterState.UNDONE, ending="the first end")]

    with pytest.raises(Ended) as ended:
        await registrar.close(Verdict.STANDS)
    assert ended.value.ending == "the first end"


@pytest.mark.parametrize("kind", ["Taken", NOT_YOURS])
async def test_what_the_register_has_lost_and_does_not_take_on_again_cannot_end_well(
    registrar: Registrar[str], fake_register: FakeRegister, kind: str
) -> None:
    fake_register.script = {"close": [no(UNCLAIMED)], "claim": [no(kind, "it is another's")]}

    with pytest.raises(Unwind, match="it is another's"):
        await registrar.close(Verdict.STANDS)
    assert await registrar.unwind("it is another's") == OPEN
    assert fake_register.calls == ["close", "claim"]
