"""The commands. Each module imports what it needs when it runs, so that `--help` is fast."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from ordersaga.cli import api, doctor, lists, orders, recover, serve, verify, worklist
from ordersaga.cli.demo import demo
from ordersaga.cli.exit_codes import EXPLAINED
from ordersaga.cli.import_retail import import_retail
from ordersaga.cli.place import place
from ordersaga.cli.show import show
from ordersaga.cli.up import up

RUN, ORDERS, OPERATE, SET_UP = "Run", "Orders", "Operate", "Set up"
"""The groups of commands in `--help`."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    epilog=EXPLAINED,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ordersaga {version('ordersaga')}")
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Orders that end shipped and paid for, or fully undone.

    To start, run `ordersaga demo`; or `ordersaga up` in one terminal and `ordersaga place` in another.
    `ordersaga COMMAND --help` shows examples.
    """


def _add(panel: str, command: Callable[..., int], *examples: str, name: str | None = None) -> None:
    """Add a command to a group of `--help`. Its own help ends with the examples."""
    title = "Example:" if len(examples) == 1 else "Examples:"
    code = "\n".join(examples)
    app.command(name, rich_help_panel=panel, epilog=f"{title}\n\n```\n{code}\n```")(command)


_add(RUN, demo, "ordersaga demo", "ordersaga demo --orders 50 --keep")
_add(RUN, up, "ordersaga up", "ordersaga up --data-dir ~/orders --api-port 8080")
_add(RUN, serve.worker, "ordersaga worker", "TEMPORAL_ADDRESS=10.0.0.5:7233 ordersaga worker --wait 60")
_add(RUN, serve.services, "ordersaga services", "ordersaga services --only payment --port 9001")
_add(RUN, api.api, "ordersaga api", "ORDERSAGA_API_KEYS=keys.toml ordersaga api --host 0.0.0.0")

_add(ORDERS, place, "ordersaga place order.json", "cat orders.jsonl | ordersaga place - --json")
_add(ORDERS, orders.status, "ordersaga status example-1")
_add(ORDERS, show, "ordersaga show example-1", "ordersaga show example-1 --json")
_add(ORDERS, orders.cancel, 'ordersaga cancel example-1 --reason "changed my mind" --by Ada')
_add(
    ORDERS,
    lists.list_orders,
    "ordersaga list --status failed --placed-after 2026-03-01",
    "ordersaga list --currency EUR --min-amount 500 --csv",
    name="list",
)
_add(ORDERS, import_retail, "ordersaga import-retail till.csv --load-stock | ordersaga place -")

_add(OPERATE, worklist.worklist, "ordersaga worklist")
_add(
    OPERATE,
    worklist.resolve,
    "ordersaga resolve example-1 --by Ada --retry",
    'ordersaga resolve example-1 --by Ada --done-by-hand "refund 4711"',
)
_add(OPERATE, worklist.note, 'ordersaga note example-1 "The customer called." --by Ada')
_add(OPERATE, worklist.audit, "ordersaga audit --by Ada --kind decision")
_add(OPERATE, verify.verify, "ordersaga verify")
_add(OPERATE, recover.recover, "ordersaga recover --dry-run")

_add(SET_UP, doctor.doctor, "ordersaga doctor")
_add(SET_UP, api.api_key, "ordersaga api-key shop --scope orders:write --file keys.toml")
