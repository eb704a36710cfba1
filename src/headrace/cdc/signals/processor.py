"""SignalProcessor: from a signal to what is done. A signal that cannot be understood is logged, never an error.

Source: Debezium's SignalProcessor and its actions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from headrace.cdc.signals import payload
from headrace.cdc.signals.payload import Signal, SignalRefused, SnapshotRequest, collections_of, kind_of
from headrace.errors import HeadraceError, RetryClass

logger = logging.getLogger(__name__)


class SignalActions(Protocol):
    """What a source can be asked for. SignalRefused from any of them: logged, and nothing else happens."""

    def execute(self, id: str, request: SnapshotRequest) -> None: ...

    def stop(self, collections: tuple[str, ...]) -> None:
        """Stop the incremental snapshot of these collections (patterns), () of all."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def schema_changes(self, data: Mapping[str, Any]) -> None: ...

    def window_opened(self, id: str) -> None: ...

    def window_closed(self, id: str) -> None: ...


class SignalProcessor:
    """`offset`: where the source stands, for the log signal. `busy`: true while a signal is at work."""

    def __init__(self, actions: SignalActions, offset: Callable[[], Mapping[str, Any]]) -> None:
        self._actions = actions
        self._offset = offset
        self._handlers: dict[str, Callable[[Signal, dict[str, Any]], None]] = {
            payload.EXECUTE: lambda signal, data: actions.execute(signal.id or "", SnapshotRequest.of(data)),
            payload.STOP: self._stop,
            payload.PAUSE: lambda signal, data: actions.pause(),
            payload.RESUME: lambda signal, data: actions.resume(),
            payload.LOG: self._log,
            payload.SCHEMA_CHANGES: lambda signal, data: actions.schema_changes(data),
            payload.WINDOW_OPEN: lambda signal, data: actions.window_opened(signal.id or ""),
            payload.WINDOW_CLOSE: lambda signal, data: actions.window_closed(signal.id or ""),
        }

    def process(self, signal: Signal) -> None:
        """Do it. Raises only what asks for the connection to be taken up again."""
        handler = self._handlers.get(signal.type or "")
        if handler is None:
            logger.warning("Signal %r is passed over: there is no type %r.", signal.id, signal.type)
            return
        try:
            data = signal.document()
        except ValueError as error:
            logger.warning("Signal %r is passed over, its data cannot be parsed: %s", signal.id, error)
            return
        try:
            handler(signal, data)
        except SignalRefused as refused:
            logger.warning("Signal %r (%s) is passed over: %s.", signal.id, signal.type, refused)
        except HeadraceError as error:
            if error.retry_class is RetryClass.RETRY:
                raise
            logger.warning("Signal %r (%s) failed: %s", signal.id, signal.type, error)

    def _stop(self, signal: Signal, data: dict[str, Any]) -> None:
        if kind_of(data) == "BLOCKING":
            raise SignalRefused("a blocking snapshot cannot be stopped")
        self._actions.stop(collections_of(data))

    def _log(self, signal: Signal, data: dict[str, Any]) -> None:
        message = data.get("message")
        if not isinstance(message, str) or not message:
            raise SignalRefused("message is missing")
        offset = self._offset()
        shown = "{" + ", ".join(f"{key}={value}" for key, value in offset.items()) + "}"
        logger.info("%s", message.replace("{}", shown, 1))
