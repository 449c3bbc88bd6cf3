"""What goes wrong with an order: faults at its calls, and what the shop, the carrier or the machine does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import psutil

from bench.compare.actors import Actor
from bench.environment import EngineEnvironment
from ordersaga.contracts.shipping import ShipmentEventState
from ordersaga.domain.order import OrderInput
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.steps import SHIP
from ordersaga.stack.faults import Fault, Kind

GOOD_CARD, BAD_CARD = "pm_card_visa", "pm_card_visa_chargeDeclined"
PAUSE = 0.05
MOMENT_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """One order on one engine."""

    order: OrderInput
    env: EngineEnvironment
    actor: Actor
    services: Services

    async def reaches(self, call: str) -> None:
        """Wait until the fault at this call has begun. Raises TimeoutError."""
        assert self.env.proxy
        async with asyncio.timeout(MOMENT_SECONDS):
            while not self.env.proxy.fired(call=call, order_id=self.order.order_id):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(PAUSE)


Meanwhile: TypeAlias = Callable[[Run], Awaitable[None]]


async def nothing(_run: Run) -> None:
    """Nothing happens meanwhile."""


async def cancel_at_charge(run: Run) -> None:
    """The customer cancels while the answer to the charge is awaited."""
    await run.reaches("charge")
    await asyncio.sleep(0.5)  # the charge has its effect, and its answer is under way
    await run.actor.cancel(run.order.order_id)


async def cancel_after_the_parcel_left(run: Run) -> None:
    """The parcel leaves, and then the customer cancels, while the confirmation's answer is awaited."""
    await run.reaches("notify")
    await run.services.shipping.move(SHIP.effect_id(run.order.order_id), ShipmentEventState.SHIPPED, 10)
    await run.actor.cancel(run.order.order_id)


async def kill_at_shipment(run: Run) -> None:
    """The worker is killed with all its processes while it books the shipment; it is started again at once."""
    await run.reaches("ship")
    for pid in run.env.roots()["worker"]:
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            each.kill()


@dataclass(frozen=True)
class Scenario:
    """What goes wrong. The faults name no order: they are the scenario's own order's."""

    name: str
    title: str
    faults: tuple[Fault, ...] = ()
    card: str = GOOD_CARD
    meanwhile: Meanwhile = nothing
    again_with: str = ""
    """The card with which the same id is placed again, once the order has ended."""
    patience: float = 60.0
    """Seconds after the order's end in which what it left has to be whole."""


SCENARIOS = (
    Scenario("declined", "the card is declined", card=BAD_CARD),
    Scenario(
        "lost-answers",
        "the charge is made, and its answer is lost three times",
        (Fault(Kind.LOSE_RESPONSE, "charge", attempts=(1, 2, 3)),),
    ),
    Scenario(
        "failing-refund",
        "the shipment is refused, and then the refund fails five times",
        (Fault(Kind.REFUSE, "ship", attempts=None), Fault(Kind.ERROR_BEFORE, "refund", attempts=(1, 2, 3, 4, 5))),
        patience=120.0,
    ),
    Scenario(
        "cancelled",
        "cancelled while the charge's answer is awaited",
        (Fault(Kind.SLOW, "charge", seconds=4),),
        meanwhile=cancel_at_charge,
    ),
    Scenario(
        "parcel-left",
        "the parcel leaves, then the order is cancelled",
        (Fault(Kind.SLOW, "notify", seconds=4),),
        meanwhile=cancel_after_the_parcel_left,
    ),
    Scenario("same-id", "the same id again with another card, after it completed", again_with="pm_card_mastercard"),
)
KILL = Scenario(
    "killed",
    "the worker is killed with kill -9 while it books the shipment",
    (Fault(Kind.SLOW, "ship", seconds=3),),
    meanwhile=kill_at_shipment,
    patience=300.0,
)
"""Played last, alone: it meets every order of the worker."""
