"""What all services' contracts share: ids, problems (RFC 9457) and pages of entries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from ordersaga.domain.money import exact_decimal
from ordersaga.domain.order import SAFE_ID

EffectId = Annotated[str, StringConstraints(pattern=SAFE_ID, max_length=128)]
"""The id of an effect, such as pay-{order_id}. The caller chooses it, and the service's fence uses it as its key."""

Owner = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=128)]
"""The owner of an effect: for an order, its fingerprint. Only a caller that names the same owner gets an answer or may
undo it."""


def _amount_text(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{exact_decimal(value):f}" if is_number else value


Amount = Annotated[str, BeforeValidator(_amount_text), StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$")]
"""An amount on the wire: a decimal string such as "19.99". A JSON number is also accepted, and read as that exact
decimal."""


class Request(BaseModel):
    """The body of a request. Unknown fields are rejected, so that a misspelled field is not silently lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DoRequest(Request):
    """A request to do something once under an id, for an owner.

    `substance` names the fields that determine the effect. A repeated request of the same owner with the same substance
    is the same request, even if its texts differ: a deploy may have changed them.
    """

    substance: ClassVar[frozenset[str]]

    owner: Owner | None = None


class Reply(BaseModel):
    """The body of an answer. Unknown fields are ignored, so that a service may add fields."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(Reply):
    """An error as application/problem+json (RFC 9457). `type` is the name of an error in ordersaga.domain.errors."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""


class Entry(Reply):
    """One entry in a service's records."""

    order_id: str
    state: str
    created_at: datetime


E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


class Page(Reply, Generic[E_co]):
    """A page of entries. `next` is the cursor of the next page, or null at the end."""

    items: list[E_co]
    next: str | None = None
