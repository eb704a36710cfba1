"""What Debezium's transforms declare of their settings, and what ours of the same names do."""

from __future__ import annotations

import os
from typing import Any

import pytest

from headrace.config import ConfigKey
from headrace.spi.plugins import PluginKind, PluginRegistry
from tests.parity.frame.oracle import Oracle

SCRIPTED = {"io.debezium.transforms.Filter", "io.debezium.transforms.ContentBasedRouter"}
NAMES = sorted(
    entry.class_name
    for entry in PluginRegistry.discover().entries(PluginKind.TRANSFORMATION)
    if entry.class_name.startswith("io.debezium.")
    and (entry.class_name not in SCRIPTED or "HEADRACE_ORACLE_JARS" in os.environ)
)
OURS_ALONE = {
    # Read by the original as well, which does not declare them.
    "ByLogicalTableRouter": {"key.field.name", "schema.name.adjustment.mode"},
    "ExtractNewRecordState": {"replace.null.with.default"},
    "EventRouter": {"field.name.adjustment.mode", "table.fields.additional.error.on.missing"},
    "TimescaleDb": {f"database.{name}" for name in ("hostname", "port", "user", "password", "dbname", "sslmode")},
}


def _told(key: ConfigKey) -> dict[str, Any]:
    default = key.default if not key.required else None
    if isinstance(default, bool):
        default = str(default).lower()
    return {
        "type": key.type.value,
        "default_value": None if default is None else str(default),
        "importance": key.importance.name,
        "width": key.width.name,
        "display_name": key.display_name,
        "group": key.group,
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_are_declared_alike(name: str, oracle: Oracle) -> None:
    theirs = {key["name"]: key for key in oracle.ask({"op": "configdef", "class": name})["ok"]}
    ours = {key.name: key for key in PluginRegistry.discover().load(PluginKind.TRANSFORMATION, name).config()}
    assert set(ours) - set(theirs) == OURS_ALONE.get(name.rpartition(".")[2], set())
    for setting, their in theirs.items():
        told = _told(ours[setting])
        assert told == {attribute: their[attribute] for attribute in told}, setting
        # What the original asks for when it is configured is required here from the start.
        assert ours[setting].required or not their["required"], setting
