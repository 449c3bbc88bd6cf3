"""Tests for any saga: a simulated world made from its declaration, all cases, and an all-or-nothing checker.

`run_sweep(MY_SAGA, subject)` runs every case on a real Temporal server and returns those that end half done. It needs
only the declaration; see docs/start/course.md, chapter 9.
"""

from ordersaga.saga import SagaClient
from ordersaga.testing.sagas.case_runner import CaseResult
from ordersaga.testing.sagas.cases import Cancel, Case, StepScript, cases_of
from ordersaga.testing.sagas.checker import Ending, check, ending_of
from ordersaga.testing.sagas.effects import Effect, Effects, EffectState
from ordersaga.testing.sagas.script import Do, Undo
from ordersaga.testing.sagas.server import run_program, temporal_client
from ordersaga.testing.sagas.sweep import SHORT, run_case, run_sweep
from ordersaga.testing.sagas.transcript import Line, transcript
from ordersaga.testing.sagas.world import Gate, World

__all__ = [
    "SHORT",
    "Cancel",
    "Case",
    "CaseResult",
    "Do",
    "Effect",
    "EffectState",
    "Effects",
    "Ending",
    "Gate",
    "Line",
    "SagaClient",
    "StepScript",
    "Undo",
    "World",
    "cases_of",
    "check",
    "ending_of",
    "run_case",
    "run_program",
    "run_sweep",
    "temporal_client",
    "transcript",
]
