"""Every block of README and docs works as printed, or says why nothing runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.harness import ROOT
from tests.docs.blocks import BLOCKS, PAGES, RUN, Block, to_run
from tests.docs.conftest import Reader
from tests.docs.shell import commands, dialogue

SDK_CRASH = "Python runtime state: finalizing"
"""The program has ended, and native threads of Temporal's SDK abort the interpreter (docs/how-to/troubleshoot.md)."""

MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_block_says_what_it_is() -> None:
    fences = sum(len(re.findall(r"^\s*```", page.read_text(), re.MULTILINE)) for page in PAGES)
    assert fences == 2 * len(BLOCKS), "a block has no language, or one that tests/docs/blocks.py does not know"


def test_a_reason_stands_only_before_a_block_that_would_be_run() -> None:
    reasons = sum(page.read_text().count("<!-- not run: ") for page in PAGES)
    assert reasons == len([block for block in BLOCKS if block.not_run and block.kind in RUN])


@pytest.mark.parametrize("page", list(dict.fromkeys(block.page for block in to_run("sh", "console"))))
def test_the_commands_of_a_page_do_what_it_says(page: str, reader: Reader) -> None:
    with reader.shell() as shell:
        for block in to_run("sh", "console"):
            if block.page != page:
                continue
            if block.kind == "sh":
                for command in commands(block.text):
                    shell.run(command)
            else:
                for command, shown in dialogue(block.text):
                    shell.shows(command, shown)


@pytest.mark.parametrize("block", to_run("python"), ids=str)
def test_a_program_of_a_page_runs(block: Block, reader: Reader) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=reader.folder,
        env=reader.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if SDK_CRASH in done.stderr:
        return
    assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", to_run("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    for part in re.split(r"\n\s*\n", block.text.strip()):
        body = re.sub(r"\A(?:[A-Z]+ /\S+|\d{3})\n", "", part)
        json.loads(body)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", *(str(page.relative_to(ROOT)) for page in PAGES)])
def test_the_make_targets_of_a_page_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    text = Path(ROOT, page).read_text()
    code = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    named = {name for each in code for name in re.findall(r"^make ([a-z-]+)", each, re.MULTILINE)}
    assert named <= targets
