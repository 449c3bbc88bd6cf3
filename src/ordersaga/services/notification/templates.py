"""The texts of the emails: plain text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ordersaga.contracts.notification import Template
from ordersaga.domain.text import clean


@dataclass(frozen=True, slots=True)
class Text:
    """An email's subject and body."""

    subject: str
    body: str


def render(template: Template, order_id: str, data: Mapping[str, str]) -> Text:
    """Render the email of this template for this order. It lists the entries of `data`."""
    return _TEMPLATES[template](order_id, data)


def cancellation_notice(order_id: str) -> Text:
    """The notice that follows an email that was sent before its order was cancelled."""
    return Text(
        f"Your order {order_id} was cancelled",
        "Hello,\n\n"
        f"we told you that your order {order_id} is on its way. It has been cancelled since then and will not be "
        "delivered.\nWe will refund what we charged for it.\n",
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
