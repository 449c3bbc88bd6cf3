"""The services as a process: they report their port, stop on a signal, and explain why they cannot start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ordersaga.domain.errors import OrdersagaError
from ordersaga.services.main import serve
from ordersaga.settings import Settings

SCRIPT = """
import sys
from ordersaga.services.main import serve
from ordersaga.settings import Settings
serve(Settings(database_url=sys.argv[1]), port=0, on_ready=lambda port: print(port, flush=True))
print("returned", flush=True)
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_they_report_their_port_and_return_on_a_signal(tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert json.load(answer)["services"]["payment"] == "/payment"
        process.send_signal(stop)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "returned\n", "")


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OrdersagaError, match=rf"port {port} .*Nothing was started"):
            serve(Settings(database_url=f"sqlite:///{tmp_path}"), port=port)


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "smtp://host:port", "mail.example.com"])
def test_a_mail_server_that_cannot_be_read_is_a_clear_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(OrdersagaError, match="ORDERSAGA_SMTP_URL"):
        serve(Settings(database_url=f"sqlite:///{tmp_path}", smtp_url=url), port=0)
