"""A list of orders as a CSV file, for the API and the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from ordersaga.contracts.register import OrderEntry
from ordersaga.orders.register.csv_file import FILE_NAME, MEDIA_TYPE, csv_of


class CsvResponse(StreamingResponse):
    """A CSV file that is made while it is sent."""

    media_type = MEDIA_TYPE


async def csv_response(entries: AsyncIterator[OrderEntry]) -> CsvResponse:
    """The file of these orders. What goes wrong before its first piece is raised; later, the connection is cut."""
    pieces = csv_of(entries)
    first = await anext(pieces)

    async def all_pieces() -> AsyncIterator[str]:
        yield first
        async for piece in pieces:
            yield piece

    return CsvResponse(all_pieces(), headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'})
