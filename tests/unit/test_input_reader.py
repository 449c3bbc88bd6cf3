"""Reading orders from input: one, an array, or lines; recognized, read exactly, and never all at once."""

from __future__ import annotations

import io
import json
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ordersaga.cli import input_reader
from ordersaga.cli.exit_codes import WrongInput
from ordersaga.cli.input_reader import BadLine, opened, orders
from ordersaga.domain.errors import InvalidOrder, OrdersagaError
from ordersaga.domain.order import MAX_ORDER_BYTES, OrderInput

ORDER = {
    "order_id": "a",
    "customer_id": "ada",
    "items": [{"sku": "MUG", "quantity": 1, "price": 19.99}],
    "shipping_address": {"street": "350 Fifth Avenue", "city": "New York", "country": "US"},
    "payment_method_id": "pm_card_visa",
}


def order(order_id: str = "a", **changes: Any) -> str:
    return json.dumps(ORDER | {"order_id": order_id} | changes)


def read(text: str | bytes) -> list[str | int]:
    """The id of each order, and the line number of each bad line."""
    data = text.encode() if isinstance(text, str) else text
    return [found.line if isinstance(found, BadLine) else found.order_id for found in orders(io.BytesIO(data))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (order("a"), ["a"]),
        (json.dumps(ORDER, indent=2), ["a"]),
        (f"\ufeff  \n\n{json.dumps(ORDER, indent=2)}\n", ["a"]),
        (f"\ufeff{order('a')}\r\n{order('b')}\r\n", ["a", "b"]),
        (f"[{order('a')},\n{order('b')}]", ["a", "b"]),
        (f"\n\n{order('a')}\n\n7\n{order('b')}", ["a", 5, "b"]),
        (f"{{broken\n{order('b')}", [1, "b"]),
        (f"{{broken\n{'x' * 3 * MAX_ORDER_BYTES}\n{order('c')}", [1, 2, "c"]),
        (f"{order('a')}\n{'x' * (MAX_ORDER_BYTES + 1)}\n{order('c')}", ["a", 2, "c"]),
        (f"{order('a')}\n{'x' * MAX_ORDER_BYTES}\n{order('c')}", ["a", 2, "c"]),
        (f"{order('a')}\n".encode() + b"\xff\n", ["a", 2]),
        (f"[ {order('a')}\t,\r\n {order('b')} ]\n ", ["a", "b"]),
        ("[]", []),
        ("[ \n] ", []),
        (" \n ", []),
        ("", []),
    ],
)
def test_what_is_read(text: str | bytes, expected: list[str | int]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        (
            '{\n"order_id": "x",\n7}',
            InvalidOrder,
            "it is not JSON (Expecting property name enclosed in double quotes: l",
        ),
        ("order,customer\n1,2\n", InvalidOrder, "it is not JSON"),
        (json.dumps(ORDER | {"items": []}, indent=2), InvalidOrder, "order a is not valid: items:"),
        (f"[{order()} {order('b')}]", WrongInput, "Expecting ',' delimiter"),
        (f"[{order()},]", WrongInput, "trailing comma"),
        (f"[{order()}] 7", WrongInput, "Extra data"),
        ("[", WrongInput, "Expecting value"),
        (b'["\xff"]', WrongInput, "starts like a JSON array but is not valid JSON"),
        ("[1, 2", WrongInput, "starts like a JSON array but is not valid JSON"),
        (f"[{order()}, 7]", WrongInput, "[1]: the order is not valid"),
        (f"[{order()}, {order('b', items=[])}]", WrongInput, "None of the 2 orders in the array was placed."),
        ("[" * 100_000, WrongInput, "starts like a JSON array but is not valid JSON"),
    ],
)
def test_what_is_refused_as_a_whole(text: str | bytes, kind: type[OrdersagaError], problem: str) -> None:
    with pytest.raises(kind) as raised:
        read(text)
    assert problem in str(raised.value)


@pytest.mark.parametrize("wrap", ["{}", "[{}]"])
def test_a_price_is_read_as_it_is_written(wrap: str) -> None:
    text = order().replace("19.99", "1000000.07").join(wrap.split("{}"))
    (found,) = orders(io.BytesIO(text.encode()))
    assert isinstance(found, OrderInput)
    assert str(found.total) == "1000000.07 USD"


class Endless(io.RawIOBase):
    """Endless lines, as from a pipe."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        line = order(f"o{self.given}").encode() + b"\n"
        buffer[: len(line)] = line
        self.given += 1
        return len(line)


def test_lines_are_read_as_they_come() -> None:
    source = Endless()
    found = orders(io.BufferedReader(source, 1024))

    assert [next(found).order_id for _ in range(3)] == ["o0", "o1", "o2"]  # type: ignore[union-attr]
    assert source.given < 10


def peak_of(count: int, source: io.RawIOBase | io.BytesIO) -> int:
    """The peak memory, in bytes, of reading this many orders one after the other."""
    tracemalloc.start()
    try:
        for _ in islice(orders(io.BufferedReader(source)), count):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_lines() -> None:
    peak_of(10, Endless())  # what is loaded only once
    few, many = peak_of(20, Endless()), peak_of(600, Endless())
    assert many < few + 100_000  # all of them together take ten times as much


def test_an_array_takes_little_more_memory_than_its_text() -> None:
    text = f"[{','.join(order(f'o{number}') for number in range(600))}]".encode()
    peak_of(600, io.BytesIO(text))
    assert peak_of(600, io.BytesIO(text)) < 3 * len(text) + 100_000


def test_an_array_that_is_too_long_is_refused_with_a_hint_to_use_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"[{order('a')}, {order('b')}]"
    monkeypatch.setattr(input_reader, "MAX_ARRAY_BYTES", len(text))
    assert read(text) == ["a", "b"]
    with pytest.raises(WrongInput, match=r"Nothing was started\. Use JSON lines instead"):
        read(f"{text} ")


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongInput, match=r"cannot be read: .*\. Nothing was started\."), opened(tmp_path / name):
        pass
