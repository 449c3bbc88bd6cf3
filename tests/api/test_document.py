"""The running API matches its OpenAPI document: schemathesis sends what the schemas allow, and what they do not.

All its checks are on, and the only exceptions are in schema_exceptions.py. A failure can be repeated with its seed:

SCHEMATHESIS_SEED=7 pytest tests/api/test_document.py
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from tests.api.harness import Api, serving

SEED = os.environ.get("SCHEMATHESIS_SEED") or ("1" if os.environ.get("CI") else str(random.randrange(10**6)))
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "8")
"""For each operation, in each of two phases. Two more phases send a fixed number of requests, which are the majority.
"""
ROOT = Path(__file__).resolve().parents[2]


async def schemathesis(api: Api, secret: str, where: Path) -> tuple[int, str]:
    """Test the API; returns the exit code and the report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{api.url}/openapi.json"),
        *("-H", f"Authorization: Bearer {secret}", "--checks", "all", "--continue-on-failure"),
        *("--seed", SEED, "--max-examples", EXAMPLES, "--no-shrink", "--request-timeout", "30"),
        cwd=where,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.api.schema_exceptions", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.fixture
async def alone(settings: Settings, keys_file: Path, secrets: dict[str, str]) -> AsyncIterator[Api]:
    """The API with keys on its own Temporal server, so that its worklist has no items of other tests."""
    wanted = settings.model_copy(update={"api_keys": str(keys_file), "api_rate": "100000/minute"})
    async with temporal_server() as address:
        temporal = await connect(target_host=address)
        await ensure_search_attributes(temporal)
        async with order_worker(temporal, settings), serving(wanted, target_host=address) as api:
            yield api


async def test_the_api_matches_its_document(alone: Api, secrets: dict[str, str], tmp_path: Path) -> None:
    code, report = await schemathesis(alone, secrets["operator"], tmp_path)
    assert code == 0, report
    operations = (await alone.get("/openapi.json")).json["paths"]
    wanted = sum(len(methods) for methods in operations.values())
    assert f"Tested: {wanted}\n" in report, report
    sent = re.search(r"(\d+) generated", report)
    assert sent, report
    assert int(sent[1]) > 20 * wanted, report


async def test_every_answer_that_may_come_is_in_the_document(guarded: dict[str, Api]) -> None:
    document = (await guarded["nobody"].get("/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert operation.get("description"), where
            if path in ("/healthz", "/readyz"):
                continue
            assert operation["security"], where
            assert {"401", "403", "429", "500", "503"} <= operation["responses"].keys(), where
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], f"{where} {status}"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect", "/openapi.yaml"])
async def test_no_page_comes_from_elsewhere(guarded: dict[str, Api], path: str) -> None:
    assert (await guarded["nobody"].get(path)).status in (401, 404)
