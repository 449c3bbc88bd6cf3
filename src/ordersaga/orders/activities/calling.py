"""How activities call services: the timeout of a call, and how a service's errors are mapped for Temporal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from ordersaga.domain.errors import Fenced, IdempotencyMismatch, NotYours, Refusal, ServiceFault
from ordersaga.saga import refusal

_SHARE = 0.95
"""The share of an attempt's time that its HTTP call may take, so that the call ends first and with its own error."""


def time_for_call() -> float:
    """The timeout of this attempt's call to the service, in seconds."""
    allowed = activity.info().start_to_close_timeout or timedelta(seconds=10)
    return allowed.total_seconds() * _SHARE


def attempt() -> int:
    """The number of this attempt, from 1."""
    return activity.info().attempt


@contextmanager
def map_service_errors() -> Iterator[None]:
    """Map a refusal to an error that Temporal does not retry, and a fault to one that it retries."""
    try:
        yield
    except (Refusal, NotYours, Fenced, IdempotencyMismatch) as refused:
        raise refusal(str(refused), refused.problem_type) from None
    except ServiceFault as fault:
        delay = None if fault.retry_after is None else timedelta(seconds=fault.retry_after)
        raise ApplicationError(str(fault), attempt(), type="ServiceFault", next_retry_delay=delay) from None
