"""Reads one order: what the register has of it and, while the order runs, what its run answers."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionDescription

from ordersaga.contracts.register import OrderRecord
from ordersaga.domain.errors import InvalidOrder, OrderNotFound, ServiceUnavailable, Unavailable, WorkerUnavailable
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus, OrderSummary, OrderView
from ordersaga.domain.worklist import Attention, WorklistItem
from ordersaga.orders import executions
from ordersaga.orders.connection import stuck, translate_rpc_errors
from ordersaga.orders.reading.details import OrderDetails, actions_of, with_choices, without_choices
from ordersaga.orders.reading.without_worker import view_without_worker
from ordersaga.orders.recovery.recoveries import DECIDED_ON
from ordersaga.orders.register.notes import note_of
from ordersaga.orders.register.orders import OrderRegister, order_of_record, run_of, summary_of, view_of
from ordersaga.orders.workflows.ids import order_id_of, workflow_id
from ordersaga.orders.worklist import waiting_item, wedged_item

QUERY_PATIENCE = timedelta(seconds=2)
"""How long a worker may take to answer if there is something else to show."""
LIVE_PATIENCE = timedelta(seconds=12)
"""How long a worker may take if there is not. A query may have to wait for a workflow task whose worker was killed,
which times out after ten seconds."""


class OrderReader:
    """Reads orders from a register and from the runs in a Temporal namespace.

    With `live_only`, the reader returns an order's current state or raises WorkerUnavailable.
    """

    def __init__(self, temporal: Client, register: OrderRegister, *, live_only: bool = False) -> None:
        self._temporal, self._register, self._live_only = temporal, register, live_only
        self._patience = LIVE_PATIENCE if live_only else QUERY_PATIENCE

    async def details(self, order_id: str, last: OrderDetails | None = None) -> OrderDetails:
        """Everything known about an order; `last` is what was known before. Raises OrderNotFound, Unavailable.

        For an order that has ended, the register has everything. For others, Temporal and a worker are asked too.
        """
        try:
            record = await self._register.find(order_id)
        except ServiceUnavailable:
            return await self._without_register(order_id, last)
        if record is not None and record.ending is not None:
            return _of_record(record)
        try:
            found = await self._from_run(order_id, record, last)
        except Unavailable:
            if record is None or last is not None or self._live_only:
                raise
            found = None
        if found is not None:
            return found
        if record is None:
            raise OrderNotFound(f"There is no order {order_id}, neither in Temporal nor in the register.")
        return _of_record(record)

    async def _without_register(self, order_id: str, last: OrderDetails | None) -> OrderDetails:
        """What the order's run answers. Data that only the register has stays as in `last`."""
        found = await self._from_run(order_id, None, last)
        if found is None:
            raise ServiceUnavailable(
                f"The register does not answer, and Temporal has no run of order {order_id}. "
                "Try again when the register answers."
            )
        kept = {} if last is None else {"attention": found.attention or last.attention, "notes": last.notes}
        return found.model_copy(update=kept)

    async def _from_run(
        self, order_id: str, record: OrderRecord | None, last: OrderDetails | None
    ) -> OrderDetails | None:
        """What Temporal and a worker know about a running order, if they know it."""
        temporal = self._temporal
        with translate_rpc_errors(order_id):
            own = await executions.described(temporal, workflow_id(order_id))
            current = await executions.current_of(temporal, order_id, own)
            if current is None:
                return None
            summary = (
                summary_of(record) if own is None and record else await executions.summary(temporal, own or current)
            )
            order = await self._order(own or current, record, last)
            view, live = await self._view(summary, current, last)
            attention = await _attention(current, summary, record)
        return _details(record, summary, order, view, live, current.id, current.run_id, attention)

    async def _order(
        self, run: WorkflowExecutionDescription, record: OrderRecord | None, last: OrderDetails | None
    ) -> OrderInput | None:
        """The order's content, which never changes."""
        if last is not None and last.order is not None and last.summary.run_id == run.run_id:
            return last.order
        if record is not None:
            return order_of_record(record)
        try:
            return await executions.order_of(self._temporal, workflow_id(order_id_of(run)), run.run_id)
        except InvalidOrder:
            return None

    async def _view(
        self, summary: OrderSummary, current: WorkflowExecutionDescription, last: OrderDetails | None
    ) -> tuple[OrderView, bool]:
        """The view, and whether it came from a worker."""
        handle = self._temporal.get_workflow_handle(current.id, run_id=current.run_id)
        try:
            with translate_rpc_errors(summary.order_id, by_worker=True):
                view: OrderView = await handle.query("get_order", result_type=OrderView, rpc_timeout=self._patience)
        except WorkerUnavailable as unavailable:
            if self._live_only:
                raise (stuck(summary.order_id) if executions.is_wedged(current) else unavailable) from None
            if last is not None and last.live and last.run_id == current.run_id and summary.closed_at is None:
                raise  # while no worker answers, nothing happens to the order, so `last` is still right
            return await view_without_worker(self._temporal, summary, current), False
        if current.status in executions.CUT_OFF:  # its own run does not know that
            view = without_choices(view.model_copy(update={"status": summary.status}))
        return executions.with_pending_activities(view, current), True


async def _attention(
    current: WorkflowExecutionDescription, summary: OrderSummary, record: OrderRecord | None
) -> WorklistItem | None:
    """Why the order needs a person, or why nothing happens to it: its run is wedged or cut off."""
    if executions.is_wedged(current):
        return await wedged_item(current)
    registered = waiting_item(record) if record is not None else None
    if current.status in executions.CUT_OFF and summary.status is OrderStatus.NEEDS_ATTENTION:
        return _cut_off(current, summary, registered)
    return registered


def _cut_off(
    current: WorkflowExecutionDescription, summary: OrderSummary, registered: WorklistItem | None
) -> WorklistItem:
    """The item of a cut-off run. The run has ended, so nobody can decide on what it has reported."""
    if registered is not None and registered.attention is Attention.CUT_OFF:
        return registered
    return WorklistItem(
        order_id=summary.order_id,
        attention=Attention.CUT_OFF,
        status=summary.status,
        since=current.close_time or current.start_time,
        customer_id=summary.customer_id,
        amount_at_risk=summary.amount,
        currency=summary.currency,
        run_id=current.run_id,
        workflow_id=current.id,
    )


def _of_record(record: OrderRecord) -> OrderDetails:
    """An order from the register's record: it has ended, or Temporal does not know it or does not answer."""
    run_id = run_of(record.ending) if record.ending else ""
    name, ended = workflow_id(record.order_id), record.ending is not None
    found = _details(
        record, summary_of(record), order_of_record(record), view_of(record), ended, name, run_id, waiting_item(record)
    )
    return found.model_copy(update={"from_register": True})


def _details(
    record: OrderRecord | None,
    summary: OrderSummary,
    order: OrderInput | None,
    view: OrderView,
    live: bool,
    workflow: str,
    run_id: str,
    attention: WorklistItem | None,
) -> OrderDetails:
    if live and attention is not None and attention.attention in DECIDED_ON:
        view = with_choices(view, DECIDED_ON[attention.attention][0])
    return OrderDetails(
        summary=summary.model_copy(update={"status": view.status}),
        order=order,
        view=view,
        live=live,
        workflow_id=workflow,
        run_id=run_id,
        attention=attention,
        notes=[note_of(each) for each in record.notes] if record else [],
        actions=actions_of(view) if live else [],
    )
