"""The commands. Their modules load what they need when they run, so that `--help` is there at once."""

from __future__ import annotations

import typer

from ordersaga.cli import serve
from ordersaga.cli.place import place
from ordersaga.cli.exits import EXPLAINED

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    epilog=EXPLAINED,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Orders that end shipped and paid for, or completely undone.",
)
app.command()(serve.up)
app.command()(serve.worker)
app.command()(serve.services)
app.command()(place)
