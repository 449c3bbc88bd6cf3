"""Reads orders from a file: one JSON order, a JSON array of orders, or JSON lines."""

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
"""An array is validated as a whole, so it is held in memory. JSON lines have no such limit."""

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before UTF-8 text."""

_PART = 1 << 16
_DECODER = json.JSONDecoder(parse_float=json_number)
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a valid order, and why."""

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
    """Read the orders of a file lazily.

    One order or an array is validated as a whole: InvalidOrder or WrongInput is raised before the first order. With
    JSON lines, an invalid line is yielded as a BadLine.
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
    """The rest of the file, at most `size` bytes. Reads in parts, because a read allocates its whole size at once."""
    parts = []
    while size > 0 and (part := file.read(min(size, _PART))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _array(text: bytes) -> Iterator[OrderInput]:
    """The orders of an array, after all were validated. They are parsed twice, because the text needs less memory."""
    if len(text) > MAX_ARRAY_BYTES:
        raise WrongInput(
            f"The JSON array has more than {MAX_ARRAY_BYTES:,} bytes. Nothing was started. "
            "Use JSON lines instead, with one order per line: they have no size limit."
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
        raise WrongInput(
            f"The input starts like a JSON array but is not valid JSON ({error}). Nothing was started."
        ) from None
    if problems:
        raise WrongInput("\n".join([*problems, f"None of the {count} orders in the array was placed."]))
    return map(OrderInput.model_validate, _elements(document))


def _elements(text: str) -> Iterator[object]:
    """The elements of a JSON array, one at a time. Raises ValueError if the text is not a JSON array."""
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
    match = _SPACE.match(text, at)
    assert match
    return match.end()


def _skip_space(file: BinaryIO) -> tuple[bytes, int]:
    """The first byte that is not white space, and its line number."""
    number = 1
    while (byte := file.read(1)) and (byte.isspace() or byte in BOM):
        number += byte == b"\n"
    return byte, number


def _numbered(file: BinaryIO, first: bytes, number: int) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers. A line that is too long for an order is cut off just above the limit."""
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
