"""Beside: what the task's loop knows of signals, snapshots beside the stream and notifications. None of it where nothing is configured."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.cdc.signals.payload import Signal
from headrace.data import SourceRecord
from headrace.errors import ConfigException
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Offset
from headrace.sources.postgres.metrics import Numbers
from headrace.sources.postgres.session import PgSession
from headrace.sources.postgres.signals.channels import REST, enabled
from headrace.sources.postgres.signals.signalled_stream import SignalledStream
from headrace.sources.postgres.signals.signalling import Signalling
from headrace.sources.postgres.stream.feedback import Feedback
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.spi.context import SourceTaskContext

_OPENING_WAIT_S = 0.1


def wanted(config: PostgresConfig) -> bool:
    """Whether any of it is on."""
    return bool(
        config.signal_tables()
        or config["read.only"]
        or enabled(config) - {"source"}
        or config["notification.enabled.channels"]
    )


def beside_stream(config: PostgresConfig, context: SourceTaskContext, numbers: Numbers) -> Beside | None:
    """None where nothing of it is configured."""
    return Beside(config, context, numbers) if wanted(config) else None


def not_taken() -> ConfigException:
    """Why a signal by REST is refused."""
    return ConfigException(
        "Signals by REST are not among the enabled channels of this connector.",
        code="SIGNAL_CHANNEL_OFF",
        field="signal.enabled.channels",
        remedy="Add jmx, which is the REST interface here, to signal.enabled.channels.",
    )


class Beside:
    """Calls in the order of the loop: `stream_class`, `attach`, then for each poll `instead` or `before_reading`, `fed`."""

    def __init__(self, config: PostgresConfig, context: SourceTaskContext, numbers: Numbers) -> None:
        self.signalling = Signalling(config, context, numbers)
        self._classes: dict[type[StreamDecoder], type[StreamDecoder]] = {}
        self._takes_signals = not enabled(config).isdisjoint(REST)

    def stream_class(self, plain: type[StreamDecoder]) -> type[StreamDecoder]:
        """A stream that also takes heed of signals."""
        if plain not in self._classes:
            self._classes[plain] = type(f"Signalled{plain.__name__}", (SignalledStream, plain), {})
        return self._classes[plain]

    def attach(self, session: PgSession, decoder: StreamDecoder, at: Offset) -> None:
        assert isinstance(decoder, SignalledStream)
        self.signalling.attach(session, decoder, at)

    def detach(self) -> None:
        self.signalling.detach()

    def signal(self, id: str, type: str, data: str | None) -> None:
        """From the worker's REST interface, on another thread."""
        if not self._takes_signals:
            raise not_taken()
        self.signalling.signals.put(Signal(id, type, data, "jmx"))

    def instead(self, limit: int) -> Sequence[SourceRecord] | None:
        """The records of a blocking snapshot, which come instead of the stream's; None when none is being read."""
        blocking = self.signalling.blocking
        if blocking.opening:
            blocking.opened(_OPENING_WAIT_S)
            return self.signalling.notifier.take()
        if not blocking.reading:
            return None
        records = blocking.poll(limit, self.signalling.extra)
        return self.signalling.notifier.take() if records is None else records

    def before_reading(self, out: list[SourceRecord], reached: int | None) -> None:
        """Look for signals, see `Signalling.before_reading`."""
        self.signalling.before_reading(out, reached)

    def fed(self, out: list[SourceRecord], reached: int | None, feedback: Feedback, made: int) -> None:
        """The stream was read. `reached`: see `Signalling.after_feeding`. `made`: how many records have come, in `out` or not."""
        if self.signalling.after_feeding(out, reached):
            feedback.send(ask=True)
        out += self.signalling.notifier.take()
        if out or made:
            # The records say it.
            self.signalling.take_changed()

    def told(self) -> Offset | None:
        """An offset to be stored although no record carries it; None when there is nothing new to say."""
        return self.signalling.here() if self.signalling.take_changed() else None
