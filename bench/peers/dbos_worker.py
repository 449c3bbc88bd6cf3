"""DBOS's application: the order as a durable workflow, its steps, and the endpoint that starts it and waits for it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import FastAPI, HTTPException, Request

from bench.peers.orders import Connection
from ordersaga.domain.errors import ServiceFault
from ordersaga.domain.order import OrderInput

DATABASE = "DBOS_SYSTEM_DATABASE_URL"
DO_ATTEMPTS = 8
UNDO_ATTEMPTS = 20
POOL_SIZE = 5
"""The number of connections. SQLite has one writer: the more threads wait for it, the longer each one waits."""

_SQLITE = "sqlite:///"
_connection = Connection()


def _is_fault(error: BaseException) -> bool:
    """Whether a step may succeed on a retry. A refusal will not."""
    return isinstance(error, ServiceFault)


_do = DBOS.step(retries_allowed=True, max_attempts=DO_ATTEMPTS, should_retry=_is_fault)
_undo = DBOS.step(retries_allowed=True, max_attempts=UNDO_ATTEMPTS, should_retry=_is_fault)


@_do
async def reserve_inventory(order: OrderInput) -> None:
    """Reserve all lines, or none."""
    await (await _connection.calls()).reserve_inventory(order)


@_do
async def charge_payment(order: OrderInput) -> None:
    """Charge the customer."""
    await (await _connection.calls()).charge_payment(order)


@_do
async def create_shipment(order: OrderInput) -> str:
    """Book the shipment, and return its tracking number."""
    return await (await _connection.calls()).create_shipment(order)


@_do
async def send_confirmation(order: OrderInput, tracking_number: str) -> None:
    """Send the confirmation."""
    await (await _connection.calls()).send_confirmation(order, tracking_number)


@_undo
async def release_inventory(order_id: str) -> None:
    """Undo the reservation."""
    await (await _connection.calls()).release_inventory(order_id)


@_undo
async def refund_payment(order_id: str) -> None:
    """Undo the charge."""
    await (await _connection.calls()).refund_payment(order_id)


@_undo
async def cancel_shipment(order_id: str) -> None:
    """Undo the shipment."""
    await (await _connection.calls()).cancel_shipment(order_id)


@_undo
async def recall_confirmation(order_id: str) -> None:
    """Undo the confirmation."""
    await (await _connection.calls()).recall_confirmation(order_id)


@DBOS.workflow()
async def process_order(placed: str) -> str:
    """Process an order, and return its tracking number. When a step fails, undo it and the earlier ones, and fail."""
    order = OrderInput.model_validate_json(placed)
    undos = []
    try:
        undos.append(release_inventory)
        await reserve_inventory(order)
        undos.append(refund_payment)
        await charge_payment(order)
        undos.append(cancel_shipment)
        tracking_number = await create_shipment(order)
        undos.append(recall_confirmation)
        await send_confirmation(order, tracking_number)
    except Exception:
        for undo in reversed(undos):
            await undo(order.order_id)
        raise
    return tracking_number


@asynccontextmanager
async def _launched(_app: FastAPI) -> AsyncIterator[None]:
    """Launch DBOS on the server's event loop, so that the workflows that it recovers share the session too."""
    DBOS.launch()
    print('{"ready": true}', flush=True)  # noqa: T201
    yield
    await asyncio.to_thread(DBOS.destroy)
    await _connection.close()


app = FastAPI(lifespan=_launched)


@app.post("/orders/{order_id}")
async def place(order_id: str, request: Request) -> str:
    """Process an order to its end. The same id is always the same workflow."""
    with SetWorkflowID(order_id):
        handle = await DBOS.start_workflow_async(process_order, (await request.body()).decode())
    try:
        return await handle.get_result()
    except Exception as error:
        raise HTTPException(409, f"{type(error).__name__}: {error}") from error


def main() -> None:
    """Process orders until the process is stopped. The port is the argument."""
    url = os.environ[DATABASE]
    if url.startswith(_SQLITE):
        _write_ahead(url.removeprefix(_SQLITE))
    config: DBOSConfig = {
        "name": "orders",
        "system_database_url": url,
        "sys_db_pool_size": POOL_SIZE,
        "application_version": "1",
        "log_level": "WARNING",
    }
    DBOS(config=config)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


def _write_ahead(path: str) -> None:
    """Put the database file into WAL mode, which is permanent. SQLite's own default, synchronous=FULL, stays."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")


if __name__ == "__main__":
    main()
