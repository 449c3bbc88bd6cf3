"""Orders as people hand them in: one JSON order, a JSON array of orders, or JSON lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ordersaga.cli.exit_codes import WrongInput
from ordersaga.domain.errors import InvalidOrder
from ordersaga.domain.money import json_number
from ordersaga.domain.order import MAX_ORDER_BYTES, OrderInput, parse_order

MAX_ARRAY_BYTES = 64 << 20
"""An array is checked as a whole, so it is held as a whole. JSON lines have no such limit."""

BOM = b"\xef\xbb\xbf"
"""What some editors put before UTF-8 text."""

_PART = 1 << 16
_DECODER = json.JSONDecoder(parse_float=json_number)
_SPACE = re.compile(r"[ \t\n\r]*")


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
        return _array(first + _at_most(file, MAX_ARRAY_BYTES))
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


def _at_most(file: BinaryIO, size: int) -> bytes:
    """All that is left of the file, or its first `size` bytes; asked for in parts, because room is made for each."""
    parts = []
    while size > 0 and (part := file.read(min(size, _PART))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _array(text: bytes) -> Iterator[OrderInput]:
    """Its orders, once all have been checked. They are read anew then: the text takes less memory than they do."""
    if len(text) > MAX_ARRAY_BYTES:
        raise WrongInput(
            f"The JSON array has more than {MAX_ARRAY_BYTES:,} bytes. Nothing was started. "
            "Give so many orders as JSON lines, one to a line: those are read as they come."
        )
    count, problems = 0, []
    try:
        document = text.decode()
        for index, element in enumerate(_elements(document)):
            count += 1
            try:
                OrderInput.model_validate(element)
            except InvalidOrder as error:
                problems.append(f"[{index}]: {error}")
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"The input begins like a JSON array and is none ({error}). Nothing was started.") from None
    if problems:
        raise WrongInput("\n".join([*problems, f"None of the {count} orders in the array was placed."]))
    return map(OrderInput.model_validate, _elements(document))


def _elements(text: str) -> Iterator[object]:
    """The elements of a JSON array that is the whole text, one at a time. Raises ValueError where it is none."""
    at = _after_space(text, 1)
    while not text.startswith("]", at):
        element, at = _DECODER.raw_decode(text, at)
        yield element
        at = _after_space(text, at)
        if text.startswith(",", at):
            at = _after_space(text, at + 1)
            if text.startswith("]", at):
                raise json.JSONDecodeError("Illegal trailing comma before end of array", text, at)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if (rest := _after_space(text, at + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, rest)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found
    return found.end()


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
