"""Text as people write it: what may stand in it, and what may not."""

from __future__ import annotations

import re

from pydantic import AfterValidator

OUT_OF_PLACE = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff"
"""A class of characters: control characters, separators of lines and paragraphs, what turns the direction of the text
after it. Spaces that do not break and the joiners of Persian names are text, which str.isprintable does not grant."""
PATTERN = f"^[^{OUT_OF_PLACE}]*$"
"""For JSON Schema, which knows no halves of characters."""
NOT_BLANK = rf"^[^{OUT_OF_PLACE}]*[^\s{OUT_OF_PLACE}][^{OUT_OF_PLACE}]*$"
"""The same, of a text in which something has to stand."""

_FOUND = re.compile(rf"[{OUT_OF_PLACE}\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with a blank for each character that may not stand in it."""
    return _FOUND.sub(" ", text)


def _printable(text: str) -> str:
    if _FOUND.search(text):
        raise ValueError("has control characters")
    return text


Printable = AfterValidator(_printable)
"""No control characters: the text goes into mails, labels, terminals and databases."""
