"""An answer of whatever type an activity declares, so that a world can answer for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


def parameter_type(call: Callable[..., Any]) -> Any:
    """The type of an activity's parameter, `Any` if it does not say."""
    return next((kind for name, kind in _hints(call).items() if name != "return"), Any)


def answer_type(call: Callable[..., Any]) -> Any:
    """The type of an activity's answer, `Any` if it does not say."""
    return _hints(call).get("return", Any)


def sample(kind: Any, text: str) -> Any:
    """A value of this type: text is `text`, a number 1, a collection empty, and a field has its default if it has one.

    Raises TypeError for a type that it knows nothing of.
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
        raise TypeError(f"no sample of {getattr(kind, '__name__', kind)} can be made: give the answer yourself")
    return kind(**{name: sample(each, text) for name, each in required.items()})


def _is_required(each: dataclasses.Field[Any]) -> bool:
    return each.init and each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING


def _hints(call: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(call)
    except NameError:  # imported for the type checker only
        return {}
