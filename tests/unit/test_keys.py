"""Keys: their format, how they are stored, and the content of a keys file."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from ordersaga.domain.errors import SettingsError
from ordersaga.web.access import LOCAL, KeyRing, Scope, append_key, new_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "keys.toml"


def test_a_key_is_kept_as_its_hash_only(file: Path) -> None:
    secret, entry = new_key("shop", [Scope.READ, Scope.WRITE], 'O"Brien\\ é')
    append_key(file, entry)
    assert len(secret) >= 43
    assert secret not in file.read_text()
    assert hashlib.sha256(secret.encode()).hexdigest() in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    caller = KeyRing.open(file).caller_of(secret)
    assert caller is not None
    assert (caller.name, caller.customer_id) == ("shop", 'O"Brien\\ é')
    assert [caller.may(scope) for scope in (Scope.READ, Scope.WRITE, Scope.OPERATE)] == [True, True, False]


def test_keys_are_added_to_what_is_there(file: Path) -> None:
    secrets = []
    for _ in range(3):
        secret, entry = new_key("shop", [Scope.READ])
        append_key(file, entry)
        secrets.append(secret)
    file.write_text("# ours\n" + file.read_text())
    ring = KeyRing.open(file)
    assert len({ring.caller_of(secret) for secret in secrets} - {None}) == 3
    assert ring.caller_of("osk_another") is None
    assert ring.caller_of("") is None
    assert ring.caller_of("\ud800") is None


def test_a_caller_is_valid_as_long_as_its_key_is_there_with_the_same_rights(file: Path) -> None:
    secret, entry = new_key("shop", [Scope.READ])
    append_key(file, entry)
    ring = KeyRing.open(str(file))
    caller = ring.caller_of(secret)
    assert caller is not None
    assert ring.still_valid(caller)
    assert not ring.still_valid(LOCAL)
    file.write_text(entry.model_copy(update={"scopes": [Scope.WRITE]}).toml())
    assert not ring.still_valid(caller)


def test_without_a_file_no_key_is_asked_for() -> None:
    ring = KeyRing.open(None)
    assert (ring.required, ring.caller_of("osk_x"), ring.still_valid(LOCAL)) == (False, None, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("key = 1", "key: input should be a valid list"),
        ("[[key]", "is not valid"),
        ('[[key]]\nname = "a"\nsha256 = "00"\nscopes = ["operate"]', r"key\[0\].sha256"),
        (f'[[key]]\nname = "a"\nsha256 = "{"0" * 64}"\nscopes = []', r"key\[0\].scopes"),
        (f'[[key]]\nname = "a"\nsha256 = "{"0" * 64}"\nscopes = ["all"]', r"key\[0\].scopes\[0\]"),
        (f'[[key]]\nname = "a"\nsha256 = "{"0" * 64}"\nscopes = ["operate"]\nsecret = "x"', r"key\[0\].secret"),
        (f'[[key]]\nname = "a"\nsha256 = "{"0" * 64}"\nscopes = ["operate"]\ncustomer_id = "x"', "cannot be bound"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_refused_at_the_start(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=problem):
        KeyRing.open(file)


def test_a_file_that_is_not_there_is_refused_at_the_start(file: Path) -> None:
    with pytest.raises(SettingsError, match="Nothing was started"):
        KeyRing.open(file)


@pytest.mark.parametrize(
    ("name", "scopes", "customer"),
    [
        ("", [Scope.READ], None),
        ("a b", [Scope.READ], None),
        ("a", [], None),
        ("a", [Scope.OPERATE], "ada"),
        ("a", [Scope.READ], "a\nb"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(name: str, scopes: list[Scope], customer: str | None) -> None:
    with pytest.raises(SettingsError, match="Nothing was written"):
        new_key(name, scopes, customer)


def test_a_file_that_is_wrong_is_not_added_to(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text("half of a")
    with pytest.raises(SettingsError):
        append_key(file, new_key("a", [Scope.READ])[1])
    assert file.read_text() == "half of a"
