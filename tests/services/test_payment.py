"""The payment service: test cards, exact amounts in every currency, and refunds that happen once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.api import Answer, Api, Json
from tests.services.conftest import one_database
from tests.services.pairs import PAYMENT

DECLINED = [
    "pm_card_chargeDeclined",
    "pm_card_visa_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeDeclinedLostCard",
    "pm_card_chargeDeclinedStolenCard",
    "pm_card_chargeDeclinedIncorrectCvc",
    "pm_card_chargeDeclinedProcessingError",
]
GOOD = ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "tok_of_another_shop", "карта 7"]


async def only_entry(api: Api, order_id: str) -> Json:
    """The only payment of the order."""
    (entry,) = await PAYMENT.entries(api, order_id)
    return entry


@pytest.mark.parametrize("method", GOOD)
@one_database
async def test_a_good_card_is_charged(api: Api, order_id: str, method: str) -> None:
    answer = await PAYMENT.do(api, order_id, payment_method_id=method)
    assert answer == Answer(201, {"payment_id": f"pay-{order_id}", "amount": "19.99"})
    entry = await only_entry(api, order_id)
    assert (entry["state"], entry["amount"], entry["refunded"]) == ("captured", "19.99", "0.00")
    assert (entry["currency"], entry["order_id"]) == ("USD", order_id)


@pytest.mark.parametrize("method", DECLINED)
@one_database
async def test_stripes_declined_cards_are_declined(api: Api, order_id: str, method: str) -> None:
    answer = await PAYMENT.do(api, order_id, payment_method_id=method)
    assert (answer.status, answer.type) == (402, "PaymentDeclined")
    entry = await only_entry(api, order_id)
    assert (entry["state"], entry["refunded"]) == ("declined", "0.00")


async def test_a_refund_gives_back_the_whole_amount_once(api: Api, order_id: str) -> None:
    await PAYMENT.do(api, order_id)
    answers = await asyncio.gather(*(PAYMENT.undo_it(api, order_id) for _ in range(10)))
    assert answers == [Answer(200, {"status": "refunded"})] * 10
    entry = await only_entry(api, order_id)
    assert (entry["state"], entry["amount"], entry["refunded"]) == ("refunded", "19.99", "19.99")


async def test_a_refund_for_another_reason_is_the_same_refund(api: Api, order_id: str) -> None:
    await PAYMENT.do(api, order_id)
    first = await PAYMENT.undo_it(api, order_id)
    assert await api.post("/payment/refunds", {"payment_id": f"pay-{order_id}", "reason": "twice is safer"}) == first
    assert (await only_entry(api, order_id))["refunded"] == "19.99"


async def test_a_refund_does_not_wait_for_the_wording_of_its_reason(api: Api, order_id: str) -> None:
    await PAYMENT.do(api, order_id)
    refund = {"payment_id": f"pay-{order_id}", "reason": "a\x00b\x1b[2J\r\n☕"}
    assert await api.post("/payment/refunds", refund) == Answer(200, {"status": "refunded"})


async def fails(api: Api, order_id: str, refund: int) -> Answer:
    """Report from the provider that a refund has failed."""
    return await api.post(f"/payment/payments/pay-{order_id}/events", {"state": "refund_failed", "refund": refund})


async def test_a_refund_that_fails_later_restores_the_captured_amount_and_may_be_repeated(
    api: Api, order_id: str
) -> None:
    await PAYMENT.do(api, order_id)
    charged = await only_entry(api, order_id)
    assert (charged["refunds"], charged["refund_failed_at"]) == (0, None)
    for number in (1, 2):
        await PAYMENT.undo_it(api, order_id)
        answers = await asyncio.gather(*(fails(api, order_id, number) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        failed = await only_entry(api, order_id)
        assert (failed["state"], failed["refunded"], failed["refunds"]) == ("captured", "0.00", number)
        assert failed["refund_failed_at"]
        assert await PAYMENT.do(api, order_id) == Answer(201, {"payment_id": f"pay-{order_id}", "amount": "19.99"})
    assert await PAYMENT.undo_it(api, order_id) == Answer(200, {"status": "refunded"})
    entry = await only_entry(api, order_id)
    assert (entry["state"], entry["refunded"], entry["refunds"]) == ("refunded", "19.99", 3)
    assert entry["refund_failed_at"] is None


async def test_the_failure_of_an_earlier_refund_that_is_reported_late_changes_nothing(api: Api, order_id: str) -> None:
    await PAYMENT.do(api, order_id)
    await PAYMENT.undo_it(api, order_id)
    await fails(api, order_id, 1)
    await PAYMENT.undo_it(api, order_id)
    assert (await fails(api, order_id, 1)).status == 200
    assert (await only_entry(api, order_id))["state"] == "refunded"


async def test_a_refund_that_was_never_made_cannot_fail(api: Api, order_id: str) -> None:
    unknown = await fails(api, order_id, 1)
    assert (unknown.status, unknown.type) == (404, "NotFound")
    await PAYMENT.do(api, order_id)
    for refund in (1, 2):
        answer = await fails(api, order_id, refund)
        assert (answer.status, answer.type) == (409, "InvalidTransition")
    await PAYMENT.undo_it(api, order_id)
    assert (await fails(api, order_id, 2)).status == 409
    assert (await only_entry(api, order_id))["state"] == "refunded"


async def test_payments_are_listed_whose_refund_has_failed(api: Api, order_id: str) -> None:
    names = [f"{order_id}-{number}" for number in range(3)]
    for name in names:
        await PAYMENT.do(api, name)
        await PAYMENT.undo_it(api, name)
    await fails(api, names[1], 1)
    listed = [row["order_id"] for row in await api.books("/payment/payments", refund_failed="true")]
    assert [name for name in listed if name in names] == [names[1]]
    both = await api.books("/payment/payments", refund_failed="true", order_id=names[0])
    assert both == []


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("500", "JPY"),
        ("0.01", "USD"),
        ("1234.567", "KWD"),
        ("0.001", "BHD"),
        ("9999999999.99", "EUR"),
    ],
)
async def test_amounts_are_exact_in_every_currency(api: Api, order_id: str, amount: str, currency: str) -> None:
    assert (await PAYMENT.do(api, order_id, amount=amount, currency=currency)).status == 201
    await PAYMENT.undo_it(api, order_id)
    entry = await only_entry(api, order_id)
    assert (entry["amount"], entry["refunded"], entry["currency"]) == (amount, amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("500.5", "JPY"),
        ("19.999", "USD"),
        ("1.2345", "KWD"),
        ("0", "USD"),
        ("0.00", "USD"),
        ("-1.00", "USD"),
        ("1e3", "USD"),
        ("1,000.00", "USD"),
        ("", "USD"),
        (" 1.00", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("\u0661\u0662.\u0660\u0660", "USD"),
        ("999999999999999", "USD"),
        ("1.00", "USDT"),
        ("1.00", ""),
        (None, "USD"),
        (True, "USD"),
        (["1.00"], "USD"),
        ("1.00", None),
        ("1.00", 840),
    ],
)
@one_database
async def test_what_is_not_an_amount_is_refused(api: Api, order_id: str, amount: Any, currency: Any) -> None:
    answer = await PAYMENT.do(api, order_id, amount=amount, currency=currency)
    assert answer.status in (400, 422)
    assert answer.type not in ("PaymentDeclined", "IdempotencyMismatch")
    assert await PAYMENT.entries(api, order_id) == []
    assert (await PAYMENT.do(api, order_id)).status == 201, "a bad request takes no id"


@pytest.mark.parametrize("currency", ["XXX", "XAU", "ZZZ"])
async def test_a_currency_that_one_cannot_pay_with_is_declined(api: Api, order_id: str, currency: str) -> None:
    answer = await PAYMENT.do(api, order_id, amount="1.00", currency=currency)
    assert (answer.status, answer.body["decline_code"]) == (402, "currency_not_supported")
    assert (await only_entry(api, order_id))["state"] == "declined"


@pytest.mark.parametrize("currency", ["HRK", "ZWX"])
async def test_a_charge_stays_readable_when_its_currency_is_removed(
    api: Api, order_id: str, currency: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The services know the currency while the charge is made, but not when it is read again and undone."""
    monkeypatch.setattr("ordersaga.services.payment.cards.check_currency", lambda currency: None)
    first = await PAYMENT.do(api, order_id, currency=currency)
    assert first.status == 201
    monkeypatch.undo()
    assert (await only_entry(api, order_id))["amount"] == "19.99"
    assert await PAYMENT.do(api, order_id, currency=currency) == first
    assert await PAYMENT.undo_it(api, order_id) == PAYMENT.undone_answer
    assert (await only_entry(api, order_id))["refunded"] == "19.99"


@pytest.mark.parametrize("amount", [0.1, 19.99, 20, 1234567.89])
@one_database
async def test_an_amount_as_a_number_is_read_exactly(api: Api, order_id: str, amount: float) -> None:
    answer = await PAYMENT.do(api, order_id, amount=amount)
    assert answer.status == 201
    assert [entry["amount"] for entry in await PAYMENT.entries(api, order_id)] == [f"{amount:.2f}"]


async def test_the_money_in_the_books_is_the_sum_of_what_was_charged(api: Api, order_id: str) -> None:
    amounts = [f"{n}.{n:02d}" for n in range(1, 31)]
    bodies = [PAYMENT.body(f"{order_id}-{n}", order_id=order_id, amount=amount) for n, amount in enumerate(amounts)]
    answers = await asyncio.gather(*(api.post("/payment/charges", body) for body in bodies * 2))
    assert {answer.status for answer in answers} == {201}
    assert sorted(entry["amount"] for entry in await PAYMENT.entries(api, order_id)) == sorted(amounts)
