"""The suite for any converter: what is written is read back, batches and single data agree, foreign bytes are refused.

class TestYaml(ConverterConformance):
    converter = YamlConverter

    def data(self): return [(None, {"id": 1}), (STRING_SCHEMA, "x")]
    def refused_bytes(self): return [b"\\xff"]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from headrace.data import Schema
from headrace.errors import DataException
from headrace.spi.converter import Column, Converter
from headrace.testing.conformance.common import ComponentTests, check


class ConverterConformance(ComponentTests):
    """Subclass it as `Test…`; see the module's docstring."""

    converter: type[Converter]
    schemas_kept: ClassVar[bool] = True
    """The schema is read back as well. False: values only."""

    def config(self) -> dict[str, str]:
        return {"converter.type": "value"}

    def data(self) -> Sequence[tuple[Schema | None, Any]]:
        """Schemas and values that the format can hold."""
        raise NotImplementedError(f"{type(self).__name__} must give data that the format can hold: data().")

    def refused_bytes(self) -> Sequence[bytes]:
        """Bytes that are not of the format."""
        return ()

    def refused_data(self) -> Sequence[tuple[Schema | None, Any]]:
        """Data that the format cannot hold."""
        return ()

    def subject(self) -> Any:
        return self.converter

    def test_what_is_written_is_read_back(self) -> None:
        converter, data = self._instance(), self.data()
        check(data, "data() gives none.")
        for schema, value in data:
            found = converter.to_connect_data("t", converter.from_connect_data("t", schema, value))
            same = found.value == value and type(found.value) is type(value)
            check(same, f"{value!r} came back as {found.value!r}.")
            if self.schemas_kept:
                check(found.schema == schema, f"The schema {schema!r} came back as {found.schema!r}.")

    def test_null(self) -> None:
        converter = self._instance()
        check(
            converter.from_connect_data("t", None, None) is None, "Null without schema must be no bytes: a tombstone."
        )
        found = converter.to_connect_data("t", None)
        check(found.value is None, f"A tombstone must be read as null, not as {found}.")

    def test_batches_and_single_data_agree(self) -> None:
        data = [*self.data(), (None, None), *self.data()]
        converter = self._instance()
        single = [converter.from_connect_data("t", schema, value) for schema, value in data]
        column = self._instance().encode_batch("t", [schema for schema, _ in data], [value for _, value in data])
        check(list(column) == single, "encode_batch and from_connect_data do not give the same bytes.")
        decoded = [converter.to_connect_data("t", datum) for datum in single]
        check(self._instance().decode_batch("t", Column(single)) == decoded, "decode_batch and to_connect_data differ.")
        check(self._instance().decode_batch("t", column) == decoded, "decode_batch differs for its own encode_batch.")

    def test_foreign_bytes_are_refused(self) -> None:
        for datum in self.refused_bytes():
            self._check_data_refused(lambda datum=datum: self._instance().to_connect_data("t", datum), datum)
            self._check_data_refused(lambda datum=datum: self._instance().decode_batch("t", Column([datum])), datum)

    def test_data_that_does_not_fit_is_refused(self) -> None:
        for schema, value in self.refused_data():
            self._check_data_refused(lambda s=schema, v=value: self._instance().from_connect_data("t", s, v), value)

    def _check_data_refused(self, action: Any, what: Any) -> None:
        try:
            result = action()
        except DataException:
            return
        raise AssertionError(f"{what!r} must be refused with DataException; it gave {result!r}.")

    def _instance(self) -> Converter:
        instance = self.converter()
        instance.configure(self.config())
        return instance
