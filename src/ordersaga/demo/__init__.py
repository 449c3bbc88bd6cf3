"""The demo: real orders through the whole stack, with everything going wrong that should not matter."""

from ordersaga.demo.cast import Cause, Scene, cast
from ordersaga.demo.play import Play

__all__ = ["Cause", "Play", "Scene", "cast"]
