"""The transform: the kit's suite for any transform, the rules, and where bad records go in a whole pipeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from headrace.data import SinkRecord
from headrace.errors import DataException
from headrace.spi import ConfigDef, SinkConnector, SinkTask
from headrace.testing import TransformConformance, plain, run_sink, run_transform, sink_record
from mapping_transform import MappingTransform, rules

MOMENT = dt.datetime(2024, 5, 6, 5, 8, 9, 123000, tzinfo=dt.UTC)
CONFIG = {"field.mapping": "user_name:name, mail:email"}
ROW = {"id": 1, "user_name": "Jane", "mail": " Jane@Example.COM ", "created_at": 1714972089123, "note": None}
RESULT = {"id": 1, "name": "Jane", "email": "jane@example.com", "created_at": "2024-05-06T05:08:09.123Z", "note": None}


class TestMaps(TransformConformance):
    transform = MappingTransform
    schemaless = True
    refused = (
        ({"field.mapping": "no colon"}, "field.mapping"),
        ({"field.mapping": "a:b,c:b"}, "field.mapping"),
        ({"data.type": "xml"}, "data.type"),
    )

    def config(self) -> dict[str, str]:
        return {**CONFIG, "data.type": "json" if self.schemaless else "avro"}

    def record(self, row: Mapping[str, Any]) -> SinkRecord:
        return sink_record("users", {"id": 1}, dict(row), schemaless=self.schemaless)

    def records(self) -> Sequence[SinkRecord]:
        return [self.record(ROW), self.record({**ROW, "created_at": MOMENT}), self.record({"id": 2, "name": "Joe"})]

    def expected(self) -> Sequence[Any]:
        return [RESULT, RESULT, {"id": 2, "name": "Joe"}]

    def refused_records(self) -> Sequence[SinkRecord]:
        return [
            self.record({"id": 1}),
            self.record({**ROW, "user_name": ""}),
            self.record({**ROW, "mail": "no address"}),
            self.record({**ROW, "created_at": "yesterday"}),
            self.record({**ROW, "name": "two of them"}),
            sink_record("users", {"id": 1}, ROW, schemaless=not self.schemaless),
            sink_record("users", {"id": 1}, "text", schemaless=self.schemaless),
        ]


class TestStructs(TestMaps):
    schemaless = False


def test_validation_can_be_off() -> None:
    record = sink_record("users", {"id": 1}, {"email": "A@b"}, schemaless=True)
    run = run_transform(MappingTransform, {"validation.enabled": "false"}, [record])
    assert run.records[0].value == {"email": "a@b"}


def test_optional_stays_optional() -> None:
    run = run_transform(MappingTransform, {**CONFIG, "data.type": "avro"}, [sink_record("t", 1, {**ROW, "mail": None})])
    assert plain(run.records[0].value) == {**RESULT, "email": None}


@pytest.mark.parametrize(
    "value",
    [1714972089123, "2024-05-06T07:08:09.123+02:00", "2024-05-06 05:08:09.123", MOMENT, MOMENT.replace(tzinfo=None)],
)
def test_moments(value: Any) -> None:
    assert rules.timestamp(value) == "2024-05-06T05:08:09.123Z"


@pytest.mark.parametrize("value", [True, 10**18, "", "13:00", 1.5, b"2024"])
def test_no_moments(value: Any) -> None:
    with pytest.raises(DataException):
        rules.timestamp(value)


class Collect(SinkConnector):
    """Keeps what comes."""

    values: ClassVar[list[Any]] = []

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def start(self, props: Mapping[str, str]) -> None: ...

    def stop(self) -> None: ...

    def task_class(self) -> type[SinkTask]:
        return CollectTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [{}]


class CollectTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None: ...

    def stop(self) -> None: ...

    def put(self, records: Sequence[SinkRecord]) -> None:
        Collect.values += [record.value for record in records]


PIPELINE = {
    "transforms": "map",
    "transforms.map.type": "MappingTransform",
    "transforms.map.field.mapping": CONFIG["field.mapping"],
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
}


@pytest.fixture
def pipeline() -> dict[str, str]:
    Collect.values.clear()
    return dict(PIPELINE)


def users() -> list[SinkRecord]:
    rows = [ROW, {"id": 2}, {**ROW, "id": 3}]
    return [sink_record("users", {"id": row["id"]}, row, schemaless=True) for row in rows]


def test_a_bad_record_fails_the_task(pipeline: dict[str, str]) -> None:
    with pytest.raises(DataException, match="required field name is missing"):
        run_sink(Collect, pipeline, users(), plugins=[MappingTransform])


def test_a_bad_record_becomes_a_dead_letter(pipeline: dict[str, str]) -> None:
    pipeline |= {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    run = run_sink(Collect, pipeline, users(), plugins=[MappingTransform])
    assert [value["id"] for value in Collect.values] == [1, 3]
    assert run.dead_letters == [b'{"id":2}']
