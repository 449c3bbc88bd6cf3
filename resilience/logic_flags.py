"""The SDK's workflow logic flags: which there are, and how to make workers that have one of them on.

Run as a program, it is `ordersaga` with flag 2 on: `python -m resilience.logic_flags worker`.

A flag changes in which order the SDK runs workflow code. A worker notes the flags that it used in the history, so that
a replay runs the code in the same order.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from temporalio.worker import _replayer, _workflow
from temporalio.worker._workflow_instance import _DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS, _WorkflowLogicFlag

LogicFlag = _WorkflowLogicFlag
SINGLE_BATCH = LogicFlag.PROCESS_WORKFLOW_ACTIVATION_JOBS_AS_SINGLE_BATCH
"""All that has come is applied before any task of the workflow runs. A later SDK is to have it on by default."""

KNOWN = {1, 2}
"""The flags that the tests take into account. 1 is noted wherever it had an effect, and cannot be turned off."""


@contextmanager
def single_batch(enabled: bool) -> Iterator[None]:
    """Every Worker and Replayer that is made in this block has the flag on, or off."""
    default = _DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS
    flags = default | {SINGLE_BATCH} if enabled else default - {SINGLE_BATCH}
    name = "_DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS"
    with patch.object(_workflow, name, flags), patch.object(_replayer, name, flags):
        yield


if __name__ == "__main__":
    with single_batch(enabled=True):
        runpy.run_module("ordersaga", run_name="__main__", alter_sys=True)
