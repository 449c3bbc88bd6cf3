"""The sandbox in which workflow code runs, and what it is spared."""

from __future__ import annotations

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

PASSED_THROUGH = (
    *("pydantic", "pydantic_core", "annotated_types", "iso4217"),
    *("ordersaga.domain", "ordersaga.contracts", "ordersaga.saga", "ordersaga.activities", "ordersaga.clients"),
)
"""Modules that the sandbox does not load anew for every order: models keep no state and read no clock, and loading them
again cost 20 ms of CPU an order. The workflow's own modules stay inside, so that a clock or a random number used in
them is refused."""


def workflow_runner(converter: DataConverter) -> WorkflowRunner:
    """What runs workflow code on a worker whose payloads this converter reads and writes."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return (SandboxedWorkflowRunner if _wants_contexts(converter) else _PlainSandbox)(restrictions=restrictions)


def _wants_contexts(converter: DataConverter) -> bool:
    """Whether something in the converter may want to know whose payload it has: a codec, or a store for large ones."""
    return converter.payload_codec is not None or converter.external_storage is not None


class _PlainSandbox(SandboxedWorkflowRunner):
    """The sandbox without the way into it that the SDK takes several times for every payload.

    It asks the sandboxed instance each time what the payload belongs to, for codecs that use another key for each
    workflow. Where nothing wants to know, asking is a quarter of what an order's workflow code costs.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The sandboxed instance, which answers for itself."""
        return _Instance(super().create_instance(det))


class _Instance(WorkflowInstance):
    def __init__(self, inside: WorkflowInstance) -> None:
        self._inside = inside

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._inside.activate(act)

    def get_serialization_context(self, _command_info: object) -> None:
        return None

    def get_external_store_context(self, _command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._inside.get_info()

    def get_thread_id(self) -> int | None:
        return self._inside.get_thread_id()
