"""Logging to stderr for us and all libraries: readable in a terminal, JSON lines otherwise."""

from __future__ import annotations

import logging
import sys


def configure_logs() -> None:
    """Set up logging for a command."""
    import structlog
    from structlog.typing import Processor

    terminal = sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
    ]
    if not terminal:
        shared.append(structlog.processors.format_exc_info)
    last: Processor = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("ordersaga").setLevel(logging.INFO)


def configure_temporal_logs(level: str) -> None:
    """Send the logs of the SDK's native part to Python's logging. Otherwise it writes them to stdout."""
    from temporalio.exceptions import ApplicationError
    from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio"), append_target_to_name=False)
    logs = LoggingConfig(TelemetryFilter(core_level=level, other_level="ERROR"), forwarding)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=logs)), error_if_already_set=False)

    def shorten_faults(record: logging.LogRecord) -> bool:
        """Log a service's fault in one line: it is expected, and its traceback shows only the SDK. Bugs keep theirs."""
        error = record.exc_info[1] if record.exc_info else None
        activity = getattr(record, "temporal_activity", None)
        if activity and isinstance(error, ApplicationError):
            called = "{activity_type} of {workflow_id}, attempt {attempt}".format(**activity)
            record.msg, record.args, record.exc_info = f"{called}: {error.message}", (), None
        return True

    logging.getLogger("temporalio.activity").addFilter(shorten_faults)
