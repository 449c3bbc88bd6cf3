"""The timeline on an order's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ordersaga.domain.durations import in_two_units
from ordersaga.domain.money import Money
from ordersaga.domain.result import OrderStatus, OrderView, StepStatus, TimelineEntry
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
from ordersaga.saga import StepState
from ordersaga.web.dashboard.labels import TONES, entry_label, label
from ordersaga.web.dashboard.money import figures, in_format
from ordersaga.web.dashboard.rendering import without_ages
from ordersaga.web.dashboard.timeline import StepRow, Timeline, timeline_of
from ordersaga.web.dashboard.times import due

PLACED = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return PLACED + timedelta(seconds=seconds)


def changed(step: str, was: str, state: str, since: float, until: float) -> TimelineEntry:
    return TimelineEntry(at=at(until), kind="step_changed", step=step, was=was, state=state, since=at(since))


def shown(steps: list[StepStatus], *entries: TimelineEntry, now: float = 100, **since: float) -> Timeline:
    view = OrderView(
        order_id="1",
        status=OrderStatus.PROCESSING,
        amount="1.00",
        currency="USD",
        steps=steps,
        timeline=list(entries),
        since={name: at(seconds) for name, seconds in since.items()},
    )
    return timeline_of(view, PLACED, None, at(now))


def step(name: str, state: str, undoing: bool = False, **known: object) -> StepStatus:
    return StepStatus.model_validate({"name": name, "id": f"id-{name}", "state": state, "undoing": undoing} | known)


def row(name: str, state: str, *entries: TimelineEntry, undoing: bool = False, **since: float) -> StepRow:
    return shown([step(name, state, undoing)], *entries, **since).steps[0]


def bars(row: StepRow) -> list[tuple[str, float, float]]:
    return [(bar.kind, bar.x, bar.width) for bar in row.bars]


def test_each_step_is_drawn_over_the_time_that_it_took() -> None:
    steps = [step(RESERVE.name, "done"), step(CHARGE.name, "running")]
    first, second = shown(steps, changed(RESERVE.name, "running", "done", 0, 25), charge_payment=25).steps
    assert (bars(first), bars(second)) == ([("do", 0, 25)], [("do", 25, 75)])
    assert first.took == "25.0 s"


def test_a_parked_undo_is_shown_differently_from_a_parked_do() -> None:
    entry = changed(CHARGE.name, "undoing", "parked", 10, 20)
    undo = row(CHARGE.name, "parked", entry, undoing=True, charge_payment=20)
    do = row(CHARGE.name, "parked", changed(CHARGE.name, "running", "parked", 10, 20), charge_payment=20)
    assert (undo.title, do.title) == ("Refund the customer", "Charge the customer")
    assert bars(undo) == [("undo", 10, 10), ("wait", 20, 80)]


def test_a_decision_that_changes_no_state_neither_ends_a_bar_nor_counts_its_time_twice() -> None:
    retry = TimelineEntry(
        at=at(50), kind="step_resolved", step=CHARGE.name, was="parked", state="parked", since=at(20), choice="retry"
    )
    undone = row(CHARGE.name, "undone", retry, changed(CHARGE.name, "parked", "undone", 20, 60), undoing=True)
    assert (bars(undone), undone.took) == ([("wait", 20, 40)], "40.0 s")


@pytest.mark.parametrize(
    ("state", "undoing", "title"),
    [
        ("undoing", True, "Refund the customer"),
        ("undo_requested", True, "Refund the customer"),
        ("done_by_hand", True, "Refund the customer"),
        ("written_off", True, "Refund the customer"),
        ("done_by_hand", False, "Charge the customer"),
        ("undone", True, "Charge the customer"),
        ("nothing_to_undo", True, "Charge the customer"),
        ("too_late", True, "Charge the customer"),
    ],
)
def test_a_row_is_headed_by_what_its_state_is_the_state_of(state: str, undoing: bool, title: str) -> None:
    assert row(CHARGE.name, state, undoing=undoing).title == title


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (RESERVE.name, "Release requested, not final yet"),
        (CHARGE.name, "Refund requested, not final yet"),
        (SHIP.name, "Cancellation requested, not final yet"),
        (CONFIRM.name, "Recall requested, not final yet"),
        ("step_of_a_later_version", "Undo requested, not final yet"),
    ],
)
def test_an_undo_that_was_requested_is_final_later(name: str, says: str) -> None:
    asked = changed(name, "undoing", "undo_requested", 10, 20)
    drawn = shown([step(name, "undo_requested", undoing=True)], asked, **{name: 20})
    (found,) = drawn.steps
    assert (found.state_label, found.tone) == (says, "warn")
    assert bars(found) == [("undo", 10, 10), ("requested", 20, 80)]
    assert drawn.kinds == ["undo", "requested"]


def test_every_state_of_a_step_has_a_tone_and_a_text() -> None:
    assert set(StepState) <= set(TONES)
    assert [state for state in StepState if "_" in label(state)] == []


@pytest.mark.parametrize("kind", ["hold_ended", "cancel_requested", "unwind_begun"])
def test_a_hold_is_drawn_where_the_shipment_will_be_until_it_ends(kind: str) -> None:
    hold = TimelineEntry(at=at(10), kind="hold_begun", until=at(3610))
    news = TimelineEntry(at=at(30), kind="event_received", event="a_call")
    held = shown([step(SHIP.name, "pending")], hold, news)
    assert held.held_until == at(3610)
    assert bars(held.steps[0]) == [("hold", 10, 90)]
    over = shown([step(SHIP.name, "pending")], hold, news, TimelineEntry(at=at(60), kind=kind))
    assert over.held_until is None
    assert bars(over.steps[0]) == [("hold", 10, 50)]


def test_entries_are_shown_in_the_order_in_which_they_happened() -> None:
    """Their times come from several clocks, and may be inconsistent by milliseconds."""
    done = TimelineEntry(at=at(10.02), kind="step_done", step=CHARGE.name)
    hold = TimelineEntry(at=at(10.01), kind="hold_begun", until=at(3610))
    log = shown([step(CHARGE.name, "done")], done, hold).log
    assert [entry.event.split(" ")[0] for entry in log] == ["Charge", "On"]


def test_what_took_no_time_is_seen_and_stays_inside() -> None:
    (bar,) = row(CONFIRM.name, "done", changed(CONFIRM.name, "running", "done", 100, 100)).bars
    assert bar.width > 0
    assert bar.x + bar.width <= 100


def test_without_a_timeline_there_is_nothing_to_draw() -> None:
    empty = shown([step(RESERVE.name, "done")])
    assert (empty.axis, empty.log, empty.steps[0].bars) == (None, [], [])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (TimelineEntry(at=PLACED, kind="step_done", step=RESERVE.name), "Reservation done"),
        (
            TimelineEntry(at=PLACED, kind="undo_answered", step=SHIP.name, outcome="nothing_to_undo"),
            "Shipment: nothing to undo",
        ),
        (
            TimelineEntry(at=PLACED, kind="step_refused", step=CHARGE.name, refusal="PaymentDeclined"),
            "Charge refused: PaymentDeclined",
        ),
    ],
)
def test_entries_have_plain_texts(entry: TimelineEntry, message: str) -> None:
    assert entry_label(entry) == message


@pytest.mark.parametrize(
    ("seconds", "message"), [(-5, "due"), (0.5, "in 1 s"), (39.5, "in 40 s"), (61, "in 1 min"), (7300, "in 2 h")]
)
def test_future_entries_are_shown_with_their_time(seconds: float, message: str) -> None:
    received = due(datetime.now(UTC) + timedelta(seconds=seconds))
    assert f">{message}</time>" in received
    assert without_ages(str(received)).endswith("data-due></time>")


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(0.0341, "34 ms"), (1.25, "1.2 s"), (184, "3 min 4 s"), (3600, "1 h"), (7260, "2 h 1 min"), (190_000, "2 d 4 h")],
)
def test_a_duration_has_two_units(seconds: float, message: str) -> None:
    assert in_two_units(timedelta(seconds=seconds)) == message


@pytest.mark.parametrize(
    ("amount", "currency", "country", "message"),
    [
        ("1234.50", "EUR", "DE", "1.234,50\xa0€"),
        ("1234.50", "USD", "US", "$1,234.50"),
        ("1250", "JPY", "JP", "￥1,250"),
        ("1.250", "KWD", "US", "KWD1.250"),
        ("5.00", "USD", "ZZ", "$5.00"),
    ],
)
def test_money_is_written_as_in_the_customers_country(amount: str, currency: str, country: str, message: str) -> None:
    assert in_format(Money.parse(amount, currency), country) == message


def test_figures_keep_their_decimals() -> None:
    assert [figures(text) for text in ("1234567.50", "12000", "0.005", "?")] == ["1,234,567.50", "12,000", "0.005", "?"]
