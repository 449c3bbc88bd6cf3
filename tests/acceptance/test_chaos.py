"""A short campaign, started as a person starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_short_campaign_finds_nothing_wrong(tmp_path: Path) -> None:
    out = tmp_path / "campaign"
    command = ["-m", "resilience.chaos", "--seconds", "8", "--rate", "3", "--seed", "46", "--out", str(out)]
    done = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True, timeout=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed 46, ")
    report = json.loads((out / "report.json").read_text())
    assert (report["good"], report["orders"], sum(report["ends"].values())) == (True, 24, 24)
    assert report["faults"]
    assert report["kills"]
    assert len((out / "plan.jsonl").read_text().splitlines()) > 24
    assert "placed" in (out / "events.jsonl").read_text()
