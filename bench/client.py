"""`python -m bench.client ENGINE CONFIG`: the client of an engine, in its own process.

Each line on standard input is a phase of the load, as JSON. Its outcome is a line on standard output. The client ends
when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import engines
from bench.engine import EngineConfig
from bench.load import Phase, run


def config_to_json(config: EngineConfig) -> str:
    """An engine's configuration, for the command line."""
    return json.dumps({"folder": str(config.folder), "services": dict(config.services), "ports": config.ports})


def config_of_json(text: str) -> EngineConfig:
    """The configuration from the command line."""
    found = json.loads(text)
    return EngineConfig(Path(found["folder"]), found["services"], tuple(found["ports"]))


def main() -> None:
    """Run the client of the engine in the arguments until standard input ends."""
    name, config = sys.argv[1:]
    asyncio.run(_serve(name, config_of_json(config)))


async def _serve(name: str, config: EngineConfig) -> None:
    async with engines.load(name).client(config) as place:
        _say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            _say(asdict(await run(Phase(**json.loads(line)), place)))


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
