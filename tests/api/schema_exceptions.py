"""What the schemas of the API's document cannot express: hooks of schemathesis for test_document.py.

A generator that follows only the schemas sends such requests and expects them to be accepted. There are no other
exceptions.
"""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

# A relation between two fields, or a field and a header; an external list; a text without its outer spaces.
_UNSAYABLE = re.compile(
    r"""^(
        .*:\ .*\ has\ too\ many\ decimals:\ [A-Z]{3}\ has\ \d
      | (.*:\ )?an\ amount\ of\ \d+\ minor\ units\ is\ over\ the\ limit\ .*
      | the\ order's\ total\ is\ zero,\ .*
      | (min|max)_amount:\ an\ amount\ needs\ a\ currency
      | .*:\ .*\ is\ not\ a\ decimal\ amount\ .*   # a number such as 1e-300, with more decimals than any currency
      | currency:\ .*\ is\ not\ an\ ISO\ 4217\ currency.*
      | items\[\d+\]\.quantity:\ input\ should\ be\ a\ valid\ integer   # to JSON Schema, 2.0 is one too
      | email:\ is\ not\ an\ email\ address.*        # dialects of patterns differ in what is \s
      | order_id:\ field\ required               # unless the header Idempotency-Key is there
      | .*:\ string\ should\ have\ at\ least\ 1\ character
    )$""",
    re.VERBOSE | re.DOTALL,
)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether a failure counts. It does not if valid data was rejected only for what a schema cannot express."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    detail = re.sub(r"\. (The request had no effect|Nothing was listed)\.$", "", problem["detail"])
    return not all(_UNSAYABLE.match(each) for each in problem.get("errors", [detail]))
