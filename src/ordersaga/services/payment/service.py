"""The payment service's HTTP endpoints."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from ordersaga.contracts.common import EffectId, Page
from ordersaga.contracts.payment import (
    ChargeAnswer,
    ChargeRequest,
    PaymentEntry,
    PaymentEvent,
    RefundAnswer,
    RefundRequest,
)
from ordersaga.domain.errors import (
    Fenced,
    IdempotencyMismatch,
    InProgress,
    InvalidTransition,
    NotFound,
    NotYours,
    PaymentDeclined,
)
from ordersaga.http.problem import problems
from ordersaga.services.kit.answer import reply
from ordersaga.services.kit.app import Service, new_app
from ordersaga.services.kit.fence import Fence
from ordersaga.services.kit.paged_table import OrderQuery
from ordersaga.services.kit.store import Store
from ordersaga.services.payment import payments


def service(store: Store) -> Service:
    """Build the payment service on this store."""
    app = new_app("payment", "Charges and refunds, with Stripe's test cards and without real money.", store)
    routes = _Routes(store)
    app.add_api_route(
        "/charges",
        routes.charge,
        methods=["POST"],
        status_code=201,
        response_model=ChargeAnswer,
        responses=problems(PaymentDeclined, NotYours, Fenced, IdempotencyMismatch, InProgress),
    )
    app.add_api_route(
        "/refunds",
        routes.refund,
        methods=["POST"],
        response_model=RefundAnswer,
        responses=problems(NotYours, InProgress),
    )
    app.add_api_route("/payments", routes.payments, response_model=Page[PaymentEntry], responses=problems())
    app.add_api_route(
        "/payments/{payment_id}", routes.payment, response_model=PaymentEntry, responses=problems(NotFound)
    )
    app.add_api_route(
        "/payments/{payment_id}/events",
        routes.event,
        methods=["POST"],
        response_model=PaymentEntry,
        responses=problems(NotFound, InvalidTransition),
    )
    return Service("payment", app, store, store.lifespan)


class PaymentQuery(OrderQuery):
    """A page of payments; with `refund_failed`, only those whose last refund has failed."""

    refund_failed: bool = False


class _Routes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._fence = Fence(store)

    async def charge(self, request: ChargeRequest) -> Response:
        """Charge a payment method once."""
        return await self._fence.do(request.payment_id, request, lambda tx: payments.charge(tx, request))

    async def refund(self, request: RefundRequest) -> Response:
        """Refund all of a payment, or make sure that it is never made."""
        return await self._fence.undo(
            request.payment_id, request.owner, lambda tx: payments.refund(tx, request), payments.NOTHING
        )

    async def payment(self, payment_id: EffectId) -> Response:
        """One payment."""
        return reply(await payments.TABLE.one(self._store, payment_id)).response()

    async def event(self, payment_id: EffectId, event: PaymentEvent) -> Response:
        """The provider reports that a refund has failed later."""
        return reply(await self._store.write(lambda tx: payments.refund_failed(tx, payment_id, event))).response()

    async def payments(self, query: Annotated[PaymentQuery, Query()]) -> Response:
        """The payments, in pages."""
        since = "" if query.refund_failed else None
        wanted = {"order_id = ?": query.order_id, "refund_failed_at > ?": since}
        return reply(await payments.TABLE.page(self._store, query, wanted)).response()
