"""Our settings, read from ORDERSAGA_* variables. Temporal's connection has Temporal's own (see ordersaga.connect)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ordersaga.domain.errors import SettingsError
from ordersaga.domain.order import OrderInput, OrderPolicy, problems_of

SERVICES = ("inventory", "payment", "shipping", "notification")
"""The four services, in the order in which an order meets them."""


class Settings(BaseSettings):
    """Every setting of ordersaga. A field `x` is read from the variable ORDERSAGA_X."""

    model_config = SettingsConfigDict(env_prefix="ORDERSAGA_", frozen=True)

    inventory_url: str = "http://127.0.0.1:8001/inventory"
    """Where the inventory service answers."""
    payment_url: str = "http://127.0.0.1:8001/payment"
    """Where the payment service answers."""
    shipping_url: str = "http://127.0.0.1:8001/shipping"
    """Where the shipping service answers."""
    notification_url: str = "http://127.0.0.1:8001/notification"
    """Where the notification service answers."""
    task_queue: str = "orders"
    """The Temporal task queue that orders are placed on and workers take them from."""
    database_url: str = "sqlite:///.ordersaga/services"
    """Where the services keep their books: sqlite:/// and a folder, in which each service has a file of its own."""
    smtp_url: str | None = None
    """The mail server that confirmations go through, such as smtp://user:password@host:25. Without it they stay queued."""
    mail_from: str = "orders@localhost"
    """The sender of the mails."""
    http_timeout: float | None = None
    """Seconds that one call to a service may take; goes into the policy of orders placed from here."""
    step_deadline: float | None = None
    """Seconds for which a step is retried before its order is unwound; goes into the policy."""
    undo_patience: float | None = None
    """Seconds for which an undo is retried before its order needs attention; goes into the policy."""
    hold_before_shipping: float | None = None
    """Seconds that an order waits before its shipment; goes into the policy."""
    fast_path: float | None = None
    """Seconds that a step's first attempt may take, 0 for no fast path; goes into the policy."""

    def service_urls(self) -> dict[str, str]:
        """The URL of each service, by its name."""
        return {name: str(getattr(self, f"{name}_url")).rstrip("/") for name in SERVICES}

    def with_policy(self, order: OrderInput) -> OrderInput:
        """The order with the policy that these settings ask for, where it has none of its own to say about a field."""
        wanted = {name: value for name in OrderPolicy.model_fields if (value := getattr(self, name)) is not None}
        own = order.policy.model_dump(exclude_unset=True) if order.policy else {}
        if not wanted:
            return order
        return order.model_copy(update={"policy": _policy(wanted | own)})


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises SettingsError, which names each variable that cannot be read."""
    try:
        settings = Settings(**overrides)
        settings.with_policy(_PROBE)
    except ValidationError as error:
        wrong = "; ".join(f"ORDERSAGA_{path.upper()}: {problem}" for path, problem in problems_of(error))
        raise SettingsError(f"Settings cannot be read: {wrong}. Nothing was started.") from None
    return settings


def _policy(fields: dict[str, Any]) -> OrderPolicy:
    return OrderPolicy.model_validate(fields)


_PROBE = OrderInput.model_construct(policy=None)
