"""The commands for the HTTP API: `api` serves it and the dashboard, `api-key` makes a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit, WrongInput
from ordersaga.cli.extras import Extra, require
from ordersaga.cli.output import AsJson
from ordersaga.cli.ports import port_option, url_of

if TYPE_CHECKING:
    from ordersaga.web.access import Scope

LOCAL_ONLY = """\
There are no keys: whoever is on this machine may do everything, and nobody else is served. `ordersaga api-key` makes a
key, and ORDERSAGA_API_KEYS names the file with the keys."""


def api(
    port: Annotated[int, port_option("--port", "the dashboard and the API")] = 8000,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; other than this machine's only with keys.")
    ] = "127.0.0.1",
    as_json: AsJson = False,
) -> int:
    """Serve the HTTP API and the dashboard until Ctrl-C.

    The API is under /v1, the dashboard at /. ORDERSAGA_API_KEYS names the file with the keys; without one, only this
    machine is served (docs/reference/settings.md). Temporal may be down at the start: the API says so, and uses
    Temporal as soon as it answers.
    """
    require(Extra.WEB, "api")
    from ordersaga.cli.logs import configure_logs, configure_temporal_logs
    from ordersaga.settings import load_settings
    from ordersaga.web.app import serve_web

    configure_logs()
    settings = load_settings()
    configure_temporal_logs("ERROR")

    def ready(port: int) -> None:
        url = url_of(host, port)
        if settings.api_keys is None:
            output.message(LOCAL_ONLY)
        if as_json:
            output.emit({"ready": True, "port": port, "api": url})
        else:
            output.line(f"Dashboard  {url}\nAPI        {url}/v1")

    serve_web(settings, host, port, ready)
    return Exit.OK


def api_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    scope: Annotated[
        list[str],
        typer.Option(metavar="SCOPE", help="What it allows: orders:write, orders:read, operate; may be repeated."),
    ],
    customer: Annotated[str | None, typer.Option(metavar="ID", help="Only this customer's orders.")] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The keys file, if not that of ORDERSAGA_API_KEYS.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Make a key for the API and print it, once.

    The keys file gets the key's hash; the key itself is kept nowhere. A running API that reads the file knows the key
    at once. To revoke a key, remove its entry from the file.
    """
    from ordersaga.settings import load_settings
    from ordersaga.web.access import append_key, new_key

    kept = load_settings().api_keys
    if file is None and kept is None:
        raise WrongInput("Say where the keys are kept, with --file or ORDERSAGA_API_KEYS. Nothing was written.")
    place = file or Path(str(kept))
    secret, entry = new_key(name, _scopes(scope), customer)
    append_key(place, entry)
    if as_json:
        output.emit({"key": secret, **entry.model_dump(mode="json"), "file": str(place)})
        return Exit.OK
    output.message(f"The key of {name}. Keep it: {place} has its hash only, and it is not shown again.")
    if kept is None or place.resolve() != Path(kept).resolve():
        output.message(f"To serve with it: ORDERSAGA_API_KEYS={place} ordersaga api")
    output.line(secret)
    return Exit.OK


def _scopes(names: list[str]) -> list[Scope]:
    from ordersaga.web.access import Scope

    if unknown := ", ".join(repr(name) for name in names if name not in set(Scope)):
        raise WrongInput(f"There is no scope {unknown}; the scopes are {', '.join(Scope)}. Nothing was written.")
    return [Scope(name) for name in names]
