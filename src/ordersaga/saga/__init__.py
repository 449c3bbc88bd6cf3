"""A saga on Temporal: steps that are done in order, and undone by asking when the saga cannot go on.

Knows temporalio only. docs/saga.md shows another saga than ordersaga's built from it.
"""

from ordersaga.saga.ahead import first_attempts
from ordersaga.saga.desk import Choice, Decision, DecisionRefused
from ordersaga.saga.ending import Ending, Phase, Verdict
from ordersaga.saga.record import Decided, StepRecord, StepState, TimelineEvent
from ordersaga.saga.run import SagaRun
from ordersaga.saga.step import (
    FENCED,
    ID_TAKEN,
    Kind,
    Policy,
    Saga,
    SagaDeclarationError,
    Step,
    Steps,
    Story,
    Undo,
    Undone,
    UndoOutcome,
    refusal,
)

__all__ = [
    "FENCED",
    "ID_TAKEN",
    "Choice",
    "Decided",
    "Decision",
    "DecisionRefused",
    "Ending",
    "Kind",
    "Phase",
    "Policy",
    "Saga",
    "SagaDeclarationError",
    "SagaRun",
    "Step",
    "StepRecord",
    "StepState",
    "Steps",
    "Story",
    "TimelineEvent",
    "Undo",
    "UndoOutcome",
    "Undone",
    "Verdict",
    "first_attempts",
    "refusal",
]
