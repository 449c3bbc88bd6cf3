"""The story of an order as its page draws it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ordersaga.dashboard.money import figures, in_format
from ordersaga.dashboard.story import Story, story_of
from ordersaga.dashboard.times import span
from ordersaga.dashboard.words import in_plain_words
from ordersaga.domain.money import Money
from ordersaga.domain.result import OrderStatus, OrderView, StepOutcome, TimelineEntry
from ordersaga.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP

PLACED = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return PLACED + timedelta(seconds=seconds)


def changed(step: str, was: str, state: str, since: float, until: float) -> TimelineEntry:
    return TimelineEntry(at=at(until), event=f"{step}: {state}", step=step, was=was, state=state, since=at(since))


def story(states: dict[str, str], *timeline: TimelineEntry, now: float = 100, **since: float) -> Story:
    steps = [StepOutcome(name=name, id=f"id-{name}", state=state, attempts=1) for name, state in states.items()]
    view = OrderView(
        order_id="1",
        status=OrderStatus.PROCESSING,
        amount="1.00",
        currency="USD",
        steps=steps,
        timeline=list(timeline),
        since={name: at(seconds) for name, seconds in since.items()},
    )
    return story_of(view, PLACED, None, at(now))


def test_each_step_is_drawn_over_the_time_that_it_took() -> None:
    shown = story(
        {RESERVE.name: "done", CHARGE.name: "running"},
        changed(RESERVE.name, "running", "done", 0, 25),
        charge_payment=25,
    )
    first, second = ([(bar.kind, bar.x, bar.width) for bar in step.bars] for step in shown.steps)
    assert (first, second) == ([("do", 0, 25)], [("do", 25, 75)])
    assert shown.steps[0].took == "25.0 s"


def test_an_undo_that_is_parked_is_told_from_a_do_that_is() -> None:
    undo = changed(CHARGE.name, "undoing", "parked", 10, 20)
    do = changed(CHARGE.name, "running", "parked", 10, 20)
    titles = [story({CHARGE.name: "parked"}, entry, charge_payment=20).steps[0].title for entry in (undo, do)]
    assert titles == ["Refund the customer", "Charge the customer"]
    bars = story({CHARGE.name: "parked"}, undo, charge_payment=20).steps[0].bars
    assert [(bar.kind, bar.x, bar.width) for bar in bars] == [("undo", 10, 10), ("wait", 20, 80)]


def test_a_hold_is_drawn_where_the_shipment_will_be_until_something_happens() -> None:
    hold = TimelineEntry(at=at(10), event="on hold for 3600 s")
    held = story({SHIP.name: "pending"}, hold)
    assert held.held_until == at(3610)
    assert [(bar.kind, bar.x, bar.width) for bar in held.steps[0].bars] == [("hold", 10, 90)]
    over = story({SHIP.name: "pending"}, hold, TimelineEntry(at=at(60), event="cancel requested: no"))
    assert over.held_until is None
    assert [(bar.x, bar.width) for bar in over.steps[0].bars] == [(10, 50)]


def test_what_took_no_time_is_seen_and_stays_inside() -> None:
    shown = story({CONFIRM.name: "done"}, changed(CONFIRM.name, "running", "done", 100, 100))
    (bar,) = shown.steps[0].bars
    assert bar.width > 0
    assert bar.x + bar.width <= 100


def test_without_a_timeline_there_is_nothing_to_draw() -> None:
    shown = story({RESERVE.name: "done"})
    assert (shown.axis, shown.log, shown.steps[0].bars) == (None, [], [])


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("reserve_inventory done", "Reservation done"),
        ("create_shipment: nothing_to_cancel", "Shipment: nothing to cancel"),
        ("charge_payment refused: pm_card_visa", "Charge refused: pm_card_visa"),
    ],
)
def test_events_are_told_in_plain_words(event: str, said: str) -> None:
    assert in_plain_words(event) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0341, "34 ms"), (1.25, "1.2 s"), (184, "3 min 4 s"), (3600, "1 h"), (7260, "2 h 1 min"), (190_000, "2 d 4 h")],
)
def test_a_duration_has_two_units(seconds: float, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("amount", "currency", "country", "said"),
    [
        ("1234.50", "EUR", "DE", "1.234,50\xa0€"),
        ("1234.50", "USD", "US", "$1,234.50"),
        ("1250", "JPY", "JP", "￥1,250"),
        ("1.250", "KWD", "US", "KWD1.250"),
        ("5.00", "USD", "ZZ", "$5.00"),
    ],
)
def test_money_is_written_as_in_the_customers_country(amount: str, currency: str, country: str, said: str) -> None:
    assert in_format(Money.parse(amount, currency), country) == said


def test_figures_keep_their_decimals() -> None:
    assert [figures(text) for text in ("1234567.50", "12000", "0.005", "?")] == ["1,234,567.50", "12,000", "0.005", "?"]
