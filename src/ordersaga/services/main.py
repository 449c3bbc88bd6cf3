"""The services in one process: each under its name, on one port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from ordersaga.domain.errors import SettingsError
from ordersaga.http.server import run
from ordersaga.services.inventory.service import service as inventory
from ordersaga.services.kit.app import ERROR_HANDLERS, Service, probe
from ordersaga.services.kit.migrate import migrations
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.services.kit.store import Store
from ordersaga.services.notification.service import service as notification
from ordersaga.services.payment.service import service as payment
from ordersaga.services.register.service import service as register
from ordersaga.services.shipping.service import service as shipping
from ordersaga.settings import SERVICES, Settings

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def create_app(settings: Settings, only: Iterable[str] | None = None) -> Starlette:
    """Create the application with all services or some of them, each under its name. Creates missing tables.

    Raises SettingsError for an unknown name or database URL, and OrdersagaError for a database that cannot be used.
    """
    services = [_service(name, settings) for name in _names(only)]
    for each in services:
        each.store.migrate()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for each in services:
                await stack.enter_async_context(each.lifespan())
            yield

    async def root(_request: Request) -> JSONResponse:
        return JSONResponse({"services": {each.name: f"/{each.name}" for each in services}})

    async def healthz(_request: Request) -> JSONResponse:
        await asyncio.gather(*(each.store.read(probe) for each in services))
        return JSONResponse({"status": "ok", "services": [each.name for each in services]})

    routes = [Route("/", root), Route("/healthz", healthz), *(Mount(f"/{each.name}", each.app) for each in services)]
    return Starlette(routes=routes, exception_handlers=ERROR_HANDLERS, lifespan=lifespan)


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8001,
    only: Iterable[str] | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Run the services until SIGTERM or Ctrl-C, then finish the open requests and return.

    Port 0 takes a free port. `on_ready` gets the port once everything answers. Raises OrdersagaError if the port is
    taken or a database cannot be used.
    """
    run(create_app(settings, only), host, port, on_ready, "The services")


def store_of(name: str, url: str) -> Store:
    """The store of a service in the database at this URL. Raises SettingsError."""
    if url.startswith(_POSTGRES):
        from ordersaga.services.kit.postgres import PostgresStore
        from ordersaga.services.kit.postgres_url import PostgresUrl

        return PostgresStore(PostgresUrl.parse(url), name, migrations("postgresql", "kit", name))
    folder = url.removeprefix(_SQLITE)
    if not url.startswith(_SQLITE) or not folder:
        raise SettingsError(
            "ORDERSAGA_DATABASE_URL must be sqlite:/// and a folder, such as sqlite:///.ordersaga/services, or "
            "postgresql://user:password@host:port/database. Nothing was started."
        )
    return SqliteStore(Path(folder) / f"{name}.db", migrations("sqlite", "kit", name))


def _service(name: str, settings: Settings) -> Service:
    store = store_of(name, settings.database_url)
    match name:
        case "register":
            return register(store)
        case "inventory":
            return inventory(store)
        case "payment":
            return payment(store)
        case "shipping":
            return shipping(store)
        case _:
            return notification(store, settings.smtp_url, settings.mail_from)


def _names(only: Iterable[str] | None) -> list[str]:
    wanted = list(SERVICES if only is None else dict.fromkeys(only))
    unknown = [name for name in wanted if name not in SERVICES]
    if unknown or not wanted:
        raise SettingsError(
            f"There is no service {', '.join(unknown) or 'named'}; the services are {', '.join(SERVICES)}. "
            "Nothing was started."
        )
    return wanted
