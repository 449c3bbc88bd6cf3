"""The application: its services, alone and together."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from ordersaga.domain.errors import OrdersagaError, SettingsError
from ordersaga.services.main import create_app
from ordersaga.settings import Settings
from tests.services.api import Api
from tests.services.harness import serving
from tests.services.pairs import PAIRS, PAYMENT, Pair

DATABASES = ["sqlite"]  # these tests are the same on all databases


async def test_a_service_can_run_alone(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, only=["payment"]) as url:
        api = Api(http, url)
        assert (await PAYMENT.do(api, "alone")).status == 201
        assert (await api.get("/inventory/stock")).status == 404


@pytest.mark.parametrize("only", [["warehouse"], []])
def test_a_service_that_is_not_there_is_named(tmp_path: Path, only: list[str]) -> None:
    with pytest.raises(SettingsError, match="register, inventory, payment, shipping, notification"):
        create_app(Settings(database_url=f"sqlite:///{tmp_path}"), only)


@pytest.mark.parametrize("url", ["mysql://somewhere/else", "sqlite:///", "nonsense"])
def test_books_that_cannot_be_kept_are_a_clear_error(url: str) -> None:
    with pytest.raises(SettingsError, match="ORDERSAGA_DATABASE_URL"):
        create_app(Settings(database_url=url))


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OrdersagaError, match="ORDERSAGA_DATABASE_URL"):
        create_app(Settings(database_url=f"sqlite:///{tmp_path / 'file'}"))


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.service for pair in PAIRS])
async def test_each_service_describes_itself(
    services_url: str, http: aiohttp.ClientSession, api: Api, pair: Pair
) -> None:
    described = (await api.get(f"/{pair.service}/openapi.json")).body
    assert {pair.do_path, pair.collection, f"{pair.collection}/{{{pair.key}}}"} <= set(described["paths"])
    async with http.get(f"{services_url}/{pair.service}/docs") as docs:
        assert docs.status == 200
        assert "text/html" in docs.headers["Content-Type"]
