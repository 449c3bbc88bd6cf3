"""Runs every case of the trip, which takes about a minute. Chapter 9 of docs/start/course.md.

python -m examples.course.sweep
"""

# ruff: noqa: T201

from examples.trip import TRIP_SAGA, Trip
from ordersaga.testing.sagas import cases_of, run_program, run_sweep


async def main() -> None:
    """Run them, and print what is half done."""
    violations = await run_sweep(TRIP_SAGA, Trip("T1", "Ada"))
    for violation in violations:
        print(violation)
    print(f"{len(cases_of(TRIP_SAGA))} cases, {len(violations)} violations")


if __name__ == "__main__":
    run_program(main())
