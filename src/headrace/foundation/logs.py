"""The log: lines with the connector's context, as text or JSON, to standard error and to a file per connector.

Every process calls `setup` once with the same `LogSettings`; `set_context` names the connector and task the process (or thread)
works for, so that every line carries `[name|task-0]`. `hide` registers secret values: they never reach a line.
Levels have Connect's names; logger names are Python's dotted names, `root` for the root.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headrace.errors import HeadraceError, NotFoundException, describe
from headrace.foundation.log_files import ConnectorFileHandler
from headrace.foundation.redaction import hide as hide
from headrace.foundation.redaction import redact as redact
from headrace.foundation.redaction import redact_trace

LEVELS: Final[dict[str, int]] = {
    "OFF": 100,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 5,
    "ALL": 1,
}
"""Connect's level names → Python's numbers."""

_ALIASES: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}

_connector: ContextVar[str | None] = ContextVar("headrace_log_connector", default=None)
_scope: ContextVar[str | None] = ContextVar("headrace_log_scope", default=None)
_process_context: list[str | None] = [None, None]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`format`: text or json. `folder`: where a file per connector is kept, None = nowhere; `max_bytes` and `backups` bound
    each. `levels`: logger → Connect level name."""

    format: str = "text"
    folder: str | None = None
    max_bytes: int = 10 * 1024 * 1024
    backups: int = 3
    levels: dict[str, str] = field(default_factory=dict)


def setup(settings: LogSettings) -> None:
    """Point the root logger at standard error (and files). Replaces what an earlier call installed."""
    formatter: logging.Formatter = _JsonFormatter() if settings.format == "json" else _TextFormatter()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.folder:
        handlers.append(ConnectorFileHandler(Path(settings.folder), settings.max_bytes, settings.backups))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if getattr(handler, "headrace", False):
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        handler.headrace = True  # type: ignore[attr-defined]
        handler.setFormatter(formatter)
        handler.addFilter(_add_context)
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("uvicorn.access", "uvicorn.error", "httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, level in settings.levels.items():
        set_level(name, level)


def set_context(connector: str | None, scope: str | None = None, *, whole_process: bool = True) -> None:
    """The connector and scope (`task-0`, `worker`) that lines of this process, or of this context only, belong to."""
    if whole_process:
        _process_context[:] = [connector, scope]
    _connector.set(connector)
    _scope.set(scope)


def level_number(level: str) -> int:
    """Python's number of a Connect level name, whatever its case. NotFoundException (LOG_LEVEL_UNKNOWN)."""
    name = level.upper()
    name = _ALIASES.get(name, name)
    if name not in LEVELS:
        raise NotFoundException(
            f"Log level {level!r} is unknown.", code="LOG_LEVEL_UNKNOWN", remedy=f"Use one of {', '.join(LEVELS)}."
        )
    return LEVELS[name]


def level_name(number: int) -> str:
    """The Connect level name that covers a number."""
    best = "ALL"
    for name, value in sorted(LEVELS.items(), key=lambda item: item[1]):
        if number >= value:
            best = name
    return best


def set_level(name: str, level: str) -> bool:
    """Set a logger's level; `root` is the root logger. False when it had that level of its own already."""
    found = logging.getLogger(None if name == "root" else name)
    before, number = found.level, level_number(level)
    found.setLevel(number)
    return before != number


def known_levels() -> dict[str, str]:
    """Every logger that exists, with its effective level, sorted by name; `root` for the root."""
    manager = logging.getLogger().manager
    names = [name for name, logger in manager.loggerDict.items() if isinstance(logger, logging.Logger)]
    found = {name: level_name(logging.getLogger(name).getEffectiveLevel()) for name in names}
    found["root"] = level_name(logging.getLogger().level)
    return dict(sorted(found.items()))


def _add_context(record: logging.LogRecord) -> bool:
    if not hasattr(record, "connector"):
        record.__dict__["connector"] = _connector.get() or _process_context[0]
        record.__dict__["scope"] = _scope.get() or _process_context[1]
    return True


def _context_text(record: logging.LogRecord) -> str:
    connector = getattr(record, "connector", None)
    if not connector:
        return ""
    scope = getattr(record, "scope", None)
    return f"[{connector}|{scope}] " if scope else f"[{connector}] "


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


class _TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00,123 INFO [orders|task-0] text (logger)`."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        level = level_name(record.levelno)
        text = redact(record.getMessage())
        line = f"{stamp},{int(record.msecs):03d} {level} {_context_text(record)}{text} ({record.name})"
        if record.exc_info:
            line += "\n" + redact_trace(self.formatException(record.exc_info))
        if record.stack_info:
            line += "\n" + redact_trace(record.stack_info)
        return line


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: timestamp (ms), level, logger, message, connector, scope, and of an error code, field, remedy, trace."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": int(record.created * 1000),
            "level": level_name(record.levelno),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for name in ("connector", "scope"):
            if value := getattr(record, name, None):
                line[name] = value
        error = _error_of(record)
        if isinstance(error, HeadraceError):
            line["error"] = {
                key: redact(value) if key in ("message", "remedy") else value
                for key, value in describe(error).items()
                if value is not None
            }
        if record.exc_info:
            line["trace"] = redact_trace(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
