"""post.processors: what changes the records of streamed rows before they leave the source.

A post processor sees each row as it is decoded and does its work once for all rows of a batch. Debezium's setting names Java classes;
those that are built in here bear the same names. Source: Debezium's PostProcessorRegistryServiceProvider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from headrace.data import SourceRecord
from headrace.errors import ConfigException
from headrace.sources.postgres.tables import TableCodec

KEY: Final = "post.processors"
RESELECT: Final = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"
BUILT_IN: Final = (RESELECT,)


class PostProcessor(Protocol):
    """Works on rows of inserts and updates in the stream; deletes, snapshots and messages are not shown to it."""

    def row(self, codec: TableCodec, payload: bytes, position: int, record: SourceRecord) -> None:
        """A record was made of the complete new row that begins at `position` of `payload`."""

    def finish(self) -> None:
        """The records shown since the last call are about to leave. Raises the product's errors."""


class Declared(NamedTuple):
    """One post processor as configured: `settings` without the alias, `prefix` the text before them in the configuration."""

    alias: str
    type: str
    prefix: str
    settings: Mapping[str, str]

    def boolean(self, name: str, default: bool) -> bool:
        """ConfigException unless the setting is true or false."""
        text = self.settings.get(name, "").strip().lower()
        if text not in ("", "true", "false"):
            raise self.invalid(name, "Use true or false.")
        return default if not text else text == "true"

    def invalid(self, name: str, remedy: str) -> ConfigException:
        """The error about one setting."""
        key = self.prefix + name
        return ConfigException(
            f"Invalid value {self.settings.get(name)} for configuration {key}: {remedy}", field=KEY, remedy=remedy
        )


def declared(raw: Mapping[str, str]) -> list[Declared]:
    """The post processors that `post.processors` lists. ConfigException for one without a type or of a type that is not built in."""
    found = []
    for alias in filter(None, (part.strip() for part in raw.get(KEY, "").split(","))):
        # The longer form is the newer one and goes first.
        prefix = next((one for one in (f"{KEY}.{alias}.", f"{alias}.") if raw.get(one + "type")), None)
        if prefix is None:
            raise ConfigException(
                f"Post processor {alias} has no {alias}.type.",
                code="CONFIG_MISSING",
                field=KEY,
                remedy=f"Give the class in {KEY}.{alias}.type.",
            )
        type = raw[prefix + "type"].strip()
        if type not in BUILT_IN:
            raise ConfigException(
                f"Invalid value {type} for configuration {prefix}type: Java classes cannot run here, and this one is not built in.",
                code="POST_PROCESSOR_UNKNOWN",
                field=KEY,
                remedy=f"Use {', '.join(BUILT_IN)}, or write a transform.",
            )
        settings = {key[len(prefix) :]: value for key, value in raw.items() if key.startswith(prefix)}
        found.append(Declared(alias, type, prefix, settings))
    return found


def post_processors(
    raw: Mapping[str, str], make: Mapping[str, Callable[[Declared], PostProcessor]]
) -> list[PostProcessor]:
    """Those that are configured, in order. `make`: by type. ConfigException as `declared`, and for wrong settings."""
    return [make[one.type](one) for one in declared(raw)]
