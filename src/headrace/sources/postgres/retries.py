"""How long to wait before a broken connection is taken up again, and when to give up."""

from __future__ import annotations

import logging
from collections.abc import Callable

from headrace.errors import ConnectException, HeadraceError
from headrace.sources.postgres.config import PostgresConfig

logger = logging.getLogger(__name__)

_SLOT_PAUSE_S = 0.5


class Retries:
    """`now`: a monotonic clock."""

    def __init__(self, config: PostgresConfig, now: Callable[[], float]) -> None:
        self._config = config
        self._now = now
        self._failures = 0
        self._slot_deadline = 0.0

    def succeeded(self) -> None:
        """Something was read: counts begin anew."""
        self._failures = 0
        self._slot_deadline = 0.0

    def wait_s(self, error: HeadraceError) -> float:
        """Seconds to wait after a failure that may pass. ConnectException with the failure's code when it has lasted too long."""
        if error.code == "PG_SLOT_IN_USE":
            return self._for_slot(error)
        limit = self._config["errors.max.retries"]
        self._failures += 1
        if 0 <= limit < self._failures:
            raise ConnectException(
                f"Given up after {limit} retries: {error.message}",
                code=error.code,
                field=error.field,
                remedy=error.remedy,
            ) from error
        wait_s: float = self._config["retriable.restart.connector.wait.ms"] / 1000
        logger.warning("%s Trying again in %.1f s.", error, wait_s)
        return wait_s

    def _for_slot(self, error: HeadraceError) -> float:
        """A slot is often still held for a moment by our own last process: look often, as long as slot.max.retries times
        slot.retry.delay.ms."""
        now = self._now()
        if not self._slot_deadline:
            budget = self._config["slot.max.retries"] * self._config["slot.retry.delay.ms"] / 1000
            self._slot_deadline = now + budget
            logger.warning("%s Trying again for %.0f s.", error, budget)
        if now >= self._slot_deadline:
            raise ConnectException(
                error.message, code=error.code, field=error.field or "slot.name", remedy=error.remedy
            ) from error
        return min(_SLOT_PAUSE_S, float(self._config["slot.retry.delay.ms"]) / 1000)
