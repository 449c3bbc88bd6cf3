"""The tests cover every workflow logic flag of the installed SDK, and no other SDK can be installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from ordersaga.orders.worker import WORKFLOWS, replayer
from ordersaga.stack.dev_server import temporal_server
from resilience.logic_flags import KNOWN, SINGLE_BATCH, LogicFlag, single_batch

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
NEXT_SDK = (
    "The SDK has other workflow logic flags. Read what the new ones change for a run that is cancelled or evicted "
    "(ordersaga.saga.waiting), record the histories of tests/replay with them on, and only then raise KNOWN."
)


def test_every_logic_flag_of_the_sdk_is_known() -> None:
    assert {flag.value for flag in LogicFlag} == KNOWN, NEXT_SDK


def test_an_sdk_that_may_have_other_flags_is_not_installed() -> None:
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (temporalio,) = (each for each in dependencies if re.match(r"temporalio\b", each))
    assert re.search(r"<|==|~=", temporalio), f"{temporalio} has no upper bound. {NEXT_SDK}"


@pytest.mark.parametrize("enabled", [False, True])
def test_a_replayer_has_the_flag_as_configured(enabled: bool) -> None:
    with single_batch(enabled):
        flags = replayer()._default_workflow_logic_flags
    assert (SINGLE_BATCH in flags) is enabled


async def test_a_worker_has_the_flag_as_configured() -> None:
    async with temporal_server() as address:
        client = await Client.connect(address)
        for enabled in (False, True):
            with single_batch(enabled):
                worker = Worker(client, task_queue=f"flag-{enabled}", workflows=WORKFLOWS)
            assert worker._workflow_worker is not None
            assert (SINGLE_BATCH in worker._workflow_worker._default_workflow_logic_flags) is enabled
