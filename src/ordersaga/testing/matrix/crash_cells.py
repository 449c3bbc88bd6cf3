"""Cells in which something is killed or stopped while an order is before or behind each of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ordersaga.testing.faults import Fault, Kind
from ordersaga.testing.faults.calls import UNDO_OF
from ordersaga.testing.matrix.cancel_cells import MOMENTS
from ordersaga.testing.matrix.cell import CANCELLED, COMPLETED, FAILED, Cell, End, Expected, Play, Way
from ordersaga.testing.matrix.scene import Scene

DISASTERS = ("kill worker", "kill services", "kill temporal", "kill all", "stop worker")
PATIENT = {"http_timeout": 8.0, "step_deadline": 240.0, "undo_patience": 240.0}
FAST, DURABLE = 3.0, 0.0


def crash_cells() -> Iterator[Cell]:
    """All of them."""
    for disaster in DISASTERS:
        for moment in MOMENTS:
            for call in UNDO_OF:
                yield _at_a_do(disaster, call, moment, "fast", FAST, COMPLETED)
                yield _at_a_do(disaster, call, moment, "durable", DURABLE, COMPLETED)
                yield _at_a_do(disaster, call, moment, "fast-then-cancelled", FAST, CANCELLED)
                yield _at_a_do(disaster, call, moment, "durable-then-cancelled", DURABLE, CANCELLED)
            for call in UNDO_OF.values():
                yield _at_an_undo(disaster, call, moment)


def terminate_cells() -> Iterator[Cell]:
    """Runs that are terminated before and behind each call. The watcher settles them."""
    for moment in MOMENTS:
        for call in UNDO_OF:
            for path, fast in {"fast": FAST, "durable": DURABLE}.items():
                # The worker does not hear of it, and its first attempts may write the order's end before the watcher.
                ends = (FAILED, COMPLETED) if fast else (FAILED,)
                yield _cell("terminate", call, moment, path, fast, ends, partial(terminated, call=call))
        for call in UNDO_OF.values():
            yield _cell("terminate", call, moment, "undo", DURABLE, (FAILED,), partial(terminated, call=call))


def _cell(disaster: str, call: str, moment: str, mode: str, fast: float, ends: tuple[End, ...], play: Play) -> Cell:
    undoing = call not in UNDO_OF
    faults = (Fault(MOMENTS[moment], call, attempts=None),)
    return Cell(
        id=f"{disaster.replace(' ', '-')}/{call}/{moment}/{mode}",
        boundary=call,
        kind=f"{disaster}, {moment}",
        expected=Expected(ends),
        policy=PATIENT | {"fast_path": fast},
        faults=(Fault(Kind.HOLD_ANSWER, "notify"), *faults) if undoing else faults,
        play=play,
        disaster=disaster if disaster in DISASTERS else None,
    )


def _at_a_do(disaster: str, call: str, moment: str, mode: str, fast: float, end: End) -> Cell:
    play = partial(struck_at, call=call, cancelled=end is CANCELLED)
    # A worker that lives goes on with its first attempts, and may write the end before the cancel counts.
    lives = disaster not in ("kill worker", "kill all")
    ends = (end, COMPLETED) if lives and fast and end is CANCELLED else (end,)
    return _cell(disaster, call, moment, mode, fast, ends, play)


def _at_an_undo(disaster: str, call: str, moment: str) -> Cell:
    return _cell(disaster, call, moment, "undo", DURABLE, (CANCELLED,), partial(struck_at, call=call, cancelled=False))


async def struck_at(scene: Scene, call: str, cancelled: bool) -> None:
    """The disaster happens while a call of the order is held; then it may be cancelled."""
    await _unwinding_if(scene, call)
    await scene.held(call)
    scene.in_place.set()
    await scene.struck.wait()
    if cancelled:
        await scene.cancel(Way.SIGNAL)
    scene.lift()


async def terminated(scene: Scene, call: str) -> None:
    """The run is terminated while a call of the order is held, and the watcher settles it."""
    await _unwinding_if(scene, call)
    await scene.held(call)
    await scene.handle.terminate("by the matrix")
    scene.lift()
    await scene.settled()


async def _unwinding_if(scene: Scene, call: str) -> None:
    if call in UNDO_OF.values():
        await scene.held("notify")
        await scene.accepted(Way.SIGNAL)
        scene.release()
