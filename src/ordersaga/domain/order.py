"""What goes into an order: the models that callers send. Parsed once, at the edge; everything inside trusts them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ordersaga.domain.errors import InvalidOrder, join_problems
from ordersaga.domain.money import Money, check_currency, exact_decimal, json_number, total
from ordersaga.domain.text import OUT_OF_PLACE, Printable, clean

MAX_LINES = 1_000
MAX_QUANTITY = 100_000
MAX_ORDER_BYTES = 1_000_000
"""Limits of one order. With them its largest payload has 135 KB, a fifteenth of what Temporal takes; see
docs/explanation/scale.md."""

_LONGEST_PATH = 200

STORED = object()
"""The validation context of what was stored by any version of this program: no table that changes is asked for it."""

SAFE_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
"""Ids go into URLs and workflow ids, so they hold nothing that either would have to escape."""


_MAIL_ADDRESS = f'^[^@\\s<>,;"{OUT_OF_PLACE}]+@[^@\\s<>,;"{OUT_OF_PLACE}]+$'


def _mail_address(text: str) -> str:
    if not re.fullmatch(_MAIL_ADDRESS, text) or clean(text) != text:
        raise ValueError("is not a mail address such as ada@example.com")
    return text


def _known_currency(code: str, info: ValidationInfo) -> str:
    if info.context is not STORED:
        check_currency(code)
    return code


def _text(longest: int, shortest: int = 1) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


OrderId = Annotated[str, StringConstraints(pattern=SAFE_ID, max_length=100)]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ :/-]*$", max_length=64)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
CurrencyCode = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{3}$")]
Currency = Annotated[CurrencyCode, AfterValidator(_known_currency)]
Country = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2}$")]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(_mail_address),
    Field(json_schema_extra={"pattern": _MAIL_ADDRESS}),
]
Line = Annotated[str, _text(200), Printable]
OptionalLine = Annotated[str, _text(200, shortest=0), Printable]
Price = Annotated[
    Decimal,
    BeforeValidator(exact_decimal),
    Field(ge=0),
    PlainSerializer(lambda price: f"{price:f}", return_type=str),
]


class Document(BaseModel):
    """A model of something that a caller sends: unknown fields are refused, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderItem(Document):
    """One line of an order: `quantity` pieces of `sku` at `price` each, in the order's currency."""

    sku: Sku
    quantity: Quantity
    price: Price


class Address(Document):
    """Where the parcel goes. `country` is an ISO 3166-1 two-letter code; not every country has states or zip codes."""

    street: Line
    city: Line
    state: OptionalLine = ""
    zip_code: Annotated[str, _text(20, shortest=0), Printable] = ""
    country: Country


class OrderPolicy(Document):
    """What shapes one order's run. It travels with the order, so that a replay on any worker sees the same. Seconds."""

    http_timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long one call to a service may take."""
    step_deadline: Annotated[float, Field(gt=0, le=7 * 86_400)] = 120.0
    """How long a step is retried after a fault, before the order is unwound."""
    undo_patience: Annotated[float, Field(gt=0, le=7 * 86_400)] = 300.0
    """How long an undo is retried before the order needs attention. It is retried after that too, more slowly."""
    hold_before_shipping: Annotated[float, Field(ge=0, le=365 * 86_400)] = 0.0
    """How long an order waits before its shipment, so that the customer can change their mind."""
    fast_path: Annotated[float, Field(ge=0, le=3)] = 2.0
    """How long a step's first attempt may take, on the fast path. 0 turns it off."""


