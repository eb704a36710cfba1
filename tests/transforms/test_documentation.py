"""The page on transforms names every transform there is and none else, and its examples are taken."""

from __future__ import annotations

import json
import re
from pathlib import Path

from headrace.spi.plugins import PluginKind, PluginRegistry
from headrace.spi.transform import Transform

PAGE = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text()


def _documented() -> set[str]:
    return set(_in_columns())


def _in_columns() -> dict[str, str]:
    """What the tables say of each class: whether it works on columns."""
    names: dict[str, str] = {}
    package = ""
    for line in PAGE.partition("## Outbox")[0].splitlines():
        if heading := re.match(r"`([a-z.]+)…`", line):
            package = heading[1]
        elif line.startswith("| ") and not line.startswith("| class"):
            cells = line.split("|")
            names |= {package + name.strip(): cells[3].strip() for name in cells[1].split(",")}
    return names


def test_every_transform_is_listed() -> None:
    originals = {
        entry.class_name.partition("$")[0]
        for entry in PluginRegistry.discover().entries(PluginKind.TRANSFORMATION)
        if entry.class_name.startswith(("org.apache.kafka.connect.transforms.", "io.debezium."))
    }
    assert originals == _documented()


def test_those_that_work_on_columns_are_told() -> None:
    told = _in_columns()
    for entry in PluginRegistry.discover().entries(PluginKind.TRANSFORMATION):
        said = told.get(entry.class_name.partition("$")[0])
        if said is not None:
            kind = PluginRegistry.discover().load(PluginKind.TRANSFORMATION, entry.class_name)
            works = kind.apply_block is not Transform.apply_block
            assert said.startswith("yes" if works else "no"), entry.class_name


def test_the_examples_are_taken() -> None:
    registry = PluginRegistry.discover()
    configured = []
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        example = json.loads(block)
        for alias in example["transforms"].split(","):
            prefix = f"transforms.{alias}."
            own = {key.removeprefix(prefix): value for key, value in example.items() if key.startswith(prefix)}
            kind = registry.load(PluginKind.TRANSFORMATION, own.pop("type"))
            kind().configure(own)
            assert set(own) <= set(kind.config().names())
            configured.append(alias)
    assert configured == ["outbox", "keep", "route"]
