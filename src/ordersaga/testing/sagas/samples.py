"""Makes an answer of the type that an activity declares, so that a world can answer for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


def parameter_type(call: Callable[..., Any]) -> Any:
    """The type of an activity's parameter; `Any` if it declares none."""
    return next((kind for name, kind in _hints(call).items() if name != "return"), Any)


def answer_type(call: Callable[..., Any]) -> Any:
    """The type of an activity's answer; `Any` if it declares none."""
    return _hints(call).get("return", Any)


def sample(kind: Any, text: str) -> Any:
    """Make a value of this type: a text is `text`, a number 1, a collection empty; a field has its default, if any.

    Raises TypeError for an unsupported type.
    """
    origin = get_origin(kind)
    if origin is Annotated:
        return sample(get_args(kind)[0], text)
    if origin in (Union, UnionType):
        return None if NoneType in get_args(kind) else sample(get_args(kind)[0], text)
    if kind in (Any, None, NoneType):
        return None
    made = _simple(origin or kind, text)
    return _object(kind, text) if made is None else made


def _simple(kind: type, text: str) -> Any:
    if kind in (list, dict, set, tuple):
        return kind()
    if issubclass(kind, Enum):
        return next(iter(kind))
    if issubclass(kind, str):
        return kind(text)
    return kind(1) if issubclass(kind, bool | int | float) else None


def _object(kind: Any, text: str) -> Any:
    if issubclass(kind, BaseModel):
        required = {name: each.annotation for name, each in kind.model_fields.items() if each.is_required()}
    elif dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        required = {each.name: hints[each.name] for each in dataclasses.fields(kind) if _is_required(each)}
    else:
        raise TypeError(f"cannot make a sample of {getattr(kind, '__name__', kind)}: pass World(answers=…)")
    return kind(**{name: sample(each, text) for name, each in required.items()})


def _is_required(item: dataclasses.Field[Any]) -> bool:
    return item.init and item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _hints(call: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(call)
    except NameError:  # it is imported for the type checker only
        return {}
