"""Texts: what people write is accepted, and what would deceive a reader is rejected."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from ordersaga.domain.text import PATTERN, Printable, clean

TEXT = TypeAdapter(Annotated[str, Printable])


PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
WRITTEN = {
    "empty": "",
    "no-break space": "12\u00a0rue de la Paix",
    "a joiner of Persian": PERSIAN,
    "a joined emoji": "\U0001f468\u200d\U0001f373",
    "a soft hyphen": "a\u00adb",
    "a mark of direction": "\u05d0\u200f1",
}
DECEIVING = ["\x00", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2067", "\ufeff", "\ud800"]


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_what_people_write_is_text(text: str) -> None:
    assert TEXT.validate_python(text) == text == clean(text)
    assert re.match(PATTERN, text)


@pytest.mark.parametrize("sign", DECEIVING, ids=ascii)
def test_what_would_deceive_a_reader_is_refused_or_blank(sign: str) -> None:
    with pytest.raises(ValidationError, match="control characters"):
        TEXT.validate_python(f"a{sign}b")
    assert clean(f"a{sign}b") == "a b"
