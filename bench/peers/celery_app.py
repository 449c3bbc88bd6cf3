"""Celery's application: the order's steps as chained tasks, each with the undos to run when it fails."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from celery import Celery, chain
from celery.canvas import Signature
from celery.signals import worker_process_init, worker_ready

from bench.peers.orders import Connection
from ordersaga.domain.errors import ServiceFault
from ordersaga.domain.order import OrderInput

REDIS = "CELERY_BROKER_URL"
PREFETCH = 16
VISIBILITY_SECONDS = 60
"""How long a message stays with a worker that has not acknowledged it. Longer than any pause between retries."""
LONGEST_PAUSE = 20
DO_RETRIES = 7
RESULT_SECONDS = 3600

app = Celery("orders", broker=os.environ.get(REDIS), backend=os.environ.get(REDIS))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=True,
    worker_prefetch_multiplier=PREFETCH,
    broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    result_expires=RESULT_SECONDS,
    result_backend_thread_safe=True,
)

_connection = Connection()
_loop = asyncio.new_event_loop()


def _retrying(max_retries: int | None) -> dict[str, Any]:
    return {
        "autoretry_for": (ServiceFault,),
        "max_retries": max_retries,
        "retry_backoff": True,
        "retry_backoff_max": LONGEST_PAUSE,
    }


_do = app.task(**_retrying(DO_RETRIES))
_last_do = app.task(ignore_result=False, **_retrying(DO_RETRIES))
_undo = app.task(**_retrying(None))


@_do
def reserve_inventory(order: dict[str, Any]) -> None:
    """Reserve all lines, or none."""
    _call("reserve_inventory", OrderInput.model_validate(order))


@_do
def charge_payment(order: dict[str, Any]) -> None:
    """Charge the customer."""
    _call("charge_payment", OrderInput.model_validate(order))


@_do
def create_shipment(order: dict[str, Any]) -> str:
    """Book the shipment, and return its tracking number."""
    return str(_call("create_shipment", OrderInput.model_validate(order)))


@_last_do
def send_confirmation(tracking_number: str, order: dict[str, Any]) -> str:
    """Send the confirmation, and return the tracking number."""
    _call("send_confirmation", OrderInput.model_validate(order), tracking_number)
    return tracking_number


@_undo
def release_inventory(order_id: str) -> None:
    """Undo the reservation."""
    _call("release_inventory", order_id)


@_undo
def refund_payment(order_id: str) -> None:
    """Undo the charge."""
    _call("refund_payment", order_id)


@_undo
def cancel_shipment(order_id: str) -> None:
    """Undo the shipment."""
    _call("cancel_shipment", order_id)


@_undo
def recall_confirmation(order_id: str) -> None:
    """Undo the confirmation."""
    _call("recall_confirmation", order_id)


def saga(order: OrderInput) -> Signature:
    """The order's steps in a chain. When one fails, it and the earlier ones are undone in reverse order."""
    content, order_id = order.model_dump(mode="json", exclude_none=True), order.order_id
    undos = [undo.si(order_id) for undo in (recall_confirmation, cancel_shipment, refund_payment, release_inventory)]
    return chain(
        reserve_inventory.si(content).on_error(undos[3]),
        charge_payment.si(content).on_error(chain(*undos[2:])),
        create_shipment.si(content).on_error(chain(*undos[1:])),
        send_confirmation.s(content).on_error(chain(*undos)),
    )


def _call(name: str, *arguments: object) -> object:
    async def call() -> object:
        return await getattr(await _connection.calls(), name)(*arguments)

    return _loop.run_until_complete(call())


@worker_process_init.connect
def _own_loop(**_: object) -> None:
    """Give each process of the pool its own event loop, which its session uses."""
    global _loop
    _loop = asyncio.new_event_loop()


@worker_ready.connect
def _say_ready(**_: object) -> None:
    # Celery has redirected sys.stdout to its log.
    print('{"ready": true}', file=sys.__stdout__, flush=True)