class OrderInput(Document):
    """An order as a customer places it. `order_id` is chosen by the caller and makes placing it safe to repeat.

    Reading one that is wrong, in whatever way, raises InvalidOrder.
    """

    order_id: OrderId
    customer_id: Annotated[str, _text(128), Printable]
    items: Annotated[list[OrderItem], Field(min_length=1, max_length=MAX_LINES)]
    shipping_address: Address
    payment_method_id: Annotated[str, _text(255), Printable]
    currency: Currency = "USD"
    email: Email | None = None
    policy: OrderPolicy | None = None

    @model_validator(mode="after")
    def _can_be_charged(self) -> OrderInput:
        for index, item in enumerate(self.items):
            try:
                Money.parse(item.price, self.currency)
            except ValueError as error:
                raise ValueError(f"items[{index}].price: {error}") from None
        if self.total.minor <= 0:
            raise ValueError("the order's total is zero; there is nothing to charge")
        return self

    # Stands behind the other validators, because it wraps only those before it.
    @model_validator(mode="wrap")
    @classmethod
    def _tell_what_is_wrong(cls, data: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return read(data)
        except ValidationError as error:
            problem = InvalidOrder(problems_of(error), _order_id(data))
            if info.context is STORED:
                return cast("Self", UnreadOrder.because_of(problem))
            raise problem from None

    def __copy__(self) -> Self:
        """A copy, which may be given other content: what is remembered of this one is not of that."""
        copied = super().__copy__()
        for name in ("total", "fingerprint"):
            copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def total(self) -> Money:
        """What the customer is charged: the sum of the lines, in the order's currency."""
        return total((Money.parse(item.price, self.currency) * item.quantity for item in self.items), self.currency)

    @cached_property
    def pieces(self) -> Counter[str]:
        """How many pieces of each SKU it asks for."""
        counts: Counter[str] = Counter()
        for item in self.items:
            counts[item.sku] += item.quantity
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """What the customer asks for, as a hash that every version of this program makes in the same way.

        The policy is how, not what, and does not count. A field that is added to an order joins the hash only where it
        is given; what changes more than that gets another number in front.
        """
        to = self.shipping_address
        asked = {
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "items": [[item.sku, item.quantity, f"{item.price.normalize():f}"] for item in self.items],
            "shipping_address": {
                "street": to.street,
                "city": to.city,
                "state": to.state,
                "zip_code": to.zip_code,
                "country": to.country,
            },
            "payment_method_id": self.payment_method_id,
            "currency": self.currency,
            "email": self.email,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        text = json.dumps(given, sort_keys=True, separators=(",", ":"))
        return f"1-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    def same_content(self, other: OrderInput) -> bool:
        """Whether both ask for the same thing."""
        return self.fingerprint == other.fingerprint


class UnreadOrder(OrderInput):
    """Instead of a stored order that this version cannot read. It has no fields, only what is wrong with them."""

    _problem: InvalidOrder = PrivateAttr()

    @classmethod
    def because_of(cls, problem: InvalidOrder) -> UnreadOrder:
        """An order that cannot be read for this reason."""
        unread = cls.model_construct()  # type: ignore[call-arg]  # it has no fields
        unread._problem = problem
        return unread

    @property
    def problem(self) -> InvalidOrder:
        """What is wrong with it, by the rules of this version."""
        return self._problem


def parse_order(source: str | bytes | Mapping[str, Any]) -> OrderInput:
    """Read an order from JSON text or from a mapping. Raises InvalidOrder, which names every problem."""
    if isinstance(source, Mapping):
        return OrderInput.model_validate(source)
    if len(source) > MAX_ORDER_BYTES:
        raise InvalidOrder([("", f"it has {len(source):,} bytes, and the limit is {MAX_ORDER_BYTES:,}")])
    try:
        document = json.loads(source, parse_float=json_number)
    except (ValueError, RecursionError) as error:
        raise InvalidOrder([("", f"it is not JSON ({error})")]) from None
    return OrderInput.model_validate(document)


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """A validation error as (path, problem) pairs in plain words, such as ("items[0].quantity", "…")."""
    return [
        (_path(found["loc"]), _words(found["msg"])) for found in error.errors(include_url=False, include_input=False)
    ]


def describe_problems(error: ValidationError) -> str:
    """A validation error as one text in plain words."""
    return join_problems(problems_of(error))


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.lstrip(".")[:_LONGEST_PATH]


def _words(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _order_id(data: object) -> str | None:
    order_id = data.get("order_id") if isinstance(data, Mapping) else None
    return order_id[:100] if isinstance(order_id, str) else None
