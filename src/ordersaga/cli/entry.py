"""The entry of the command line: every error becomes a message on stderr and an exit code here, and nowhere else."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import typer

from ordersaga.cli.app import app
from ordersaga.cli.exit_codes import Exit, exit_of
from ordersaga.domain.errors import OrdersagaError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command, and end the process with its exit code."""
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or Exit.READER_GONE
    # The native threads of Temporal's SDK sometimes abort an interpreter that ends in the usual way.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit code. Without arguments, print the help; that is wrong usage."""
    as_json = "--json" in arguments
    try:
        code = int(app(list(arguments) or ["--help"], prog_name="ordersaga", standalone_mode=False) or Exit.OK)
    except SystemExit:  # typer's way of saying that stdout is a broken pipe
        return Exit.READER_GONE
    except typer.TyperException as error:
        return _end(as_json, "WrongUsage", _usage(error), Exit.WRONG_INPUT)
    except OrdersagaError as error:
        return _end(as_json, type(error).__name__, str(error), exit_of(error))
    except Exception as error:
        traceback.print_exception(error)
        return _end(as_json, type(error).__name__, "This is a bug in ordersaga. Please report the above.", Exit.BUG)
    if code == Exit.INTERRUPTED:  # how typer answers Ctrl-C
        return _end(as_json, "Interrupted", "Interrupted.", Exit.INTERRUPTED)
    return code if arguments else Exit.WRONG_INPUT


def _end(as_json: bool, kind: str, message: str, code: Exit) -> Exit:
    text = json.dumps({"error": {"type": kind, "message": message}}) if as_json else message
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
    return code


def _usage(error: typer.TyperException) -> str:
    """What was wrong with the usage, and where help is."""
    message = str(getattr(error, "format_message", error.__str__)())
    context = getattr(error, "ctx", None)
    help_at = f" See `{context.command_path} --help`." if context else ""
    return f"{message}{'' if message.endswith(('.', '?')) else '.'}{help_at} Nothing was started."
