"""What the processes log: words for a terminal, or a JSON object a line for machines.

A line says what was asked by its pattern and how it ended, under the request's id;
never what was sent, and no credential.
"""

import json
import logging
from datetime import UTC, datetime

from warehouse.settings import settings

LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"


def start_logging(level: int) -> None:
    """Log to stderr from a level on, as `HMC_LOG` says."""
    if settings().log == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        logging.basicConfig(level=logging.INFO, handlers=[handler])
    else:
        logging.basicConfig(level=level, format=LINE)


class JsonLines(logging.Formatter):
    """A line of JSON for every message, with what was `said` beside it."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "said", {}),
        }
        if record.exc_info:
            said["failure"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
