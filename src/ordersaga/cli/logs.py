"""Logs: to stderr, for people on a terminal, as JSON lines otherwise. Ours and those of the libraries alike."""

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
    """Have the native part of Temporal's SDK log through Python's logging; by itself it would write to stdout."""
    from temporalio.exceptions import ApplicationError
    from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio"), append_target_to_name=False)
    logs = LoggingConfig(TelemetryFilter(core_level=level, other_level="ERROR"), forwarding)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=logs)), error_if_already_set=False)

    def tell_in_one_line(record: logging.LogRecord) -> bool:
        """A service's fault is expected, and its trace leads through the SDK only. A bug keeps its trace."""
        error = record.exc_info[1] if record.exc_info else None
        activity = getattr(record, "temporal_activity", None)
        if activity and isinstance(error, ApplicationError):
            called = "{activity_type} of {workflow_id}, attempt {attempt}".format(**activity)
            record.msg, record.args, record.exc_info = f"{called}: {error.message}", (), None
        return True

    logging.getLogger("temporalio.activity").addFilter(tell_in_one_line)
