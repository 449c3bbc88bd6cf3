"""Runs the table. Takes up to ten minutes, most of which is waiting for the engines to recover from a kill."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import engines as known
from bench.compare.actors import Actor, actor
from bench.compare.outcome import lost, whole
from bench.compare.scenarios import KILL, SCENARIOS, Run, Scenario
from bench.engine import Engine
from bench.environment import EngineEnvironment
from ordersaga.audit.effects import Effects, by_order
from ordersaga.audit.reading import ServiceBooks
from ordersaga.demo.retail.samples import sample_orders
from ordersaga.domain.order import OrderInput
from ordersaga.orders.service_clients import Services

ENGINES = ("ordersaga", "naive", "celery")
END_SECONDS = 420.0
PAUSE = 0.5
STEADY = 5.0
"""Seconds for which an order has to stay whole: some engines undo after they have said how an order ended."""


@dataclass(frozen=True)
class Outcome:
    """What one order came to."""

    reads: str
    """What the shop was told."""
    lost: list[str]
    whole: str
    seconds: float
    """From the placing until its books were whole, or until we stopped waiting."""

    def cell(self) -> str:
        """As the table has it."""
        left = f"**{'; '.join(self.lost)}**" if self.lost else f"nothing, all {self.whole} after {self.seconds:.0f} s"
        return f"{left} ({self.reads})"


def main() -> int:
    """Run the engines that the arguments name, and print the table. Exit code 1 if ordersaga lost something."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--only", metavar="A,B", default=",".join(ENGINES), help="engines (default: %(default)s)")
    parser.add_argument("--scenarios", metavar="A,B", help="scenarios (default: all)")
    arguments = parser.parse_args()
    chosen = [each for each in (*SCENARIOS, KILL) if not arguments.scenarios or each.name in arguments.scenarios]
    engines, left_out = known.available(arguments.only.split(","))
    found = {name: asyncio.run(_engine(engine, chosen)) for name, engine in engines.items()}
    sys.stdout.write(table({name: engines[name].title for name in found}, chosen, found))
    for name, why in left_out.items():
        sys.stdout.write(f"\n{name} was left out: {why}\n")
    return 1 if any(outcome.lost for outcome in found.get("ordersaga", {}).values()) else 0


def table(titles: Mapping[str, str], scenarios: Sequence[Scenario], found: Mapping[str, Mapping[str, Outcome]]) -> str:
    """The outcomes as a Markdown table."""
    rows = [["what happens", *titles.values()], ["---"] * (len(titles) + 1)]
    rows += [[each.title, *(found[name][each.name].cell() for name in titles)] for each in scenarios]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


async def _engine(engine: Engine, scenarios: Sequence[Scenario]) -> dict[str, Outcome]:
    folder = Path(tempfile.mkdtemp(prefix="compare-"))
    try:
        async with (
            EngineEnvironment.open(engine, folder / engine.name, proxied=True) as env,
            Services.open(env.config.services) as services,
            actor(engine.name, env.config) as shop,
        ):
            together = [each for each in scenarios if each is not KILL]
            outcomes = await asyncio.gather(*(_run(each, env, shop, services) for each in together))
            found = {each.name: outcome for each, outcome in zip(together, outcomes, strict=True)}
            if KILL in scenarios:
                found[KILL.name] = await _run(KILL, env, shop, services)
            return found
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _run(scenario: Scenario, env: EngineEnvironment, shop: Actor, services: Services) -> Outcome:
    assert env.proxy
    order = sample_orders()[0].model_copy(
        update={"order_id": scenario.name, "currency": "USD", "payment_method_id": scenario.card}
    )
    env.proxy.faults += [replace(fault, order_id=order.order_id) for fault in scenario.faults]
    began = time.monotonic()
    placed = asyncio.create_task(_told(shop, order))
    meanwhile = asyncio.create_task(_meanwhile(scenario, Run(order, env, shop, services)))
    reads = f"{await placed}{await meanwhile}"
    if scenario.again_with:
        second = order.model_copy(update={"payment_method_id": scenario.again_with})
        reads = f"{reads}, then {await _told(shop, second)}"
    effects, since = await _settled(services, order.order_id, scenario.patience)
    outcome = Outcome(reads, lost(effects), whole(effects), since - began)
    sys.stderr.write(f"{env.engine.name}, {scenario.name}: {outcome.cell()}\n")
    return outcome


async def _told(shop: Actor, order: OrderInput) -> str:
    """What the shop is told of an order: how it ended, or the error."""
    try:
        async with asyncio.timeout(END_SECONDS):
            return await shop.place(order)
    except TimeoutError:
        return "no answer"
    except Exception as error:
        return type(error).__name__


async def _meanwhile(scenario: Scenario, run: Run) -> str:
    try:
        await scenario.meanwhile(run)
    except Exception as error:
        return f" (the cancel: {type(error).__name__})"
    return ""


async def _settled(services: Services, order_id: str, patience: float) -> tuple[Effects, float]:
    """What the order left, and since when: once it has been whole for a while, or when the patience is over."""
    books = ServiceBooks(services)
    since = time.monotonic()
    deadline = since + patience
    while True:
        effects = by_order(await books.entries(order_id=order_id)).get(order_id, Effects())
        now = time.monotonic()
        if now > deadline or (not lost(effects) and now - since > STEADY):
            return effects, since
        if lost(effects):
            since = now
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
