"""The models of an order that callers send. They are validated once, on entry; all other code trusts them."""

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
from ordersaga.domain.text import FORBIDDEN, Printable, clean

MAX_LINES = 1_000
MAX_QUANTITY = 100_000
MAX_ORDER_BYTES = 1_000_000
"""Limits of one order. Its largest payload is 135 KB, a fifteenth of Temporal's limit; docs/explanation/scale.md."""

_LONGEST_PATH = 200

STORED = object()
"""Validation context for orders stored by any version: checks against tables that change are skipped."""

SAFE_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
"""Ids are used in URLs and workflow ids, so they contain only characters that neither has to escape."""

_EMAIL = f'^[^@\\s<>,;"{FORBIDDEN}]+@[^@\\s<>,;"{FORBIDDEN}]+$'


def _email_address(text: str) -> str:
    if not re.fullmatch(_EMAIL, text) or clean(text) != text:
        raise ValueError("is not an email address such as ada@example.com")
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
    AfterValidator(_email_address),
    Field(json_schema_extra={"pattern": _EMAIL}),
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
    """A model that a caller sends: unknown fields are rejected, and it is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderItem(Document):
    """One line of an order: `quantity` pieces of `sku`. `price` is per piece, in the order's currency."""

    sku: Sku
    quantity: Quantity
    price: Price


class Address(Document):
    """The shipping address. `country` is an ISO 3166-1 two-letter code; some countries have no states or zip codes."""

    street: Line
    city: Line
    state: OptionalLine = ""
    zip_code: Annotated[str, _text(20, shortest=0), Printable] = ""
    country: Country


class OrderPolicy(Document):
    """Times that shape an order's run, in seconds. Sent with the order, so that every worker replays the same."""

    http_timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """The timeout of one call to a service."""
    step_deadline: Annotated[float, Field(gt=0, le=7 * 86_400)] = 120.0
    """How long a step is retried after a fault before the order is undone."""
    undo_patience: Annotated[float, Field(gt=0, le=7 * 86_400)] = 300.0
    """How long an undo is retried before the order needs attention. After that it is retried more slowly."""
    hold_before_shipping: Annotated[float, Field(ge=0, le=365 * 86_400)] = 0.0
    """How long an order waits before its shipment, so that the customer can still cancel."""
    fast_path: Annotated[float, Field(ge=0, le=3)] = 2.0
    """The timeout of a step's first attempt on the fast path. 0 turns the fast path off."""


class OrderInput(Document):
    """An order as a customer places it. The caller chooses the `order_id`, which makes placing it safe to repeat.

    Validation raises InvalidOrder.
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
            raise ValueError("the order's total is zero, so there is nothing to charge")
        return self

    # Must be the last validator, because it wraps only those before it.
    @model_validator(mode="wrap")
    @classmethod
    def _raise_invalid_order(cls, data: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return read(data)
        except ValidationError as error:
            problem = InvalidOrder(problems_of(error), _order_id(data))
            if info.context is STORED:
                return cast("Self", UnreadOrder.because_of(problem))
            raise problem from None

    def __copy__(self) -> Self:
        """A copy without the cached properties, because `model_copy(update=…)` may change what they depend on."""
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
        """How many pieces of each SKU are ordered."""
        counts: Counter[str] = Counter()
        for item in self.items:
            counts[item.sku] += item.quantity
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what the customer ordered. Every version of this program computes it in the same way.

        The policy is not part of it. A field that is added to orders later is hashed only if it is set. Any other
        change of the algorithm needs a new version number in front.
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
        """Whether both orders have the same content."""
        return self.fingerprint == other.fingerprint


class UnreadOrder(OrderInput):
    """Stands for a stored order that this version cannot read. It has no fields, only the problem."""

    _problem: InvalidOrder = PrivateAttr()

    @classmethod
    def because_of(cls, problem: InvalidOrder) -> UnreadOrder:
        """Create one from the validation's error."""
        unread = cls.model_construct()  # type: ignore[call-arg]  # it has no fields
        unread._problem = problem
        return unread

    @property
    def problem(self) -> InvalidOrder:
        """Why this version cannot read it."""
        return self._problem


def parse_order(source: str | bytes | Mapping[str, Any]) -> OrderInput:
    """Read an order from JSON text or from a mapping. Raises InvalidOrder, which lists every problem."""
    if isinstance(source, Mapping):
        return OrderInput.model_validate(source)
    if len(source) > MAX_ORDER_BYTES:
        raise InvalidOrder([("", f"it has {len(source):,} bytes; the limit is {MAX_ORDER_BYTES:,}")])
    try:
        document = json.loads(source, parse_float=json_number)
    except (ValueError, RecursionError) as error:
        raise InvalidOrder([("", f"it is not JSON ({error})")]) from None
    return OrderInput.model_validate(document)


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """A validation error as (path, problem) pairs, such as ("items[0].quantity", "…")."""
    return [
        (_path(detail["loc"]), _message(detail["msg"]))
        for detail in error.errors(include_url=False, include_input=False)
    ]


def describe_problems(error: ValidationError) -> str:
    """A validation error as one text."""
    return join_problems(problems_of(error))


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.lstrip(".")[:_LONGEST_PATH]


def _message(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _order_id(data: object) -> str | None:
    order_id = data.get("order_id") if isinstance(data, Mapping) else None
    return order_id[:100] if isinstance(order_id, str) else None
