"""What a stack locks before it starts anything: its data directory and its ports."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ordersaga.stack.child import StackError
from ordersaga.stack.programs import HOST

PORT_SECONDS = 1.0
"""How long a port may still be in use. The port of a stack that was just killed becomes free soon."""


@contextmanager
def data_dir_lock(data_dir: Path) -> Iterator[None]:
    """Create this data directory, and lock it against other stacks. Raises StackError if another stack uses it."""
    try:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StackError(
            f"The data directory {data_dir} cannot be used ({error.strerror}). Nothing was started. "
            "Choose another with --data-dir."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StackError(
            f"Another `ordersaga up` uses the data directory {data_dir}. Nothing was started. "
            "Stop it, or choose another directory with --data-dir, and other ports."
        ) from None
    try:
        yield
    finally:
        os.close(lock)


def free_ports(wanted: Mapping[str, int]) -> list[int]:
    """Check that the requested ports, by option, are free, and return them; for 0, return any free port.

    Raises StackError.
    """
    with ExitStack() as held:
        listeners = {option: held.enter_context(_listen(option, port)) for option, port in wanted.items()}
        for option, listener in listeners.items():
            if not wanted[option]:
                _reserve(listener)
        return [listener.getsockname()[1] for listener in listeners.values()]


def _reserve(listener: socket.socket) -> None:
    """Make the system give this port to no other process for a while, so that it is there for the caller.

    A connection that was closed on this side leaves the port in TIME_WAIT for a minute. The system does not assign such
    a port, but a process may still listen on it.
    """
    with socket.create_connection(listener.getsockname()) as other:
        listener.accept()[0].close()
        other.recv(1)


def _listen(option: str, port: int) -> socket.socket:
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return socket.create_server((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise StackError(
                f"Port {port} cannot be used ({os.strerror(error.errno or 0)}). Nothing was started. "
                f"Choose another with {option}, or 0 for any free one."
            ) from None
