"""Structured logs: one JSON object a line, with the request's id and trace."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from shared.request_context import current_request_id, current_service, current_trace


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; `extra={"fields": {...}}` adds members.

    Args:
        service: who logs outside of requests; inside of one it is the service that answers it.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without a line break."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": current_service.get() or self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id.get():
            line["request_id"] = request_id
        if trace := current_trace.get():
            line["trace_id"] = trace.split("-")[1]
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
