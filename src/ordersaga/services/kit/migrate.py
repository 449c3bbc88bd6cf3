"""Numbered SQL files. Each is applied to a database once, in order, and recorded there with a checksum.

A file is NNNN_name.sql in the folder `migrations` of the kit or of a service. If the databases need different SQL,
there are two files, NNNN_name.sqlite.sql and NNNN_name.postgresql.sql. A released file never changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ordersaga.domain.errors import OrdersagaError

HISTORY = """
CREATE TABLE IF NOT EXISTS migration (
    part TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    PRIMARY KEY (part, number)
)
"""
APPLIED = "SELECT part, number, checksum FROM migration"
RECORD = "INSERT INTO migration (part, number, name, checksum, applied_at) VALUES (?, ?, ?, ?, ?)"

_SERVICES = Path(__file__).parents[1]
_FILE = re.compile(r"(\d{4})_(\w+)(?:\.(\w+))?\.sql")

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file. `part` is the package that it belongs to."""

    part: str
    number: int
    name: str
    sql: str

    @property
    def key(self) -> Key:
        """The key of the migration in a database."""
        return self.part, self.number

    @property
    def checksum(self) -> str:
        """A hash of the file's content."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def row(self, at: str) -> tuple[str, int, str, str, str]:
        """The values of its row in the database."""
        return self.part, self.number, self.name, self.checksum, at


def migrations(dialect: str, *parts: str) -> list[Migration]:
    """The migrations of these packages for a database (sqlite or postgresql), in the order in which they apply."""
    return [
        Migration(part, int(found[1]), found[2], path.read_text(encoding="utf-8"))
        for part in parts
        for path in sorted((_SERVICES / part / "migrations").iterdir())
        if (found := _FILE.fullmatch(path.name)) and found[3] in (None, dialect)
    ]


def pending(known: Iterable[Migration], applied: Mapping[Key, str], where: str) -> list[Migration]:
    """The migrations that have not been applied yet. `applied` has the checksums of the others.

    Raises OrdersagaError if the database is newer than the code, or if an applied file has changed.
    """
    ours = {each.key: each for each in known}
    newer = [f"{part} {number}" for part, number in sorted(applied) if (part, number) not in ours]
    if newer:
        raise OrdersagaError(
            f"The database {where} was written by a newer version of ordersaga (migration {', '.join(newer)}). "
            "Nothing was started and nothing was changed. Install that version, or use another database."
        )
    changed = [
        f"{part} {number}" for (part, number), checksum in applied.items() if ours[part, number].checksum != checksum
    ]
    if changed:
        raise OrdersagaError(
            f"The database {where} was created with another text of migration {', '.join(sorted(changed))} than this "
            "version has. Nothing was started and nothing was changed. Install the version that created it, or use "
            "another database."
        )
    return [each for each in ours.values() if each.key not in applied]
