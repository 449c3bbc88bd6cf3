"""How the commands end."""

from __future__ import annotations

from enum import IntEnum

from ordersaga.domain.errors import OrdersagaError


class Exit(IntEnum):
    """The exit codes of every command. docs/reference/cli.md explains them."""

    OK = 0
    NO = 1
    """The answer is no: an order did not complete, a cancel was too late, books do not balance; or it cannot be."""
    WRONG_INPUT = 2
    """Wrong usage, a wrong setting, or input that cannot be read."""
    NO_ANSWER = 3
    """Something that must answer does not: Temporal, a worker, a service."""
    NOT_FOUND = 4
    """No order has this id."""
    BUG = 70
    """An error that nobody thought of."""
    INTERRUPTED = 130
    """Ctrl-C."""
    READER_GONE = 141
    """Nobody reads the output any more, as after `| head`."""


EXPLAINED = """\
Exit codes:

- `0` yes, done
- `1` no: an order did not complete, a cancel came too late, the books do not balance; or it cannot be done
- `2` wrong usage or input
- `3` something that must answer does not
- `4` no such order
- `130` interrupted
"""


class WrongInput(OrdersagaError):
    """The input cannot be read. Nothing was started."""


_CODES = {
    "InvalidOrder": Exit.WRONG_INPUT,
    "SettingsError": Exit.WRONG_INPUT,
    "RetailFileError": Exit.WRONG_INPUT,
    "WrongInput": Exit.WRONG_INPUT,
    "Unavailable": Exit.NO_ANSWER,
    "OrderNotFound": Exit.NOT_FOUND,
}
"""By name, so that no module has to be loaded to know that it raised nothing."""


def exit_of(error: OrdersagaError) -> Exit:
    """The exit code for an error."""
    return next((_CODES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _CODES), Exit.NO)
