"""snapshot.mode: whether rows are read at a start, whether a stream follows, whether a lost position is made good by a snapshot.

Source: Debezium's Snapshotter SPI (`shouldSnapshotData`, `shouldStream`, `shouldSnapshotOnDataError`).
"""

from __future__ import annotations

from typing import NamedTuple

from headrace.sources.postgres.config import PostgresConfig

_BASED = "snapshot.mode.configuration.based."


class SnapshotMode(NamedTuple):
    """`first`: read when there is no finished snapshot; `again`: read although there is one; `stream`: go on with changes; `on_loss`: read
    when the position is lost."""

    first: bool
    again: bool = False
    stream: bool = True
    on_loss: bool = False

    @classmethod
    def of(cls, config: PostgresConfig) -> SnapshotMode:
        mode = config.word("snapshot.mode")
        if mode == "configuration_based":
            data: bool = config[_BASED + "snapshot.data"]
            return cls(
                data,
                again=data,
                stream=config[_BASED + "start.stream"],
                on_loss=config[_BASED + "snapshot.on.data.error"],
            )
        return _MODES[mode]


_MODES = {
    "initial": SnapshotMode(True),
    "always": SnapshotMode(True, again=True),
    "initial_only": SnapshotMode(True, stream=False),
    "no_data": SnapshotMode(False),
    "when_needed": SnapshotMode(True, on_loss=True),
}
