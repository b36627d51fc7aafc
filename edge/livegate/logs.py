"""Logs: one line an event, for people or for machines."""

from __future__ import annotations

import enum
import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

from livegate.terminal_text import printable

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogFormat(enum.StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


class _Lines(logging.Formatter):
    """Writes the message and the record's extra fields on one line; neither can begin a new one."""

    def __init__(self, line_format: LogFormat) -> None:
        super().__init__()
        self._line_format = line_format

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            extra["traceback"] = self.formatException(record.exc_info)
        head = {"time": moment, "level": record.levelname.lower(), "room": record.name, "event": record.getMessage()}
        if self._line_format is LogFormat.JSON:
            return json.dumps(head | extra, default=str)
        fields = " ".join(f"{key}={json.dumps(value, default=str)}" for key, value in extra.items())
        return f"{moment} {record.levelname:<7} {record.name}: {printable(record.getMessage())} {fields}".rstrip()


def start_logging(style: LogFormat, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every record of ``level`` and above to ``stream`` (standard error by default)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines(style))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def log_strays() -> None:
    """Log what Python would print over many lines by itself: warnings, and exceptions nobody caught."""
    logging.captureWarnings(True)
    log = logging.getLogger("livegate")

    def of_program(*raised: Any) -> None:
        log.critical("failed", exc_info=raised)

    def of_thread(failure: threading.ExceptHookArgs) -> None:
        raised = failure.exc_value or failure.exc_type()
        log.critical("thread failed", extra={"in_thread": str(failure.thread and failure.thread.name)}, exc_info=raised)

    sys.excepthook = of_program
    threading.excepthook = of_thread
