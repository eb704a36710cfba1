"""The parity corpora's records as blocks: every transform and predicate gives for a block what it gives for its records."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from headrace.data import SinkRecord
from headrace.native import core
from headrace.spi.plugins import PluginKind, PluginRegistry
from tests.parity import neutral
from tests.parity.frame import corpora
from tests.transforms.block_rows import OFFSETS, PARTITION, block_of, compare

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")
AREAS = ("transforms", "routing", "times", "debezium_transforms", "debezium_values", "debezium_outbox")
REGISTRY = PluginRegistry.discover()
KINDS = {"transform": PluginKind.TRANSFORMATION, "predicate": PluginKind.PREDICATE}


def maker(case: dict[str, Any]) -> Any:
    def make() -> Any:
        instance = REGISTRY.load(KINDS[case["op"]], case["class"])()
        instance.configure(dict(case.get("config", {})))
        return instance

    return make


def groups(case: dict[str, Any]) -> list[list[Any]]:
    """The case's records, those together that may be of one block."""
    reader = neutral.Reader()
    found: list[list[Any]] = []
    for form in case["records"]:
        record = reader.record(form, case.get("record_class", "source"))
        for group in found:
            if fits(group, record):
                group.append(record)
                break
        else:
            found.append([record])
    for group in found:
        for number, record in enumerate(group):
            if isinstance(record, SinkRecord):
                record.original_offset = record.offset = number
            else:
                record.source_partition, record.source_offset = PARTITION, OFFSETS[number * 3]
    return found


def fits(group: list[Any], record: Any) -> bool:
    first = group[0]
    same = (first.topic, first.partition) == (record.topic, record.partition)
    if not same or repr(first.header_items) != repr(record.header_items):
        return False
    for side in ("key", "value"):
        schemas = {getattr(one, side + "_schema") for one in [*group, record]}
        typed = [one for one in [*group, record] if getattr(one, side) is None and getattr(one, side + "_schema")]
        if len(schemas - {None}) > 1 or typed:
            return False
    return True


@pytest.mark.parametrize("area", AREAS)
def test_blocks_of_a_corpus(area: str) -> None:
    outcomes: Counter[str] = Counter()
    for name, case in corpora.cases(area).items():
        if case["op"] not in KINDS:
            continue
        make = maker(case)
        try:
            make()
        except Exception:
            continue
        for group in groups(case):
            if case["op"] == "predicate":
                predicate_agrees(make(), group)
                continue
            try:
                outcome = compare(make, group)
            except AssertionError as error:
                raise AssertionError(f"{area} {name}") from error
            outcomes["none" if outcome is None else "taken" if outcome.taken else "left"] += 1
    if area in ("transforms", "routing", "times", "debezium_transforms"):
        assert outcomes["taken"] > 100, outcomes


def predicate_agrees(predicate: Any, group: list[Any]) -> None:
    made = block_of(group)
    if made is None:
        return
    mask = predicate.test_block(made[0])
    assert [mask[row] for row in range(len(mask))] == [predicate.test(record) for record in group]
