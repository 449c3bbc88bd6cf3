"""The demo: places real orders on a whole stack while faults are injected, and the sample data for it."""

from ordersaga.demo.runner import DemoRun
from ordersaga.demo.scenarios import Cause, Scenario, demo_scenarios

__all__ = ["Cause", "DemoRun", "Scenario", "demo_scenarios"]
