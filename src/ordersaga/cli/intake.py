"""Orders as people hand them in: one JSON order, a JSON array of orders, or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ordersaga.cli.exits import WrongInput
from ordersaga.domain.errors import InvalidOrder
from ordersaga.domain.order import MAX_ORDER_BYTES, OrderInput, parse_order

BOM = b"\xef\xbb\xbf"
"""What some editors put before UTF-8 text."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no order that can be placed, and why."""

    line: int
    error: InvalidOrder


Found = OrderInput | BadLine


@contextmanager
def opened(source: Path) -> Iterator[BinaryIO]:
    """The file, or standard input for "-". Raises WrongInput."""
    if str(source) == "-":
        if sys.stdin is None:
            raise WrongInput("Standard input is closed. Nothing was started.")
        yield sys.stdin.buffer
        return
    try:
        file = source.open("rb")
        file.peek(1)
    except OSError as error:
        raise WrongInput(f"{source} cannot be read: {error.strerror}. Nothing was started.") from None
    with file:
        yield file


def orders(file: BinaryIO) -> Iterator[Found]:
    """The orders of a file, read as they are asked for.

    One order or an array is checked as a whole: InvalidOrder or WrongInput is raised before the first is given. Of JSON
    lines, each bad one is given as BadLine, and the others are given as orders.
    """
    first, number = _skip_space(file)
    if first == b"[":
        return iter(_array(first + file.read()))
    lines = _numbered(file, first, number)
    head = list(islice(lines, 1))
    if head and not _is_json(head[0][1]):
        head += _take(lines, MAX_ORDER_BYTES)
        document = b"".join(line for _, line in head)
        if len(document) <= MAX_ORDER_BYTES and (_is_json(document) or not any(_is_json(line) for _, line in head)):
            return iter([parse_order(document)])
    return _read(chain(head, lines))


def _read(lines: Iterable[tuple[int, bytes]]) -> Iterator[Found]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            yield parse_order(line)
        except InvalidOrder as error:
            yield BadLine(number, error)


def _array(text: bytes) -> list[OrderInput]:
    try:
        documents = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"The input begins like a JSON array and is none ({error}). Nothing was started.") from None
    found, problems = [], []
    for index, document in enumerate(documents):
        try:
            found.append(OrderInput.model_validate(document))
        except InvalidOrder as error:
            problems.append(f"[{index}]: {error}")
    if problems:
        raise WrongInput("\n".join([*problems, f"None of the {len(documents)} orders in the array was placed."]))
    return found


def _skip_space(file: BinaryIO) -> tuple[bytes, int]:
    """The first byte that says something, and the number of its line."""
    number = 1
    while (byte := file.read(1)) and (byte.isspace() or byte in BOM):
        number += byte == b"\n"
    return byte, number


def _numbered(file: BinaryIO, first: bytes, number: int) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers. Of one that is longer than any order, only so much that this can be seen."""
    line = first + file.readline(MAX_ORDER_BYTES)
    while line:
        rest = line
        while len(rest) >= MAX_ORDER_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_ORDER_BYTES)
        yield number, line
        number += 1
        line = file.readline(MAX_ORDER_BYTES + 1)


def _take(lines: Iterator[tuple[int, bytes]], size: int) -> Iterator[tuple[int, bytes]]:
    for number, line in lines:
        yield number, line
        size -= len(line)
        if size < 0:
            return


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
