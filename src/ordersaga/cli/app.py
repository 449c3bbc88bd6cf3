"""The commands. Their modules load what they need when they run, so that `--help` is there at once."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from ordersaga.cli import api, doctor, lists, orders, recover, serve, verify, worklist
from ordersaga.cli.demo import demo
from ordersaga.cli.exit_codes import EXPLAINED
from ordersaga.cli.import_retail import import_retail
from ordersaga.cli.place import place
from ordersaga.cli.up import up

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
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
    """Orders that end shipped and paid for, or completely undone."""


app.command()(demo)
app.command()(up)
app.command()(serve.worker)
app.command()(serve.services)
app.command()(api.api)
app.command()(api.api_key)
app.command()(place)
app.command()(orders.status)
app.command()(orders.show)
app.command()(orders.cancel)
app.command("list")(lists.list_orders)
app.command()(worklist.worklist)
app.command()(worklist.resolve)
app.command()(worklist.note)
app.command()(worklist.audit)
app.command()(verify.verify)
app.command()(recover.recover)
app.command()(doctor.doctor)
app.command()(import_retail)
