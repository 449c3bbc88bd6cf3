"""`ordersaga api` and `ordersaga api-key`: who gets access, and keys that are added and removed while it runs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.acceptance.harness import NOWHERE, ordersaga, started

PATIENCE = 60


@contextmanager
def serving(where: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running API, and its URL."""
    process = started("api", "--json", "--port", 0, where=NOWHERE | where)
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield json.loads(line)["api"], process
    finally:
        process.kill()
        process.communicate()


def status(url: str, key: str = "") -> int:
    """The status of the answer from this address."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def new_key(file: Path, *options: str) -> str:
    """Add a key to this file, and return it."""
    done = ordersaga("api-key", "shop", "--scope", "orders:read", *options, "--file", file)
    assert done.code == 0, done.err
    return done.out.strip()


def test_it_serves_without_keys_and_reports_it_and_ends_on_a_signal() -> None:
    with serving({}) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert status(f"{url}/healthz") == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "")
    assert "No keys" in err
    assert "other machines cannot connect" in err


def test_a_key_is_known_and_forgotten_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    first = new_key(file)
    with serving({"ORDERSAGA_API_KEYS": str(file)}) as (url, process):
        assert status(f"{url}/v1/orders") == 401
        assert status(f"{url}/v1/orders", "osk_guessed") == 401
        assert status(f"{url}/v1/orders", first) == 503, "Temporal is nowhere, but the key is good"
        before = file.read_text()
        second = new_key(file)
        assert status(f"{url}/v1/orders", second) == 503
        file.write_text(file.read_text().removeprefix(before))
        assert status(f"{url}/v1/orders", first) == 401
        assert status(f"{url}/v1/orders", second) == 503
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "No keys" not in err


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ordersaga("api", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert f"port {port} (Address already in use). Nothing was started" in done.err


def test_a_keys_file_that_cannot_be_read_is_a_wrong_setting(tmp_path: Path) -> None:
    done = ordersaga("api", "--port", 0, where=NOWHERE | {"ORDERSAGA_API_KEYS": str(tmp_path / "none.toml")})
    assert (done.code, done.out) == (2, "")
    assert "none.toml cannot be read" in done.err
    assert "Nothing was started" in done.err


def test_a_key_is_shown_once_and_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    where = NOWHERE | {"ORDERSAGA_API_KEYS": str(file)}
    scopes = ("--scope", "orders:read", "--scope", "orders:write")
    plain = ordersaga("api-key", "shop", *scopes, where=where)
    (received,) = ordersaga("api-key", "Ada-shop", *scopes, "--customer", "c-1", "--json", where=where).json()

    kept = file.read_text()
    assert plain.code == 0
    assert plain.out.count("\n") == 1
    assert "not shown again" in plain.err
    assert plain.out.strip() not in kept + plain.err
    assert received["key"] not in kept
    assert received["sha256"] in kept
    assert (received["name"], received["customer_id"], received["file"]) == ("Ada-shop", "c-1", str(file))
    assert received["scopes"] == ["orders:read", "orders:write"]
    assert kept.count("[[key]]") == 2
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["shop", "--scope", "orders:raed"],
            "Unknown scope 'orders:raed'. Use orders:write, orders:read, operate",
        ),
        (["two words", "--scope", "operate"], "name"),
        (["shop", "--scope", "operate", "--customer", "c-1"], "customer"),
    ],
)
def test_a_key_that_cannot_be_leaves_no_file(tmp_path: Path, arguments: list[str], message: str) -> None:
    file = tmp_path / "keys.toml"
    done = ordersaga("api-key", *arguments, "--file", file)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Nothing was written" in done.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("mode", "state", "message"),
    [
        (0o600, "ok", "keys.toml"),
        (0o640, "ok", "keys.toml"),
        (0o644, "problem", "can be read by all users"),
        (0o620, "problem", "can be changed by other users"),
        (None, "problem", "cannot be read"),
    ],
)
def test_the_doctor_looks_at_the_keys(tmp_path: Path, mode: int | None, state: str, message: str) -> None:
    file = tmp_path / "keys.toml"
    if mode is not None:
        new_key(file)
        file.chmod(mode)
    done = ordersaga("doctor", "--json", where=NOWHERE | {"ORDERSAGA_API_KEYS": str(file)})

    (found,) = [each for each in done.json() if each["name"] == "api keys"]
    assert found["state"] == state
    assert message in found["detail"]
    assert bool(found["do"]) == (state == "problem")
