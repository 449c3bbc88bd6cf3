"""The exit codes of the commands."""

from __future__ import annotations

from enum import IntEnum

from ordersaga.domain.errors import OrdersagaError


class Exit(IntEnum):
    """The exit codes of every command. docs/reference/cli.md explains them."""

    OK = 0
    NO = 1
    """No: an order did not complete, a cancellation was too late, the books do not balance; or it is not possible."""
    WRONG_INPUT = 2
    """Wrong usage, a wrong setting, or input that cannot be read."""
    NO_ANSWER = 3
    """Temporal, a worker or a service is not responding."""
    NOT_FOUND = 4
    """No order has this id."""
    BUG = 70
    """An unexpected error."""
    INTERRUPTED = 130
    """Ctrl-C."""
    READER_GONE = 141
    """The reader of the output has closed it, as after `| head`."""


EXPLAINED = """\
Exit codes:

- `0` yes, done
- `1` no: an order did not complete, a cancellation came too late, the books do not balance; or it is not possible
- `2` wrong usage or input
- `3` Temporal, a worker or a service is not responding
- `4` no such order
- `130` interrupted
"""


class WrongInput(OrdersagaError):
    """The input is not valid. Nothing was started."""


_CODES = {
    "InvalidOrder": Exit.WRONG_INPUT,
    "SettingsError": Exit.WRONG_INPUT,
    "RetailFileError": Exit.WRONG_INPUT,
    "WrongInput": Exit.WRONG_INPUT,
    "Unavailable": Exit.NO_ANSWER,
    "OrderNotFound": Exit.NOT_FOUND,
}
"""Keyed by name, so that the modules need not be imported."""


def exit_of(error: OrdersagaError) -> Exit:
    """The exit code for an error."""
    return next((_CODES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _CODES), Exit.NO)
