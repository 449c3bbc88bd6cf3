"""Breaks the saga engine and the order's workflows, one place at a time, and reports what no test notices.

Each mutant is put into a copy of the project, and the tests that reach its line run there. Exits 1 if a mutant survives
that equivalent.toml does not list.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import re
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from tests.mutation.copies import Copy
from tests.mutation.known_tests import KnownTests
from tests.mutation.mutants import Mutant, mutants_of

EQUIVALENT = Path(__file__).parent / "equivalent.toml"


def mutated(root: Path) -> list[Path]:
    """The modules to break: those whose coverage is measured. A folder that has none is an error."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    modules: list[Path] = []
    for folder in settings["tool"]["coverage"]["run"]["source"]:
        inside = sorted((root / folder).glob("*.py"))
        if not inside:
            raise FileNotFoundError(f"pyproject.toml measures the coverage of {folder}, which has no modules.")
        modules += inside
    return modules


def find(root: Path, only: str, sample: int, seed: int) -> list[Mutant]:
    """The requested mutants."""
    files = [str(each.relative_to(root)) for each in mutated(root)]
    chosen = [each for each in files if re.search(only, each)]
    found = [each for file in chosen for each in mutants_of(file, (root / file).read_text(encoding="utf-8"))]
    shuffled = random.Random(seed).sample(found, len(found))
    return shuffled[:sample] if sample else shuffled


@cache
def listed() -> dict[tuple[str, str, str, str], str]:
    """The mutants that are known to change nothing, with the reasons."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return {(each["file"], each["where"], each["was"], each["becomes"]): each["reason"] for each in entries}


def is_listed(mutant: Mutant) -> bool:
    """Whether a mutant is one of those."""
    return (mutant.file, mutant.where, mutant.was, mutant.becomes) in listed()


def test(mutant: Mutant, copy: Copy, tests: KnownTests) -> str:
    """What killed the mutant; empty if it survived."""
    names = tests.of(mutant)
    path = copy.root / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.source, encoding="utf-8")
    try:
        for unit in (True, False):  # unit tests need no server
            killer = run([name for name in names if name.startswith("tests/unit/") is unit], copy, tests.seconds)
            if killer:
                tests.kills[mutant.file, killer] += 1
                return killer
        return ""
    finally:
        path.write_text(original, encoding="utf-8")


def run(names: list[str], copy: Copy, seconds: dict[str, float]) -> str:
    """The first of these tests that fails; empty if none does."""
    if not names:
        return ""
    plan = copy.root.with_suffix(".plan")
    plan.write_text(json.dumps({name: max(25.0, 8 * seconds[name]) for name in names}), encoding="utf-8")
    files = list(dict.fromkeys(name.partition("::")[0] for name in names))
    code, output = copy.run(plan, files, 120 + 6 * sum(seconds[name] for name in names))
    if code == 0:
        return ""
    if code == pytest.ExitCode.USAGE_ERROR and "file or directory not found" in output:
        raise RuntimeError(f"Tests that were measured are not there any more; measure them anew.\n{output}")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+(?: \S+)*?)(?: - |$)", output, re.MULTILINE)
    return failed.group(1) if failed else "the time limit" if code is None else f"exit code {code}"


def work(mutants: list[Mutant], copies: list[Copy], tests: KnownTests, results: Path) -> dict[str, str]:
    """What killed each mutant, by its key. A mutant that an earlier run has killed is not tested again."""
    known = dict(json.loads(line) for line in results.read_text("utf-8").splitlines()) if results.exists() else {}
    known = {key: killer for key, killer in known.items() if killer}
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)
    begun, todo = time.monotonic(), [each for each in mutants if each.key not in known]
    done = count(1)

    def one(mutant: Mutant) -> None:
        copy = free.get()
        try:
            killer = test(mutant, copy, tests)
        finally:
            free.put(copy)
        known[mutant.key] = killer
        with results.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([mutant.key, killer]) + "\n")
        passed = f"{time.monotonic() - begun:5.0f} s, {next(done)} of {len(todo)}"
        _tell(f"{passed}: {f'killed by {killer}' if killer else f'SURVIVED: {mutant}'}")

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(one, todo))
    return known


def report(mutants: list[Mutant], killers: dict[str, str]) -> int:
    """Print the results. Returns 1 if a mutant survived that is not listed."""
    survivors = [each for each in mutants if not killers[each.key]]
    unlisted = [each for each in survivors if not is_listed(each)]
    per_file = {kind: Counter(each.file for each in some) for kind, some in (("all", mutants), ("left", survivors))}
    lines = [
        f"{file:48} {number:5} mutants {number - per_file['left'][file]:5} killed {per_file['left'][file]:4} left"
        for file, number in sorted(per_file["all"].items())
    ]
    lines += [f"\n{each}" for each in unlisted]
    killed, equivalent = len(mutants) - len(survivors), len(survivors) - len(unlisted)
    lines += [
        f"\n{len(mutants)} mutants: {killed} killed, {equivalent} listed as equivalent, {len(unlisted)} survived\n"
    ]
    sys.stdout.write("\n".join(lines))
    return 1 if unlisted else 0


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Read the options, and run."""
    options = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    options.add_argument("--only", default="", help="a pattern of files: saga/waiting")
    options.add_argument("--sample", type=int, default=0, help="how many mutants, chosen at random; all by default")
    options.add_argument("--seed", type=int, default=1, help="of the choice")
    options.add_argument("--copies", type=int, default=6, help="how many are tested at a time")
    options.add_argument("--work", type=Path, help="a folder that keeps the results, to go on from")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutate-") as temporary:
        folder: Path = (chosen.work or Path(temporary)).resolve()
        copies = Copy.make(folder / "copies", chosen.copies)
        measured = folder / "tests.json"
        if not measured.exists():
            _tell("Running the tests without a mutant ...")
            KnownTests.measure(copies[0]).save(measured)
        mutants = find(copies[0].root, chosen.only, chosen.sample, chosen.seed)
        killers = work(mutants, copies, KnownTests.load(measured), folder / "results.jsonl")
        return report(mutants, killers)


if __name__ == "__main__":
    sys.exit(main())
