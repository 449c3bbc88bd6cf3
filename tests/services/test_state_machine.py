"""Random sequences of calls to the running services, whose records must always match a model."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlsplit

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.services.api import Answer, Json
from tests.services.model import Model, Stock
from tests.services.pairs import INVENTORY, PAIRS, PAYMENT, SHIPPING, Pair

EXAMPLES = 25
STEPS = 30
_names = count(1)
Effect = tuple[Pair, int]
pairs = st.sampled_from(PAIRS)
variants = st.integers(0, 2)
owners = st.sampled_from([None, "1-ada", "1-ada", "1-bob"])
levels = st.integers(0, 6)
skus = st.sampled_from("ab")


class Connection:
    """One connection to the services, without an event loop."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=30)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request."""
        raw = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, raw, {"Content-Type": "application/json"} if raw else {})
        with self._connection.getresponse() as response:
            text = response.read()
            assert response.status < 500, (method, path, body, text)
            return Answer(response.status, json.loads(text) if text else None)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Calls(RuleBasedStateMachine):
    """Calls for a few ids of one order, which no other sequence uses."""

    url: ClassVar[str]
    effects: Bundle[Effect] = Bundle("effects")
    goods: Bundle[Effect] = Bundle("goods")

    def __init__(self) -> None:
        super().__init__()
        self.wire = Connection(self.url)
        self.model = Model()
        self.order_id = f"machine-{next(_names)}"
        self.numbers = count(1)

    @initialize(a=levels, b=levels)
    def start(self, a: int, b: int) -> None:
        """Load the stock."""
        self.model.stock = {self.sku("a"): Stock(), self.sku("b"): Stock()}
        self.load_both(a, b)

    @rule(target=effects, pair=pairs, variant=variants, owner=owners)
    def do(self, pair: Pair, variant: int, owner: str | None) -> Effect:
        """Do something new."""
        return self.call(pair, next(self.numbers), variant, owner)

    @rule(targets=(effects, goods), pair=st.sampled_from([INVENTORY, SHIPPING]), events=st.integers(0, 2))
    def do_what_moves(self, pair: Pair, events: int) -> Effect:
        """Do something new that events can follow, with this number of events."""
        effect = self.call(pair, next(self.numbers), 0)
        for delivered in (False, True)[:events]:
            self.move(effect, delivered)
        return effect

    @rule(effect=effects, variant=variants, owner=owners)
    def do_again(self, effect: Effect, variant: int, owner: str | None) -> None:
        """Repeat something: late, with another body, or for another owner."""
        self.call(*effect, variant, owner)

    @rule(target=effects, pair=pairs, owner=owners)
    def undo_what_was_never_done(self, pair: Pair, owner: str | None) -> Effect:
        """Leave a tombstone."""
        effect = pair, next(self.numbers)
        self.undo(effect, owner)
        return effect

    @rule(effect=st.one_of(effects, goods), owner=owners)
    def undo(self, effect: Effect, owner: str | None) -> None:
        """Undo something: done, refused, undone before, gone, or another owner's."""
        pair, number = effect
        method, path, body = pair.undo_for(owner, self.effect_id(pair, number))
        expected = self.model.undo(pair, self.effect_id(pair, number), owner)
        says(self.wire.ask(method, f"/{pair.service}{path}", body), expected)
        self.same(pair)

    @rule(effect=goods, delivered=st.booleans())
    def move(self, effect: Effect, delivered: bool) -> None:
        """Goods leave the warehouse, or the carrier moves a parcel."""
        pair, number = effect
        state = "consumed" if pair is INVENTORY else "delivered" if delivered else "shipped"
        expected = self.model.move(pair, self.effect_id(pair, number), state)
        path = f"/{pair.service}{pair.collection}/{self.effect_id(pair, number)}/events"
        assert self.wire.ask("POST", path, {"state": state}).status == expected
        self.same(pair)

    @rule(sku=skus, loaded=levels)
    def load(self, sku: str, loaded: int) -> None:
        """Load one SKU."""
        expected = self.model.load({self.sku(sku): loaded})
        answer = self.wire.ask("PUT", f"/inventory/stock/{self.sku(sku)}", {"loaded": loaded})
        assert answer.status == expected
        self.same(INVENTORY)

    @rule(a=levels, b=levels)
    def load_both(self, a: int, b: int) -> None:
        """Load two SKUs, both or none."""
        wanted = {self.sku("a"): a, self.sku("b"): b}
        expected = self.model.load(wanted)
        assert self.wire.ask("PUT", "/inventory/stock", wanted).status == expected
        self.same(INVENTORY)

    def teardown(self) -> None:
        """At the end, check all records."""
        try:
            for pair in PAIRS:
                self.same(pair)
        finally:
            self.wire.close()

    def call(self, pair: Pair, number: int, variant: int, owner: str | None = None) -> Effect:
        """Call a do."""
        body = self.body(pair, number, variant) | ({"owner": owner} if owner else {})
        expected = self.model.do(pair, body[pair.key], body, refused=variant == 2)
        answer = self.wire.ask("POST", f"/{pair.service}{pair.do_path}", body)
        says(answer, expected)
        if answer.type not in ("NotYours", "Fenced", "IdempotencyMismatch"):
            self.model.answered(pair, body[pair.key], answer)
        self.same(pair)
        return pair, number

    def same(self, pair: Pair) -> None:
        """Check that the service's records and the model's are the same."""
        rows = self.wire.ask("GET", f"/{pair.service}{pair.collection}?order_id={self.order_id}").body["items"]
        assert len(rows) == len({row[pair.key] for row in rows})
        assert {row[pair.key]: row["state"] for row in rows} == self.model.entries(pair)
        for row in rows if pair is PAYMENT else ():
            assert row["refunded"] == (row["amount"] if row["state"] == "refunded" else "0.00")
            body = self.model.effects["payment", row["payment_id"]].body
            assert (row["amount"], row["currency"]) == (body["amount"], body["currency"])
        for sku, stock in self.model.stock.items() if pair is INVENTORY else ():
            row = self.wire.ask("GET", f"/inventory/stock/{sku}").body
            assert (row["loaded"], row["on_hand"]) == (stock.loaded, stock.on_hand)
            assert (row["reserved"], row["shipped"]) == (stock.reserved, stock.shipped)

    def body(self, pair: Pair, number: int, variant: int) -> Json:
        """One of three bodies; the third is refused."""
        changes: Json = ({}, pair.other, pair.refused)[variant]
        if pair is INVENTORY:
            a, b = self.sku("a"), self.sku("b")
            lines = ([(a, 1)], [(a, 2), (b, 1)], [(b, 2), (b, 2)])[variant]
            changes = {"items": [{"sku": sku, "qty": qty} for sku, qty in lines]}
        return pair.body(f"{self.order_id}-{number}", **changes, order_id=self.order_id)

    def effect_id(self, pair: Pair, number: int) -> str:
        """The id of one of the effects."""
        return pair.effect_id(f"{self.order_id}-{number}")

    def sku(self, name: str) -> str:
        """One of the SKUs."""
        return f"{self.order_id}-{name}"


def says(answer: Answer, expected: Answer | tuple[int, str | None]) -> None:
    """Fail unless the answer is the expected one, or has the expected status and type."""
    found = answer if isinstance(expected, Answer) else (answer.status, answer.type)
    assert found == expected


def test_random_calls_leave_the_records_of_the_model(services_url: str) -> None:
    Calls.url = services_url
    run_state_machine_as_test(
        Calls,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
