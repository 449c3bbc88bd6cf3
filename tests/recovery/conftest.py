"""The environment of the workflow's tests."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import env, order_id, settings, temporal

__all__ = ["env", "order_id", "settings", "temporal"]


@pytest.fixture(scope="session")
def single_batch_activations() -> bool:
    """The environment is opened only once."""
    return False
