"""Our settings, read from ORDERSAGA_* variables. Temporal's connection has its own (see orders/connection.py)."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ordersaga.domain.errors import SettingsError
from ordersaga.domain.order import OrderInput, OrderPolicy, problems_of

SERVICES = ("register", "inventory", "payment", "shipping", "notification")
"""The five services, in the order in which an order meets them."""

PREFIX = "ORDERSAGA_"


def _http_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError(f"{text!r} is not a URL such as http://127.0.0.1:8001/inventory")
    return text


def _rate(text: str) -> str:
    try:
        from limits import parse_many  # here, because it takes longer to load than all the rest
    except ImportError:
        return text  # the extra [web] is not installed, so that nothing here uses the rate

    example = f"{text!r} is not a rate such as 600/minute"
    try:
        rates = parse_many(text)
    except ValueError:
        raise ValueError(example) from None
    if len(rates) != 1 or rates[0].amount < 1:
        raise ValueError(f"{example}: one rate, of at least one request")
    return text


Url = Annotated[str, AfterValidator(_http_url)]
Rate = Annotated[str, AfterValidator(_rate)]


class Settings(BaseSettings):
    """Every setting of ordersaga. A field `x` is read from the variable ORDERSAGA_X; an empty one counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    register_url: Url = "http://127.0.0.1:8001/register"
    """Where the register answers."""
    inventory_url: Url = "http://127.0.0.1:8001/inventory"
    """Where the inventory service answers."""
    payment_url: Url = "http://127.0.0.1:8001/payment"
    """Where the payment service answers."""
    shipping_url: Url = "http://127.0.0.1:8001/shipping"
    """Where the shipping service answers."""
    notification_url: Url = "http://127.0.0.1:8001/notification"
    """Where the notification service answers."""
    task_queue: str = "orders"
    """The Temporal task queue that orders are placed on and workers take them from."""
    database_url: str = "sqlite:///.ordersaga/services"
    """Where the services keep their books: sqlite:/// and a folder, or postgresql://user:password@host:port/database."""
    smtp_url: str | None = None
    """The mail server that mails go through, such as smtp://user:password@host:25. Without one they stay queued."""
    mail_from: str = "orders@localhost"
    """The sender of the mails."""
    watch_every: float = 60.0
    """Seconds between the watcher's rounds, where a worker finds no schedule and creates one."""
    api_keys: str | None = None
    """The file with the API's keys, which `ordersaga api-key` writes. Without one the API serves this machine only."""
    api_rate: Rate = "600/minute"
    """How many requests a key may make, such as 600/minute or 20/second."""
    temporal_ui_url: Url | None = None
    """Where Temporal's Web UI answers, for the links to it of the dashboard and of `ordersaga show`."""
    dashboard_url: Url | None = None
    """Where the dashboard answers, for the links to it of `ordersaga show`."""
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

    @property
    def shown_database(self) -> str:
        """The URL of the database, without its password."""
        return shown_database(self.database_url)

    def service_urls(self) -> dict[str, str]:
        """The URL of each service, by its name."""
        return {name: str(getattr(self, f"{name}_url")).rstrip("/") for name in SERVICES}

    def with_policy(self, order: OrderInput) -> OrderInput:
        """The order with the policy that these settings ask for, where it has none of its own to say about a field."""
        wanted = self._policy_fields()
        if not wanted:
            return order
        own = order.policy.model_dump(exclude_unset=True) if order.policy else {}
        return order.model_copy(update={"policy": OrderPolicy.model_validate(wanted | own)})

    def _policy_fields(self) -> dict[str, float]:
        return {name: value for name in OrderPolicy.model_fields if (value := getattr(self, name)) is not None}


def shown_database(url: str) -> str:
    """A database's URL without its password, even if it is no proper URL."""
    url = re.sub(r"(://[^:@/?#]*):.*@", r"\1:***@", url)
    url = re.sub(r"(://[^:@/?#\[]*):(?!\*{3}@|\d+(?:[/?#]|$))[^/?#]*", r"\1:***", url)
    return re.sub(r"(password=)[^&#]*", r"\1***", url, flags=re.IGNORECASE)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises SettingsError, which names each variable that cannot be read or is not known."""
    problems = _unknown_variables()
    try:
        settings = Settings(**overrides)
        OrderPolicy.model_validate(settings._policy_fields())
    except ValidationError as error:
        problems += [f"{PREFIX}{path.upper()}: {problem}" for path, problem in problems_of(error)]
    if problems:
        raise SettingsError(f"Settings cannot be read: {'; '.join(problems)}. Nothing was started.")
    return settings


def _unknown_variables() -> list[str]:
    """What to say about each ORDERSAGA_ variable that is no setting: a misspelt one must not be lost in silence."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [f"{name}: there is no such setting{_nearest(name, known)}" for name in unknown]


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name.upper().removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1)
    return f" (perhaps {PREFIX}{near[0]})" if near else " (docs/reference/settings.md lists all)"
