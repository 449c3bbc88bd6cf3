"""Exports a list of orders as CSV, for the API and the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from ordersaga.contracts.register import OrderEntry
from ordersaga.orders.register.csv_file import FILE_NAME, MEDIA_TYPE, csv_of


class CsvResponse(StreamingResponse):
    """A CSV file that is generated while it is sent."""

    media_type = MEDIA_TYPE


async def csv_response(entries: AsyncIterator[OrderEntry]) -> CsvResponse:
    """The CSV file of these orders. Raises errors before the first chunk; a later error cuts the connection."""
    chunks = csv_of(entries)
    first = await anext(chunks)

    async def all_chunks() -> AsyncIterator[str]:
        yield first
        async for chunk in chunks:
            yield chunk

    return CsvResponse(all_chunks(), headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'})
