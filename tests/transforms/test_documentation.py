"""The page on transforms names every transform there is and none else, and its examples are taken."""

from __future__ import annotations

import json
import re
from pathlib import Path

from headrace.spi.plugins import PluginKind, PluginRegistry

PAGE = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text()


def _documented() -> set[str]:
    names: set[str] = set()
    package = ""
    for line in PAGE.partition("## Outbox")[0].splitlines():
        if heading := re.match(r"`([a-z.]+)…`", line):
            package = heading[1]
        elif line.startswith("| ") and not line.startswith("| class"):
            names |= {package + name.strip() for name in line.split("|")[1].split(",")}
    return names


def test_every_transform_is_listed() -> None:
    originals = {
        entry.class_name.partition("$")[0]
        for entry in PluginRegistry.discover().entries(PluginKind.TRANSFORMATION)
        if entry.class_name.startswith(("org.apache.kafka.connect.transforms.", "io.debezium."))
    }
    assert originals == _documented()


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
