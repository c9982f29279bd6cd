"""Structured logs with request ids; personal data never reaches them."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog


def configure(options: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook: JSON lines for machines, short lines for people."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not options["json"]:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(options["level"])),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(options["level"])
    logging.getLogger("django.server").setLevel("WARNING")
    logging.getLogger("django.request").setLevel("ERROR")
