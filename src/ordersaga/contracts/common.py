"""What all services' contracts share: ids, problems (RFC 9457) and pages of the books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from ordersaga.domain.money import exact_decimal
from ordersaga.domain.order import SAFE_ID

EffectId = Annotated[str, StringConstraints(pattern=SAFE_ID, max_length=128)]
"""The id of an effect, such as pay-{order_id}: chosen by the caller, and the key of the service's fence."""

Owner = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=128)]
"""Whose effect it is: for an order its fingerprint. Only who names the same owner is answered, or may undo it."""


def _amount_text(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{exact_decimal(value):f}" if is_number else value


Amount = Annotated[str, BeforeValidator(_amount_text), StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$")]
"""An amount on the wire: a decimal string such as "19.99". A JSON number is accepted and read as the decimal it is."""


class Request(BaseModel):
    """What a service is asked. Unknown fields are refused: a misspelt one must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DoRequest(Request):
    """What a service is asked to do once under an id, and for whom.

    `substance` names the fields that shape the effect. An owner who asks again with other words, and the same
    substance, asks for the same: a deploy may have changed the words meanwhile.
    """

    substance: ClassVar[frozenset[str]]

    owner: Owner | None = None


class Reply(BaseModel):
    """What a service answers. Unknown fields are ignored, so that a service may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(Reply):
    """An error as application/problem+json (RFC 9457). `type` is the name of an error in ordersaga.domain.errors."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""


class Entry(Reply):
    """One row of a service's books."""

    order_id: str
    state: str
    created_at: datetime


E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


class Page(Reply, Generic[E_co]):
    """Some rows of the books. `next` is the cursor to ask for more with, or null at the end."""

    items: list[E_co]
    next: str | None = None
