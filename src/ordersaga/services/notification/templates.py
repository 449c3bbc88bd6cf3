"""What the mails say: plain text that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ordersaga.contracts.notification import Template
from ordersaga.domain.text import clean


@dataclass(frozen=True, slots=True)
class Text:
    """A mail's subject and body."""

    subject: str
    body: str


def render(template: Template, order_id: str, data: Mapping[str, str]) -> Text:
    """The mail of this template for this order. What the data has is listed."""
    return _TEMPLATES[template](order_id, data)


def cancellation_notice(order_id: str) -> Text:
    """The notice that follows a mail which was out when its order was cancelled."""
    return Text(
        f"Your order {order_id} was cancelled",
        "Hello,\n\n"
        f"we wrote to you that your order {order_id} is on its way. It has been cancelled since, and will not be "
        "delivered.\nWhat was charged for it is given back to you.\n",
    )


def _order_confirmation(order_id: str, data: Mapping[str, str]) -> Text:
    details = "".join(f"  {_label(name)}: {_line(value)}\n" for name, value in data.items() if value)
    body = f"Hello,\n\nthank you for your order {order_id}. It is on its way.\n"
    return Text(f"Your order {order_id} is on its way", f"{body}\n{details}" if details else body)


def _label(name: str) -> str:
    words = _line(name).replace("_", " ")
    return words[:1].upper() + words[1:]


def _line(text: str) -> str:
    return clean(text).strip()


_TEMPLATES: Mapping[Template, Callable[[str, Mapping[str, str]], Text]] = {
    Template.ORDER_CONFIRMATION: _order_confirmation,
}
