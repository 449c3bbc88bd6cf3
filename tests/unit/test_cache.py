"""Answers that are shared for a moment, and shown with their age if there is no newer one."""

from __future__ import annotations

import asyncio

import pytest

from ordersaga.domain.errors import OrderNotFound, TemporalUnavailable, Unavailable
from ordersaga.web.reads.cache import ReadCache


class Source:
    """A source that counts its reads, or fails if it is told to."""

    def __init__(self) -> None:
        self.reads = 0
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return number


async def test_many_who_ask_at_once_share_one_read_and_then_its_answer() -> None:
    memory, source = ReadCache(max_age=60), Source()
    answers = await asyncio.gather(*(memory.get("a", source.read) for _ in range(50)))
    assert {known.value for known in answers} == {1}
    assert (await memory.get("a", source.read)).value == 1
    assert (await memory.get("b", source.read)).value == 2, "another question"


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    memory, source = ReadCache(), Source()
    source.open.clear()
    impatient, patient = (asyncio.create_task(memory.get("a", source.read)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    source.open.set()
    assert (await patient).value == 1


async def test_an_answer_that_is_old_is_read_anew() -> None:
    memory, source = ReadCache(max_age=0), Source()
    assert [(await memory.get("a", source.read)).value for _ in range(3)] == [1, 2, 3]


async def test_what_was_changed_is_read_anew_by_all_questions_that_fit() -> None:
    memory, source = ReadCache(max_age=60), Source()
    for key in (("list", 1), ("list", 2), ("order", 1)):
        await memory.get(key, source.read)
    memory.forget_all(lambda key: key[0] == "list")
    answers = [(await memory.get(key, source.read)).value for key in (("list", 1), ("list", 2), ("order", 1))]
    assert answers == [4, 5, 3]


async def test_in_bad_times_the_last_answer_is_given_with_its_time_and_the_reason() -> None:
    memory, source = ReadCache(max_age=0), Source()
    good = await memory.get("a", source.read)
    source.failure = TemporalUnavailable("nobody there")
    stale = await memory.get("a", source.read)
    assert (stale.value, stale.at, stale.problem, stale.fresh) == (1, good.at, "nobody there", False)
    source.failure = None
    assert (await memory.get("a", source.read)).fresh, "it comes back by itself"


async def test_what_was_never_known_is_not_made_up() -> None:
    memory, source = ReadCache(max_age=60), Source()
    source.failure = TemporalUnavailable("nobody there")
    for _ in range(2):
        with pytest.raises(TemporalUnavailable):
            await memory.get("a", source.read)
    assert source.reads == 1, "a failure is shared for a moment too"


async def test_a_definite_no_is_not_hidden_by_an_old_answer() -> None:
    memory, source = ReadCache(max_age=0), Source()
    await memory.get("a", source.read)
    source.failure = OrderNotFound("gone")
    with pytest.raises(OrderNotFound):
        await memory.get("a", source.read)


async def test_a_slow_read_does_not_keep_anybody_waiting_who_can_be_shown_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ordersaga.web.reads.cache.LONG_PATIENCE", 0.01)
    memory, source = ReadCache(max_age=0), Source()
    await memory.get("a", source.read)
    source.open.clear()
    for _ in range(2):
        stale = await memory.get("a", source.read, patience=0.01)
        assert (stale.value, stale.problem) == (1, "No response within 0.01 s.")
    assert source.reads == 2, "and the slow one goes on"
    with pytest.raises(Unavailable, match="Retry"):
        await memory.get("never known", source.read, patience=0.01)
    await memory.close()


async def test_after_a_change_nothing_from_before_it_is_taken_for_new() -> None:
    memory, source = ReadCache(max_age=60), Source()
    source.open.clear()
    before = asyncio.create_task(memory.get("a", source.read))
    await asyncio.sleep(0)
    memory.forget("a")
    after = asyncio.create_task(memory.get("a", source.read))
    await asyncio.sleep(0)
    source.open.set()
    assert [(await each).value for each in (before, after)] == [1, 2]
    assert (await memory.get("a", source.read)).value == 2
    memory.forget("a")
    assert (await memory.get("a", source.read)).value == 3


async def test_only_so_much_is_kept_and_what_is_asked_for_stays() -> None:
    memory, source = ReadCache(max_age=60, keep=2), Source()
    for key in ("a", "b", "a", "c"):
        await memory.get(key, source.read)
    assert [memory.last(key) is not None for key in ("a", "b", "c")] == [True, False, True]
