"""Free text that people enter, and the characters that it must not contain."""

from __future__ import annotations

import re

from pydantic import AfterValidator

FORBIDDEN = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff"
"""A regular expression's character class: control characters, line and paragraph separators, and characters that change
the text direction. str.isprintable would also reject non-breaking spaces and the joiners in Persian names."""
PATTERN = f"^[^{FORBIDDEN}]*$"
"""For JSON Schema, which cannot express lone surrogates."""
NOT_BLANK = rf"^[^{FORBIDDEN}]*[^\s{FORBIDDEN}][^{FORBIDDEN}]*$"
"""Like PATTERN, for text that must not be blank."""

_FORBIDDEN = re.compile(rf"[{FORBIDDEN}\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace each forbidden character with a space."""
    return _FORBIDDEN.sub(" ", text)


def _printable(text: str) -> str:
    if _FORBIDDEN.search(text):
        raise ValueError("contains control characters")
    return text


Printable = AfterValidator(_printable)
"""No control characters: the text is shown in emails, labels and terminals, and stored in databases."""
