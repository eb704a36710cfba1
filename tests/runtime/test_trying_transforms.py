"""Settings of transforms that are refused only when seen together are refused when the connector is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from headrace.config import ConfigDef
from headrace.data import ConnectRecord
from headrace.runtime.validation import validate
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry
from headrace.spi.transform import Transform

_CONNECTOR = {
    "name": "c",
    "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "topic": "t",
    "file": "/nowhere",
    "transforms": "a",
}


class Breaking(Transform[ConnectRecord]):
    """Fails in its own way when configured, and when closed before it is configured."""

    seen: ClassVar[list[str]] = []

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None:
        self.seen.extend(sorted(props))
        if "fine" not in props:
            raise KeyError("broken")
        self.opened = True

    def apply(self, record: ConnectRecord) -> ConnectRecord | None:
        return record

    def close(self) -> None:
        assert self.opened
        self.seen.append("closed")


def _errors(**settings: str) -> dict[str, list[str]]:
    registry = PluginRegistry.discover()
    mine = PluginEntry("kit.Breaking", PluginKind.TRANSFORMATION, f"{__name__}:Breaking")
    registry = PluginRegistry([*(entry for kind in PluginKind for entry in registry.entries(kind)), mine])
    given = {f"transforms.a.{name.replace('__', '.')}": value for name, value in settings.items()}
    result = validate(registry, {}, {**_CONNECTOR, **given})
    return {entry["value"]["name"]: entry["value"]["errors"] for entry in result.configs if entry["value"]["errors"]}


def test_a_replacement_with_a_group_that_the_expression_does_not_have() -> None:
    kind = "org.apache.kafka.connect.transforms.RegexRouter"
    found = _errors(type=kind, regex="(a)", replacement="$3")
    assert list(found) == ["transforms.a.replacement"]
    assert "configuration transforms.a.replacement: No group 3" in found["transforms.a.replacement"][0]
    assert _errors(type=kind, regex="(a)", replacement="$1") == {}


def test_an_expression_of_the_other_language() -> None:
    settings = {"type": "io.debezium.transforms.Filter", "language": "jsr223.groovy"}
    found = _errors(**settings, condition="value.op === 'c'")
    assert list(found) == ["transforms.a.condition"]
    assert "(column 10)" in found["transforms.a.condition"][0]
    assert _errors(**settings, condition="value.op == 'c'", predicate="") == {}


def test_what_concerns_no_single_setting_stands_at_the_type() -> None:
    found = _errors(type="org.apache.kafka.connect.transforms.InsertField$Value")
    assert found == {"transforms.a.type": ["No field insertion configured"]}


@pytest.mark.parametrize("fine", [True, False])
def test_transforms_of_others(fine: bool) -> None:
    Breaking.seen.clear()
    found = _errors(type="kit.Breaking", negate="false", **({"fine": "1"} if fine else {}))
    assert ("transforms.a.type" in found) is not fine
    assert Breaking.seen == (["fine", "closed"] if fine else [])
