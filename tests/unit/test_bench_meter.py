"""The meter of the bench: a process is counted once, for the program that it belongs to."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.meter import Meter

WORK = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint(flush=True)\ninput()"


def test_a_program_that_has_started_the_others_is_not_charged_for_them() -> None:
    meter = Meter(lambda: {"client": [os.getpid()], "worker": [child.pid]})
    with subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        before = meter.cpu()
        assert child.stdout
        child.stdout.readline()
        used = meter.cpu()
        child.communicate(b"\n")

    assert used["worker"] >= 0.45  # the kernel counts in hundredths of a second, and rounds
    assert used["client"] - before["client"] < 0.3
