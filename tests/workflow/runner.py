"""Runs the sample saga, with ways to inspect it: shared by the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.client import Client, WorkflowHandle

from tests.workflow.environment import until
from tests.workflow.sample_saga import SampleInput, SampleWorkflow, World

Handle = WorkflowHandle[Any, str]
ALL = ["rsv", "pay", "shp", "msg"]


class Runner:
    """Starts sample sagas in a world, and reads which effects exist at the end."""

    def __init__(self, temporal: Client, world: World, key: str) -> None:
        self.temporal, self.world, self.key = temporal, world, key

    def given(self, **script: list[str]) -> None:
        """Script the world: `do_pay=["lost", "ok"]`."""
        for call, what in script.items():
            self.world.script[f"{call.replace('_', ' ')}-{self.key}"] = what

    async def start(self, **policy: float) -> Handle:
        """Start the saga."""
        return await self.temporal.start_workflow(
            SampleWorkflow.run, SampleInput(self.key, **policy), id=f"journey-{self.key}", task_queue="journeys"
        )

    async def run(self, **policy: float) -> str:
        """Start the saga, and wait for its end."""
        return await (await self.start(**policy)).result()

    @property
    def in_effect(self) -> list[str]:
        """The steps whose effect exists."""
        return [effect.partition("-")[0] for effect in self.world.effects if effect.endswith(f"-{self.key}")]

    @property
    def dos_and_undos(self) -> list[str]:
        """All calls in their order, such as `undo pay`."""
        return [call.removesuffix(f"-{self.key}") for call in self.world.calls if call.endswith(f"-{self.key}")]

    @property
    def dos(self) -> list[str]:
        """The dos in the order of their calls, each as often as it was called."""
        return self._calls("do ")

    @property
    def undos(self) -> list[str]:
        """The undos in the order of their first call."""
        return list(dict.fromkeys(self._calls("undo ")))

    def _calls(self, kind: str) -> list[str]:
        return [call.removeprefix(kind) for call in self.dos_and_undos if call.startswith(kind)]

    async def called(self, call: str) -> None:
        """Wait until a call has been made."""
        await until(self._check(lambda: f"{call}-{self.key}" in self.world.calls))

    @staticmethod
    def _check(condition: Callable[[], bool]) -> Callable[[], Any]:
        async def check() -> bool:
            return condition()

        return check
