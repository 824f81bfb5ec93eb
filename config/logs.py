"""Structured logs: one JSON object a line in production, readable lines elsewhere; standard library loggers too.

Verbs and delivery bind `invoice` (its number) and `message_id`, so that both stand on each line about them.
"""

import logging
import logging.config
import uuid
from typing import Any

import structlog

SECRET_NAMES = frozenset({"secret", "password", "token", "authorization", "credentials", "shared_secret"})


def hide_secrets(_logger: Any, _method: str, line: Any) -> Any:
    """Replace the value of every key that is named like a secret."""
    for name in line:
        if name.lower() in SECRET_NAMES:
            line[name] = "(hidden)"
    return line


def bind_request(path: str) -> str:
    """Name a request on each log line written from now on in this thread, and return its new id."""
    request_id = uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, path=path)
    return request_id


def configure(options: dict[str, Any]) -> None:
    """Set logging up; `options` is settings.LOGGING: {"level": str, "json": bool}."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if options["json"] else structlog.dev.ConsoleRenderer(colors=False)
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        renderer,
                    ],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["console"], "level": options["level"]},
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
