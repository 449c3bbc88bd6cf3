"""Two adapters: the warehouse as ordersaga's inventory service, the provider as its payment service."""

from aiohttp import web

from examples.adopting.fence import Fence, problem
from examples.adopting.provider import CardDeclined, Provider
from examples.adopting.warehouse import Warehouse
from ordersaga import Money
from ordersaga.contracts.inventory import ReservationRequest, count_pieces
from ordersaga.contracts.payment import ChargeRequest, RefundRequest


def inventory(warehouse: Warehouse, fence: Fence) -> web.Application:
    """What an order needs of an inventory service: to reserve and to release."""

    async def reserve(request: web.Request) -> web.Response:
        wanted = ReservationRequest.model_validate_json(await request.read())
        articles = dict(count_pieces(wanted.items))

        async def allocate() -> web.Response:
            missing = await warehouse.allocate(wanted.reservation_id, articles)
            if missing:
                shortages = [{"sku": sku, "wanted": articles[sku], "available": n} for sku, n in missing.items()]
                detail = "There is not enough stock. Nothing was reserved."
                return problem(409, "InsufficientInventory", detail, shortages=shortages)
            return web.json_response({"reservation_id": wanted.reservation_id}, status=201)

        return await fence.do(wanted.reservation_id, wanted.owner, articles, allocate)

    async def release(request: web.Request) -> web.Response:
        reservation_id = request.match_info["id"]

        async def free() -> web.Response:
            await warehouse.free(reservation_id)
            return web.Response(status=204)

        return await fence.undo(reservation_id, request.query.get("owner"), free, web.Response(status=204))

    app = web.Application()
    app.add_routes([web.post("/reservations", reserve), web.delete("/reservations/{id}", release)])
    app.add_routes([web.get("/healthz", _healthy)])
    return app


def payment(provider: Provider, fence: Fence) -> web.Application:
    """What an order needs of a payment service: to charge and to refund."""

    async def charge(request: web.Request) -> web.Response:
        wanted = ChargeRequest.model_validate_json(await request.read())
        money = Money.parse(wanted.amount, wanted.currency)

        async def pay() -> web.Response:
            try:
                await provider.charge(wanted.payment_id, money.minor, wanted.payment_method_id)
            except CardDeclined as declined:
                return problem(402, "PaymentDeclined", f"The card was declined: {declined}. Nothing was charged.")
            return web.json_response({"payment_id": wanted.payment_id, "amount": wanted.amount}, status=201)

        return await fence.do(wanted.payment_id, wanted.owner, [money.minor, money.currency], pay)

    async def refund(request: web.Request) -> web.Response:
        wanted = RefundRequest.model_validate_json(await request.read())

        async def give_back() -> web.Response:
            refunded = await provider.refund(wanted.payment_id)
            return web.json_response({"status": "refunded" if refunded else "nothing_to_refund"})

        nothing = web.json_response({"status": "nothing_to_refund"})
        return await fence.undo(wanted.payment_id, wanted.owner, give_back, nothing)

    app = web.Application()
    app.add_routes([web.post("/charges", charge), web.post("/refunds", refund), web.get("/healthz", _healthy)])
    return app


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response()
