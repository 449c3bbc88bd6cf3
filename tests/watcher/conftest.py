"""The shop of the workflow's tests."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import order_id, settings, shop, temporal

__all__ = ["order_id", "settings", "shop", "temporal"]


@pytest.fixture(scope="session")
def single_batch_activations() -> bool:
    """The shop is opened once."""
    return False
