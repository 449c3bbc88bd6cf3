"""The demo: real orders through the whole stack, with everything going wrong that should not matter."""

from ordersaga.demo.runner import DemoRun
from ordersaga.demo.scenarios import Cause, Scenario, demo_scenarios

__all__ = ["Cause", "DemoRun", "Scenario", "demo_scenarios"]
