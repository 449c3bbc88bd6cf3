"""The entry point of the command line. The only place that turns errors into messages and exit codes."""

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
    """Run one command, and exit the process with its exit code."""
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or Exit.READER_GONE
    # The native threads of Temporal's SDK sometimes abort an interpreter that exits normally.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit code. Without arguments, print the help; that is wrong usage."""
    as_json = "--json" in arguments
    try:
        code = int(app(list(arguments) or ["--help"], prog_name="ordersaga", standalone_mode=False) or Exit.OK)
    except SystemExit:  # typer reports a broken pipe on stdout like this
        return Exit.READER_GONE
    except typer.TyperException as error:
        return _end(as_json, "WrongUsage", _usage(error), Exit.WRONG_INPUT)
    except OrdersagaError as error:
        return _end(as_json, type(error).__name__, str(error), exit_of(error))
    except Exception as error:
        traceback.print_exception(error)
        return _end(
            as_json, type(error).__name__, "This is a bug in ordersaga. Please report the traceback above.", Exit.BUG
        )
    if code == Exit.INTERRUPTED:  # typer reports Ctrl-C like this
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
