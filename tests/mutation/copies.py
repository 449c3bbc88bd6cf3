"""Copies of the project in which mutants are tested. The project itself is never changed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.plugin import PLAN

ROOT = Path(__file__).parents[2]
NO_CACHE = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")


@dataclass(frozen=True)
class Copy:
    """A copy of the project."""

    root: Path

    @classmethod
    def make(cls, root: Path, number: int) -> list[Copy]:
        """Make this many copies of all files that git has or would add, all of the same moment."""
        shutil.rmtree(root, ignore_errors=True)
        copies = [cls(root / str(each)) for each in range(number)]
        command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (copies[0].root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copies[0].root / name)
        for copy in copies[1:]:
            shutil.copytree(copies[0].root, copy.root)
        for copy in copies:
            copy.get_ready()
        return copies

    def get_ready(self) -> None:
        """Compile the copy, and check that Python imports it and not the project itself."""
        # A mutant may be as long as what it replaces and be written in the same second, so caches use the contents.
        self.python("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src", "tests", limit=300)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", *NO_CACHE, "tests/unit", "tests/workflow"]
        subprocess.run(  # pytest keeps caches of its own
            collect,
            cwd=self.root,
            env=environment | {"PYTHONPATH": str(self.root / "src")},
            check=False,
            capture_output=True,
        )
        imported = self.python("-c", "import ordersaga; print(ordersaga.__file__)", limit=60)[1].strip()
        assert Path(imported).is_relative_to(self.root), f"{self.root} would test {imported}"

    def python(self, *arguments: str, limit: float, **environment: str) -> tuple[int | None, str]:
        """Run Python in the copy, and return the exit code and the output. None if it was killed at the limit."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root / "src"), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]

    def run(self, plan: Path, files: list[str], limit: float) -> tuple[int | None, str]:
        """Run the tests of a plan until the first failure."""
        arguments = ["-m", "pytest", "-x", "-p", "tests.mutation.plugin", *NO_CACHE, *files]
        return self.python(*arguments, limit=limit, **{PLAN: str(plan)})
