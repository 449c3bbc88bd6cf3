"""Finds the effect that a call is about: parses ids into step, saga key and instance key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from ordersaga.saga import Saga, Step
from ordersaga.saga.first_attempts import registered_name

AnyStep = Step[Any, Any, *tuple[Any, ...]]


class HasId(Protocol):
    """What the world stores under an id."""

    id: str
    tombstone: bool


E = TypeVar("E", bound=HasId)


class EffectIds:
    """The effect ids of one saga."""

    def __init__(self, saga: Saga[Any], id_of: Callable[[Any], str] | None = None) -> None:
        self._saga, self._id_of = saga, id_of
        self._steps = {step.prefix: step for step in saga.steps}

    def of_request(self, activity: str, request: Any) -> str:
        """The id of the effect that a do's request is about. Raises ValueError if the request does not contain it."""
        if self._id_of is not None:
            return self._id_of(request)
        prefixes = [step.prefix for step in self._saga.steps if registered_name(step.do) == activity]
        found = {text for text in _texts(request) if text.partition("-")[0] in prefixes and "-" in text}
        if len(found) != 1:
            names = " or ".join(f"{prefix}-…" for prefix in prefixes)
            raise ValueError(
                f"{activity} got {request!r}, which does not contain exactly one id {names}: pass World(id_of=…)"
            )
        return found.pop()

    def step_of(self, effect_id: str) -> AnyStep:
        """The step that makes the effect. Raises ValueError for an id of another saga."""
        step = self._steps.get(effect_id.partition("-")[0])
        if step is None:
            raise ValueError(f"{effect_id!r} is not an id of a step of {self._saga.name}")
        return step

    def split(self, effect_id: str) -> tuple[AnyStep, str, str]:
        """The step, the saga's key and the instance's key."""
        step = self.step_of(effect_id)
        rest = effect_id.removeprefix(f"{step.prefix}-")
        saga_key, _, key = rest.rpartition("-") if step.keys is not None else (rest, "", "")
        return step, saga_key, key

    def undone_with(self, step: AnyStep, effect_id: str, effects: Iterable[E]) -> Iterator[E]:
        """The other effects that the undo of this one takes back (`Step.undone_by`)."""
        for other in effects:
            if self.step_of(other.id).undone_by is step and self._belong(effect_id, other.id):
                yield other

    def is_undone_with_another(self, step: AnyStep, effect_id: str, effects: Iterable[HasId]) -> bool:
        """Whether the undo that takes this effect back has already run."""
        return any(
            each.tombstone and self.step_of(each.id) is step.undone_by and self._belong(each.id, effect_id)
            for each in effects
        )

    def _belong(self, one: str, other: str) -> bool:
        (_, saga_key, key), (_, other_saga_key, other_key) = self.split(one), self.split(other)
        return saga_key == other_saga_key and (not key or not other_key or key == other_key)


def _texts(request: Any) -> Iterator[str]:
    if isinstance(request, str):
        yield request
        return
    fields = request if isinstance(request, Mapping) else getattr(request, "__dict__", {})
    yield from (value for value in fields.values() if isinstance(value, str))
