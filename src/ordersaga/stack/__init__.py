"""The local stack: Temporal's dev server, the services, a worker and the API, as child processes.

Not for production.
"""

from ordersaga.stack.child import StackError
from ordersaga.stack.stack import Stack, StackOptions

__all__ = ["Stack", "StackError", "StackOptions"]
