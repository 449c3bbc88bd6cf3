"""How activities call services: the time they have, and how a service's no is told to Temporal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from ordersaga.domain.errors import Fenced, IdempotencyMismatch, NotYours, Refusal, ServiceFault
from ordersaga.saga import refusal

_SHARE = 0.95
"""Of an attempt's time, what its HTTP call may take, so that the call ends with an error of its own."""


def time_for_call() -> float:
    """Seconds that this attempt's call to the service may take."""
    allowed = activity.info().start_to_close_timeout or timedelta(seconds=10)
    return allowed.total_seconds() * _SHARE


def attempt() -> int:
    """Which attempt of this activity this is, from 1."""
    return activity.info().attempt


@contextmanager
def map_service_errors() -> Iterator[None]:
    """Turn a definite no into an error that is not retried, and a fault into one that is."""
    try:
        yield
    except (Refusal, NotYours, Fenced, IdempotencyMismatch) as no:
        raise refusal(str(no), no.problem_type) from None
    except ServiceFault as fault:
        delay = None if fault.retry_after is None else timedelta(seconds=fault.retry_after)
        raise ApplicationError(str(fault), attempt(), type="ServiceFault", next_retry_delay=delay) from None
