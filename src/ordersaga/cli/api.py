"""The commands for the HTTP API: `api` serves it and the dashboard, `api-key` creates a key."""

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
No keys are set: everybody on this machine can do everything, and other machines cannot connect. To use keys, create one
with `ordersaga api-key`, and set ORDERSAGA_API_KEYS to its file."""


def api(
    port: Annotated[int, port_option("--port", "the dashboard and the API")] = 8000,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on. Any but loopback needs keys.")
    ] = "127.0.0.1",
    as_json: AsJson = False,
) -> int:
    """Serve the HTTP API and the dashboard until Ctrl-C.

    The API is under /v1, the dashboard at /. ORDERSAGA_API_KEYS is the file with the keys; without it, only this
    machine can connect (docs/reference/settings.md). Temporal may be down at the start: the API reports it, and uses
    Temporal as soon as it responds.
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
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the caller.")],
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
    """Create a key for the API and print it, once.

    Only the key's hash is stored, in the keys file. A running API that uses the file accepts the key at once.
    To revoke a key, remove its entry from the file.
    """
    from ordersaga.settings import load_settings
    from ordersaga.web.access import append_key, new_key

    kept = load_settings().api_keys
    if file is None and kept is None:
        raise WrongInput("Set the keys file with --file or ORDERSAGA_API_KEYS. Nothing was written.")
    place = file or Path(str(kept))
    secret, entry = new_key(name, _scopes(scope), customer)
    append_key(place, entry)
    if as_json:
        output.emit({"key": secret, **entry.model_dump(mode="json"), "file": str(place)})
        return Exit.OK
    output.message(f"The key of {name}. Store it now: it is not shown again, and {place} has only its hash.")
    if kept is None or place.resolve() != Path(kept).resolve():
        output.message(f"To use it, run ORDERSAGA_API_KEYS={place} ordersaga api")
    output.line(secret)
    return Exit.OK


def _scopes(names: list[str]) -> list[Scope]:
    from ordersaga.web.access import Scope

    if unknown := ", ".join(repr(name) for name in names if name not in set(Scope)):
        raise WrongInput(f"Unknown scope {unknown}. Use {', '.join(Scope)}. Nothing was written.")
    return [Scope(name) for name in names]
