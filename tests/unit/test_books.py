"""The rules of the books: correct records break none, and each planted violation is reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersaga.audit.books import sum_up
from ordersaga.audit.effects import Effects, Entry, by_order, live
from ordersaga.audit.rules import OrderRecord, Rule, order_violations
from ordersaga.audit.stock import stock_violations
from ordersaga.contracts.inventory import LineEntry, ReservationEntry, ReservationState, StockItem
from ordersaga.contracts.notification import NotificationEntry, NotificationState
from ordersaga.contracts.payment import PaymentEntry, PaymentState
from ordersaga.contracts.shipping import ShipmentEntry, ShipmentState
from ordersaga.domain.money import Money
from ordersaga.domain.result import OrderStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINES = [LineEntry(sku="mug", qty=1), LineEntry(sku="tea", qty=3), LineEntry(sku="mug", qty=1)]
PIECES = {"mug": 2, "tea": 3}
TOTAL = Money(2000, "USD")


def reservation(state: str = "held", name: str = "rsv-A", lines: list[LineEntry] = LINES) -> ReservationEntry:
    return ReservationEntry(
        order_id="A", created_at=NOW, reservation_id=name, state=ReservationState(state), items=lines
    )


def payment(
    state: str = "captured", name: str = "pay-A", amount: str = "20.00", refunded: str = "0.00", currency: str = "USD"
) -> PaymentEntry:
    return PaymentEntry(
        order_id="A",
        created_at=NOW,
        payment_id=name,
        state=PaymentState(state),
        amount=amount,
        refunded=refunded,
        currency=currency,
    )


def shipment(state: str = "created", name: str = "shp-A", lines: list[LineEntry] = LINES) -> ShipmentEntry:
    return ShipmentEntry(order_id="A", created_at=NOW, shipment_id=name, state=ShipmentState(state), items=lines)


def mail(state: str = "queued", name: str = "msg-A", notices: int = 0) -> NotificationEntry:
    return NotificationEntry(
        order_id="A",
        created_at=NOW,
        message_id=name,
        state=NotificationState(state),
        to="ada@example.com",
        subject="Your order A",
        notices=notices,
    )


def record(status: str = "completed", **changes: object) -> OrderRecord:
    known: dict[str, object] = {"order_id": "A", "total": TOTAL, "pieces": PIECES} | changes
    return OrderRecord(status=OrderStatus(status), **known)  # type: ignore[arg-type]


def broken(order: OrderRecord | None, *entries: Entry) -> list[tuple[Rule, str | None]]:
    """The rules that an order with these effects breaks, and the effects."""
    found = order_violations("A", order, by_order(entries).get("A", Effects()))
    assert all(violation.order_id == "A" and "order A" in violation.detail for violation in found)
    return [(violation.rule, violation.effect) for violation in found]


LIVE: list[Entry] = [reservation(), payment(), shipment(), mail()]
GONE: list[Entry] = [
    reservation("released"),
    payment("refunded", refunded="20.00"),
    shipment("cancelled"),
    mail("recalled"),
]
GOOD: dict[str, tuple[OrderRecord, list[Entry]]] = {
    "completed": (record(), LIVE),
    "completed and delivered": (record(), [reservation("consumed"), payment(), shipment("delivered"), mail("sent")]),
    "completed, the mail server refused the mail": (record(), [*LIVE[:3], mail("failed")]),
    "completed, and says that there is no mail": (record(without_mail=True), LIVE[:3]),
    "cancelled before anything": (record("cancelled"), []),
    "cancelled after everything": (record("cancelled"), GONE),
    "cancelled after its mail was sent": (record("cancelled"), [*GONE[:3], mail("sent", notices=1)]),
    "cancelled, its mail may be out": (record("cancelled"), [*GONE[:3], mail("failed", notices=1)]),
    "cancelled, its mail was refused": (record("cancelled"), [*GONE[:3], mail("failed")]),
    "cancelled, its payment only voided": (record("cancelled"), [payment("voided")]),
    "cancelled, all of its payment given back": (record("cancelled"), [payment("captured", refunded="20.00")]),
    "out of stock": (record("failed", total=None, pieces=None), [reservation("refused")]),
    "declined": (record("failed"), [reservation("released"), payment("declined")]),
    "undeliverable": (record("failed"), [*GONE[:2], shipment("refused")]),
    "cut off before anything": (record("needs_attention"), []),
    "cut off, but undone": (record("needs_attention"), GONE),
    "running, half done": (record("processing", open=True), LIVE[:2]),
    "running back": (record("compensating", open=True), [reservation(), payment(), shipment("cancelled")]),
}


@pytest.mark.parametrize("name", GOOD)
def test_records_in_which_all_is_well_break_no_rule(name: str) -> None:
    order, entries = GOOD[name]
    assert broken(order, *entries) == []


def completed_but(kind: type[Entry], *instead: Entry) -> list[Entry]:
    """Everything that a completed order has, with one kind of effect replaced."""
    return [*(entry for entry in LIVE if not isinstance(entry, kind)), *instead]


FEWER = [LineEntry(sku="mug", qty=2), LineEntry(sku="tea", qty=2)]
COMPLETED: list[tuple[list[Entry], str]] = [
    (completed_but(ReservationEntry), "reservation"),
    (completed_but(ReservationEntry, reservation("released")), "reservation"),
    (completed_but(ReservationEntry, reservation(name="rsv-B")), "reservation"),
    (completed_but(ReservationEntry, reservation(lines=FEWER)), "reservation"),
    (completed_but(PaymentEntry), "payment"),
    (completed_but(PaymentEntry, payment("refunded", refunded="20.00")), "payment"),
    (completed_but(PaymentEntry, payment("declined")), "payment"),
    (completed_but(PaymentEntry, payment(name="pay-B")), "payment"),
    (completed_but(ShipmentEntry), "shipment"),
    (completed_but(ShipmentEntry, shipment("cancelled")), "shipment"),
    (completed_but(ShipmentEntry, shipment(name="shp-B")), "shipment"),
    (completed_but(ShipmentEntry, shipment(lines=FEWER)), "shipment"),
    (completed_but(NotificationEntry), "email"),
    (completed_but(NotificationEntry, mail("recalled")), "email"),
    (completed_but(NotificationEntry, mail(name="msg-B")), "email"),
    (completed_but(NotificationEntry, mail("sent", notices=1)), "email"),
]


@pytest.mark.parametrize(("entries", "effect"), COMPLETED)
def test_completed_means_all_four(entries: list[Entry], effect: str) -> None:
    assert broken(record(), *entries) == [(Rule.COMPLETED, effect)]


def test_completed_cannot_be_judged_without_what_was_asked_for() -> None:
    assert broken(record(total=None, pieces=None), *LIVE)[0] == (Rule.COMPLETED, None)


@pytest.mark.parametrize("status", ["failed", "cancelled", "needs_attention"])
@pytest.mark.parametrize("index", range(4))
def test_not_completed_means_that_none_is_live(status: str, index: int) -> None:
    rule = Rule.CUT_OFF if status == "needs_attention" else Rule.UNDONE
    effect = ("reservation", "payment", "shipment", "email")[index]
    assert broken(record(status), *GONE[:index], LIVE[index], *GONE[index + 1 :]) == [(rule, effect)]


def test_a_run_that_was_cut_off_is_called_that() -> None:
    (violation,) = order_violations("A", record("needs_attention"), by_order([payment()])["A"])
    assert "was cut off" in violation.detail
    assert "pay-A (captured, 20.00 USD)" in violation.detail


SECOND: list[tuple[Entry, str]] = [
    (reservation("consumed", name="rsv-A2"), "reservation"),
    (payment("authorised", name="pay-A2"), "payment"),
    (shipment("shipped", name="shp-A2"), "shipment"),
    (mail("failed", name="msg-A2"), "email"),
]


@pytest.mark.parametrize(("second", "effect"), SECOND)
@pytest.mark.parametrize("running", [True, False])
def test_there_is_at_most_one_of_each(second: Entry, effect: str, running: bool) -> None:
    assert broken(record(open=running), *LIVE, second) == [(Rule.MORE_THAN_ONE, effect)]


def test_there_is_at_most_one_notice() -> None:
    assert broken(record("cancelled"), mail("sent", notices=2)) == [(Rule.MORE_THAN_ONE, "email")]


MONEY: list[tuple[OrderRecord, list[Entry]]] = [
    (record(), completed_but(PaymentEntry, payment(amount="20.01"))),
    (record(), completed_but(PaymentEntry, payment(amount="2.00"))),
    (record(), completed_but(PaymentEntry, payment(refunded="0.01"))),
    (record(), completed_but(PaymentEntry, payment("authorised"))),
    (record(), completed_but(PaymentEntry, payment(amount="20.00", currency="EUR"))),
    (record(), completed_but(PaymentEntry, payment(amount="20.001", currency="USD"))),
    (record(), completed_but(PaymentEntry, payment(amount="20.00", currency="???"))),
    (record(total=Money(2000, "JPY")), completed_but(PaymentEntry, payment(amount="20", currency="JPY"))),
    (record("cancelled"), [payment("refunded", refunded="19.99")]),
    (record("failed"), [payment("refunded", refunded="20.01")]),
]


@pytest.mark.parametrize(("order", "entries"), MONEY)
def test_what_is_kept_is_what_was_shipped(order: OrderRecord, entries: list[Entry]) -> None:
    assert (Rule.MONEY, "payment") in broken(order, *entries)


@pytest.mark.parametrize(("amount", "currency", "minor"), [("2000", "JPY", 2000), ("0.001", "KWD", 1)])
def test_money_is_exact_in_every_currency(amount: str, currency: str, minor: int) -> None:
    zero = Money.zero(currency).amount
    paid = payment(amount=amount, refunded=zero, currency=currency)
    assert broken(record(total=Money(minor, currency)), *completed_but(PaymentEntry, paid)) == []


def test_an_order_that_temporal_does_not_know_is_named_with_its_effects() -> None:
    (violation,) = order_violations("A", None, by_order([payment()])["A"])
    assert violation.rule is Rule.UNKNOWN_ORDER
    assert "payment pay-A (captured, 20.00 USD)" in violation.detail


def stock(loaded: int = 10, on_hand: int = 5, reserved: int = 2, shipped: int = 3, sku: str = "mug") -> StockItem:
    return StockItem(sku=sku, loaded=loaded, on_hand=on_hand, reserved=reserved, shipped=shipped)


def kept(state: str, qty: int) -> ReservationEntry:
    return reservation(state, lines=[LineEntry(sku="mug", qty=qty)])


RESERVED = [kept("held", 1), kept("held", 1), kept("consumed", 3), kept("released", 7), kept("refused", 9)]


def test_stock_that_adds_up_breaks_no_rule() -> None:
    assert stock_violations([stock(), stock(4, 4, 0, 0, "tea")], RESERVED) == []


@pytest.mark.parametrize(
    ("item", "reservations", "says"),
    [
        (stock(loaded=11), RESERVED, "11 that were loaded"),
        (stock(on_hand=4), RESERVED, "4 on hand"),
        (stock(on_hand=-1, loaded=4), RESERVED, "is negative"),
        (stock(), RESERVED[1:], "held reservations add up to 1"),
        (stock(), [*RESERVED, kept("held", 5)], "held reservations add up to 7"),
        (stock(), [*RESERVED, kept("consumed", 1)], "consumed reservations add up to 4"),
        (stock(0, 0, 0, 0, "tea"), RESERVED, "none was ever loaded"),
    ],
)
def test_stock_that_does_not_add_up_is_named(item: StockItem, reservations: list[ReservationEntry], says: str) -> None:
    (violation,) = stock_violations([item], reservations)
    assert (violation.rule, violation.sku, violation.order_id) == (Rule.STOCK, "mug", None)
    assert says in violation.detail
    assert "SKU mug" in violation.detail


def test_the_books_are_counted_summed_and_written_as_json() -> None:
    running = record("processing", order_id="B", open=True)
    half_done = payment().model_copy(update={"order_id": "B"})
    books = sum_up({"A": record(), "B": running}, by_order([*LIVE, half_done]), unsettled=["tea"])
    assert books.balanced
    assert json.loads(json.dumps(books.to_json())) == {
        "balanced": True,
        "violations": [],
        "orders": {"completed": 1},
        "open": 1,
        "money": {"USD": {"captured": "20.00", "refunded": "0.00", "shipped": "20.00"}},
        "unsettled": ["tea"],
    }


def test_what_is_wrong_is_written_as_json() -> None:
    books = sum_up({}, by_order([payment()]), stock_violations([stock(loaded=11)], RESERVED))
    written = json.loads(json.dumps(books.to_json()))
    assert written["balanced"] is False
    assert [(each["rule"], each["order_id"], each["sku"]) for each in written["violations"]] == [
        ("unknown_order", "A", None),
        ("stock", None, "mug"),
    ]


def test_sums_may_be_larger_than_any_one_amount() -> None:
    total = Money(10**12, "USD")
    records = {name: record(order_id=name, total=total) for name in ("A", "B", "C")}
    paid = payment(amount=total.amount)
    effects = {name: Effects(payments=[paid], shipments=[shipment()]) for name in records}
    assert sum_up(records, effects).money["USD"].captured == "30000000000.00"


AMOUNTS = st.sampled_from(["0.00", "19.99", "20.00"])
ANY_PAYMENT: st.SearchStrategy[Entry] = st.builds(
    payment, state=st.sampled_from(PaymentState), amount=AMOUNTS, refunded=AMOUNTS
)
ANY_SHIPMENT: st.SearchStrategy[Entry] = st.builds(shipment, state=st.sampled_from(ShipmentState))
ENDS = ["completed", "failed", "cancelled", "needs_attention"]


@given(st.sampled_from(ENDS), st.lists(ANY_PAYMENT, max_size=2), st.lists(ANY_SHIPMENT, max_size=2))
def test_when_no_order_breaks_a_rule_the_sums_agree(status: str, paid: list[Entry], sent: list[Entry]) -> None:
    books = sum_up({"A": record(status)}, by_order([*paid, *sent]))
    for sums in books.money.values():
        difference = Money.parse(sums.captured, "USD").minor - Money.parse(sums.refunded, "USD").minor
        agree = difference == Money.parse(sums.shipped, "USD").minor
        assert agree or not books.balanced


@given(st.sampled_from(["failed", "cancelled"]), st.lists(st.one_of(ANY_PAYMENT, ANY_SHIPMENT), max_size=3))
def test_an_undone_order_with_anything_live_is_never_balanced(status: str, entries: list[Entry]) -> None:
    books = sum_up({"A": record(status)}, by_order(entries))
    assert not (books.balanced and any(live(entry) for entry in entries))


def test_every_rule_is_documented(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "explanation" / "books.md").read_text(encoding="utf-8")
    assert [rule for rule in Rule if f"| `{rule}` |" not in page] == []
