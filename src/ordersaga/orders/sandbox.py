"""The sandbox for workflow code. Tests run orders in it; a worker does not."""

from __future__ import annotations

from temporalio.converter import DataConverter
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ordersaga.orders.connection import DATA_CONVERTER

PASSED_THROUGH = (
    *("pydantic", "pydantic_core", "annotated_types", "iso4217"),
    *(
        "ordersaga.domain",
        "ordersaga.contracts",
        "ordersaga.saga",
        "ordersaga.orders.activities",
        "ordersaga.orders.service_clients",
    ),
)
"""Modules that the sandbox does not reload for every order. Models keep no state and read no clock, and reloading them
takes 20 ms each time. The workflow's own modules stay inside, so that the sandbox rejects a clock or a random number in
them."""


class _WithoutContexts(UnsandboxedWorkflowRunner):
    """Runs workflow code without finding out to which activity or workflow each payload belongs.

    The SDK does that so that a converter can depend on it. Our converter does not, and finding out takes a twentieth of
    a worker's CPU time.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        instance.get_serialization_context = _no_context  # type: ignore[method-assign, assignment]
        return instance


def _no_context(_command: object) -> None:
    return None


def workflow_runner(converter: DataConverter, *, sandboxed: bool) -> WorkflowRunner:
    """Create the runner for workflow code with this converter.

    The sandbox finds workflow code that reads a clock, draws a random number or uses the network. It finds the same for
    every order, so it is enough to use it in tests and replays. In a worker it would take a tenth of an order's CPU
    time.
    """
    if not sandboxed:
        return _WithoutContexts() if converter is DATA_CONVERTER else UnsandboxedWorkflowRunner()
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)
