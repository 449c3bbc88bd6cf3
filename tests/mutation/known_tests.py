"""Which tests reach which lines, and how long each takes: measured once, without a mutant."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from coverage import CoverageData

from tests.mutation.copies import NO_CACHE, Copy
from tests.mutation.mutants import Mutant

TESTS = (
    "tests/unit/test_*saga_*.py",
    "tests/unit/test_timeline_text.py",
    "tests/workflow/test_*.py",
    "tests/sagas/test_*.py",
    "tests/recovery/test_failed_*.py",
    "tests/recovery/test_overdue.py",
    "tests/recovery/test_watcher.py",
)
SELECTED = "(not flag-2-on or native_cancel) and not test_cost"
"""With the SDK's logic flag 2 off, and with it on where it matters most. test_cost checks figures to the byte: it would
notice everything and explain nothing."""


@dataclass
class KnownTests:
    """The measurements."""

    seconds: dict[str, float]
    reached: dict[str, dict[int, list[str]]]
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def measure(cls, copy: Copy) -> KnownTests:
        """Run all tests once. A test that fails without a mutant is left out and reported."""
        report, data = copy.root / "times.json", copy.root / ".artifacts" / "coverage"
        measure = ["-p", "tests.mutation.timing", "--cov", "--cov-context=test", "--cov-report=", "--cov-fail-under=0"]
        files = [str(each) for tests in TESTS for each in sorted(copy.root.glob(tests))]
        code, output = copy.python(
            "-m", "pytest", *NO_CACHE, *measure, "-k", SELECTED, *files, limit=3600, MUTATION_TIMES=str(report)
        )
        sys.stderr.write("".join(f"left out: {each}\n" for each in output.splitlines() if each.startswith("FAILED ")))
        if code not in (0, 1):
            raise RuntimeError(f"The tests do not run, so nothing can be learnt from them.\n{output}")
        return cls(json.loads(report.read_text(encoding="utf-8")), _reached(data, copy.root))

    def save(self, path: Path) -> None:
        """Save the measurements for another run."""
        path.write_text(json.dumps([self.seconds, self.reached]), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> KnownTests:
        """Load the measurements of an earlier run."""
        seconds, reached = json.loads(path.read_text(encoding="utf-8"))
        return cls(seconds, {file: {int(n): names for n, names in lines.items()} for file, lines in reached.items()})

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that reach a mutant: first the short ones that have killed others in its file."""
        lines = self.reached.get(mutant.file, {})
        places = range(mutant.lines[0], mutant.lines[1] + 1) if mutant.in_function else lines
        tests = {test for line in places for test in lines.get(line, [])}
        if not mutant.in_function:  # what runs at import time reaches no test, but any test may depend on it
            unit = {test for test in self.seconds if test.startswith("tests/unit/")}
            tests |= unit if tests else self.seconds.keys()

        def order(test: str) -> tuple[bool, float]:
            return "flag-2-on" in test, -(self.kills[mutant.file, test] + 0.1) / (self.seconds[test] + 0.2)

        return sorted(tests & self.seconds.keys(), key=order)


def _reached(path: Path, root: Path) -> dict[str, dict[int, list[str]]]:
    data = CoverageData(str(path))
    data.read()
    return {
        str(Path(file).relative_to(root)): {
            line: sorted({each.rpartition("|")[0] for each in contexts} - {""})
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
