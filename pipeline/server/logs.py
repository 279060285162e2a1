"""Structured logs: a JSON object in each line of standard error.

{"time": "2026-11-29T05:20:11.302Z", "level": "info", "event": "champion exchanged", "version": "4", "before": "3"}
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LONGEST = 1000  # characters of a value


class AsJson(logging.Formatter):
    """A record as a line of JSON, with its fields and, of an exception, its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        entry = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:LONGEST],
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure() -> None:
    """Write this project's records of level info, and other libraries' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(__name__.partition(".")[0]).setLevel(logging.INFO)
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)


def event(log: logging.Logger, name: str, **fields: Any) -> None:
    log.info(name, extra={"fields": fields})


def error(log: logging.Logger, name: str, **fields: Any) -> None:
    log.error(name, extra={"fields": fields})


def failure(log: logging.Logger, name: str, cause: BaseException, **fields: Any) -> None:
    """An error of ours, with its traceback."""
    log.error(name, exc_info=cause, extra={"fields": fields})


def one_line(error: BaseException) -> str:
    """An exception's message without line breaks."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__
