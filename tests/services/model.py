"""A model in plain Python of what the records of the services with a fence must contain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.services.api import Answer, Json
from tests.services.pairs import Pair

TOO_LATE = {"shipped", "delivered", "consumed"}
NEXT = {"consumed": {"held"}, "shipped": {"created"}, "delivered": {"shipped"}}
PASSED = {"consumed": {"consumed"}, "shipped": {"shipped", "delivered"}, "delivered": {"delivered"}}
Key = tuple[str, str]


@dataclass
class Effect:
    """What is known about one id. Without a state it is a tombstone."""

    body: Json = field(default_factory=dict)
    answer: Answer | None = None
    state: str | None = None
    undo: Answer | None = None
    owner: str | None = None


@dataclass
class Stock:
    """One SKU."""

    loaded: int = 0
    reserved: int = 0
    shipped: int = 0

    @property
    def on_hand(self) -> int:
        """The stock that can be reserved."""
        return self.loaded - self.reserved - self.shipped


class Model:
    """The model. Every method returns what the service must answer: a whole answer, or a status and a type."""

    def __init__(self) -> None:
        self.effects: dict[Key, Effect] = {}
        self.stock: dict[str, Stock] = {}

    def do(self, pair: Pair, effect_id: str, body: Json, refused: bool) -> Answer | tuple[int, str | None]:
        """A do. `refused` says that the service refuses this body; the inventory refuses by its stock."""
        effect = self.effects.get((pair.service, effect_id))
        if effect is not None:
            if effect.owner not in (None, body.get("owner")):
                return 409, "NotYours"
            if effect.undo is not None:
                return 410, "Fenced"
            counts = pair.substance if effect.owner else {*effect.body, *body} - {"owner"}
            same = all(effect.body.get(field) == body.get(field) for field in counts)
            return (effect.answer or (0, "no answer")) if same else (422, "IdempotencyMismatch")
        if pair.service == "inventory":
            refused = any(self.stock[sku].on_hand < qty for sku, qty in pieces(body).items())
            self._reserve(Counter() if refused else pieces(body))
        state = pair.refused_state if refused else pair.live
        self.effects[pair.service, effect_id] = Effect(body, None, state, owner=body.get("owner"))
        return pair.refusal if refused else (pair.done, None)

    def answered(self, pair: Pair, effect_id: str, answer: Answer) -> None:
        """Remember the first answer, for repeated requests."""
        effect = self.effects[pair.service, effect_id]
        effect.answer = effect.answer or answer

    def undo(self, pair: Pair, effect_id: str, owner: str | None) -> Answer | tuple[int, str | None]:
        """An undo."""
        effect = self.effects.setdefault((pair.service, effect_id), Effect(owner=owner))
        if effect.owner not in (None, owner):
            return 409, "NotYours"
        if effect.undo is not None:
            return effect.undo
        if effect.state in TOO_LATE:
            return 409, "AlreadyShipped"
        effect.undo = pair.nothing_answer
        if effect.state == pair.live:
            effect.state, effect.undo = pair.undone, pair.undone_answer
            if pair.service == "inventory":
                self._reserve(Counter({sku: -qty for sku, qty in pieces(effect.body).items()}))
        return effect.undo

    def move(self, pair: Pair, effect_id: str, state: str) -> int:
        """An event: the goods or the parcel move. Returns the status."""
        effect = self.effects.get((pair.service, effect_id))
        if effect is None or effect.state is None:
            return 404
        if effect.state in PASSED[state]:
            return 200
        if effect.state not in NEXT[state]:
            return 409
        effect.state = state
        if state == "consumed":
            for sku, qty in pieces(effect.body).items():
                self.stock[sku].reserved -= qty
                self.stock[sku].shipped += qty
        return 200

    def load(self, levels: dict[str, int]) -> int:
        """Stock is loaded. Returns the status."""
        if any(loaded < self.stock[sku].reserved + self.stock[sku].shipped for sku, loaded in levels.items()):
            return 409
        for sku, loaded in levels.items():
            self.stock[sku].loaded = loaded
        return 200

    def entries(self, pair: Pair) -> dict[str, Any]:
        """The state of every entry that a service must have, by id."""
        ours = {
            effect_id: effect.state for (service, effect_id), effect in self.effects.items() if service == pair.service
        }
        return {effect_id: state for effect_id, state in ours.items() if state is not None}

    def _reserve(self, wanted: Counter[str]) -> None:
        for sku, qty in wanted.items():
            self.stock[sku].reserved += qty


def pieces(body: Json) -> Counter[str]:
    """The number of pieces of each SKU in a reservation."""
    found: Counter[str] = Counter()
    for line in body["items"]:
        found[line["sku"]] += line["qty"]
    return found
