"""What the suites for transforms and converters notice even where little is given to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.testing.test_conformance import Loud

from headrace.data import Schema
from headrace.errors import ConfigException, ConnectException
from headrace.spi import ConfigDef, Converter, SchemaAndValue, SourceConnector, SourceTask
from headrace.testing import ConverterConformance, SourceRun, sink_record


class Lossy(Converter):
    """Whole numbers are read back as floating ones, which compare equal."""

    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None: ...

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        return None if value is None else str(float(value)).encode()

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, None if data is None else float(data))


class Floats(ConverterConformance):
    converter = Lossy
    given: tuple[tuple[Schema | None, Any], ...] = ((None, 1.5),)

    def data(self) -> Sequence[tuple[Schema | None, Any]]:
        return self.given


class TestFloats(Floats):
    pass


@pytest.mark.parametrize(("given", "said"), [((), "data\\(\\) gives none"), (((None, 1),), "1 came back as 1.0")])
def test_wrong_converters_are_noticed(given: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        type("Changed", (Floats,), {"given": given})().test_what_is_written_is_read_back()


def test_tombstones_are_tried_for_records_without_keys() -> None:
    class Keyless(Loud):
        tombstones = "drops"

        def records(self) -> Sequence[Any]:
            return [sink_record("t", None, {"name": "x"})]

    with pytest.raises(AssertionError, match="the transform passes it, declared is 'drops'"):
        Keyless().test_tombstones()


def test_a_connector_that_cannot_start_is_stopped() -> None:
    """It may have begun something."""
    stopped = []

    class Broken(SourceConnector):
        @classmethod
        def config(cls) -> ConfigDef:
            return ConfigDef()

        def start(self, props: Any) -> None:
            raise ConnectException("no")

        def task_class(self) -> type[SourceTask]:
            raise AssertionError

        def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
            return []

        def stop(self) -> None:
            stopped.append(True)

    with pytest.raises(ConnectException) as failed:
        SourceRun(Broken, {}).start()
    assert not isinstance(failed.value, ConfigException)
    assert stopped
