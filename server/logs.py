"""Logs: one JSON object a line, or coloured lines on a terminal. No tokens, no query strings."""

import logging
import sys

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from .config import LogFormat


def configure_logging(log_format: LogFormat) -> None:
    """Send every log, ours and the libraries', to standard error in one form."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,  # session_id, bound where a session runs
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    ending: list[structlog.typing.Processor] = (
        # Plain: where rich is installed, the default prints every variable, passwords too.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("aioice", "aiortc", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class AccessLogger(AbstractAccessLogger):
    """One line a request: method, path, status, seconds. Neither headers nor query strings."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log one request."""
        level = logging.DEBUG if request.path == "/healthcheck" else logging.INFO
        structlog.get_logger("access").log(
            level,
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            duration_s=round(time, 4),
        )
