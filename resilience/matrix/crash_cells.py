"""Cells with a crash: something is killed or stopped while an order is before or after each of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.matrix.cancel_cells import MOMENTS
from resilience.matrix.cell import CANCELLED, COMPLETED, FAILED, Action, CancelMethod, Cell, End, Expected
from resilience.matrix.scenario import Scenario

CRASHES = ("kill worker", "kill services", "kill temporal", "kill all", "stop worker")
PATIENT = {"http_timeout": 8.0, "step_deadline": 240.0, "undo_patience": 240.0}
FAST, DURABLE = 3.0, 0.0


def crash_cells() -> Iterator[Cell]:
    """All crash cells."""
    for crash in CRASHES:
        for moment in MOMENTS:
            for call in UNDO_OF:
                yield _at_a_do(crash, call, moment, "fast", FAST, COMPLETED)
                yield _at_a_do(crash, call, moment, "durable", DURABLE, COMPLETED)
                yield _at_a_do(crash, call, moment, "fast-then-cancelled", FAST, CANCELLED)
                yield _at_a_do(crash, call, moment, "durable-then-cancelled", DURABLE, CANCELLED)
            for call in UNDO_OF.values():
                yield _at_an_undo(crash, call, moment)


def terminate_cells() -> Iterator[Cell]:
    """Cells in which the run is terminated before and after each call. The watcher recovers the order."""
    for moment in MOMENTS:
        for call in UNDO_OF:
            for path, fast in {"fast": FAST, "durable": DURABLE}.items():
                # The worker does not notice, and its first attempts may write the order's end before the watcher does.
                ends = (FAILED, COMPLETED) if fast else (FAILED,)
                yield _cell("terminate", call, moment, path, fast, ends, partial(terminated, call=call))
        for call in UNDO_OF.values():
            yield _cell("terminate", call, moment, "undo", DURABLE, (FAILED,), partial(terminated, call=call))


def _cell(crash: str, call: str, moment: str, mode: str, fast: float, ends: tuple[End, ...], act: Action) -> Cell:
    undoing = call not in UNDO_OF
    faults = (Fault(MOMENTS[moment], call, attempts=None),)
    return Cell(
        id=f"{crash.replace(' ', '-')}/{call}/{moment}/{mode}",
        boundary=call,
        kind=f"{crash}, {moment}",
        expected=Expected(ends),
        policy=PATIENT | {"fast_path": fast},
        faults=(Fault(Kind.HOLD_ANSWER, "notify"), *faults) if undoing else faults,
        act=act,
        crash=crash if crash in CRASHES else None,
    )


def _at_a_do(crash: str, call: str, moment: str, mode: str, fast: float, end: End) -> Cell:
    act = partial(crashed_at, call=call, cancelled=end is CANCELLED)
    # A worker that survives continues its first attempts, and may write the end before the cancel counts.
    lives = crash not in ("kill worker", "kill all")
    ends = (end, COMPLETED) if lives and fast and end is CANCELLED else (end,)
    return _cell(crash, call, moment, mode, fast, ends, act)


def _at_an_undo(crash: str, call: str, moment: str) -> Cell:
    return _cell(crash, call, moment, "undo", DURABLE, (CANCELLED,), partial(crashed_at, call=call, cancelled=False))


async def crashed_at(scenario: Scenario, call: str, cancelled: bool) -> None:
    """Crash while one of the order's calls is held. Then cancel the order, if requested."""
    await _unwinding_if(scenario, call)
    await scenario.held(call)
    scenario.in_place.set()
    await scenario.crashed.wait()
    if cancelled:
        await scenario.cancel(CancelMethod.SIGNAL)
    scenario.lift()


async def terminated(scenario: Scenario, call: str) -> None:
    """Terminate the run while one of the order's calls is held, and let the watcher recover the order."""
    await _unwinding_if(scenario, call)
    await scenario.held(call)
    await scenario.handle.terminate("by the matrix")
    scenario.lift()
    await scenario.recovered()


async def _unwinding_if(scenario: Scenario, call: str) -> None:
    if call in UNDO_OF.values():
        await scenario.held("notify")
        await scenario.accepted(CancelMethod.SIGNAL)
        scenario.release()
