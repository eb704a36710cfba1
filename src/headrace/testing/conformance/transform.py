"""The suites for any transform and any predicate.

    class TestUpper(TransformConformance):
        transform = Upper

        def config(self): return {"field": "name"}
        def records(self): return [sink_record("t", {"id": 1}, {"name": "jane"})]
        def expected(self): return [{"name": "JANE"}]

What is asked: batches and single records agree; nothing is changed that others may hold; tombstones and schemaless values are
treated as declared; results fit their schemas; a refused record is a DataException that leaves the record as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from headrace.data import STRING_SCHEMA, ConnectRecord, Struct
from headrace.data.validation import validate_value
from headrace.errors import ConnectException, RetriableException
from headrace.spi.transform import Predicate, Transform
from headrace.testing.conformance.common import ComponentTests, check, skip
from headrace.testing.records import plain

Treatment = Literal["passes", "drops", "refuses", "changes"]
"""What becomes of a record: handed on as it is, dropped, refused with an exception, or changed."""


class TransformConformance(ComponentTests):
    """Subclass it as `Test…`; see the module's docstring."""

    transform: type[Transform[Any]]
    tombstones: ClassVar[Treatment] = "passes"
    """What becomes of a record with a key and the value null."""
    nulls: ClassVar[Treatment] = "passes"
    """What becomes of a record with neither key nor value."""
    in_place: ClassVar[bool] = False
    """True: a record's own key, value and headers may be changed. Schemas never, nor a record that is refused."""
    keeps: ClassVar[Sequence[str]] = ("topic", "partition", "timestamp", "key", "headers")
    """Attributes of a record that the result has unchanged."""

    def records(self) -> Sequence[ConnectRecord]:
        """Records with values that go through; made anew on each call."""
        raise NotImplementedError(f"{type(self).__name__} must give records that go through: records().")

    def expected(self) -> Sequence[Any] | None:
        """The values of the results, structs as dicts, None for a record that is dropped. Default None: not compared."""
        return None

    def refused_records(self) -> Sequence[ConnectRecord]:
        """Records that must be refused; made anew on each call."""
        return ()

    def subject(self) -> Any:
        return self.transform

    # ---- the tests ------------------------------------------------------------------------------

    def test_results_are_as_expected(self) -> None:
        expected = self.expected()
        if expected is None:
            skip("expected() is not given")
            return
        found = [None if r is None else plain(r.value) for r in self._apply(self.records())]
        check(found == list(expected), f"The values are {found}, expected are {list(expected)}.")

    def test_batches_and_records_agree(self) -> None:
        one_by_one = self._apply(self.records())
        instance = self._instance()
        batched = instance.apply_batch(list(self.records()))
        check(
            len(batched) == len(one_by_one), f"apply_batch gave {len(batched)} results for {len(one_by_one)} records."
        )
        for single, result in zip(one_by_one, batched, strict=True):
            check(_state(single) == _state(result), f"apply gives {single}, apply_batch {result}.")
        check(list(instance.apply_batch([])) == [], "apply_batch of nothing must be nothing.")

    def test_results_do_not_depend_on_what_came_before(self) -> None:
        forwards = self._apply(self.records())
        backwards = self._apply(list(reversed(self.records())))
        for one, other in zip(forwards, reversed(backwards), strict=True):
            check(_state(one) == _state(other), f"In another order of records the result is {other} instead of {one}.")

    def test_what_is_kept(self) -> None:
        for record, result in zip(self.records(), self._apply(self.records()), strict=True):
            if result is None:
                continue
            before, after = _state(record), _state(result)
            for name in self.keeps:
                check(before[name] == after[name], f"{name} was {before[name]!r} and is {after[name]!r}.")
            check(type(result) is type(record), f"A {type(record).__name__} became a {type(result).__name__}.")
            for slot in ("source_partition", "source_offset", "offset", "original_offset"):
                if hasattr(record, slot):
                    same = getattr(result, slot) == getattr(record, slot)
                    check(same, f"{slot} must stay: make copies with record.new_record(…).")

    def test_results_fit_their_schemas(self) -> None:
        for result in self._apply(self.records()):
            if result is not None:
                for schema, value in ((result.key_schema, result.key), (result.value_schema, result.value)):
                    if schema is not None:
                        validate_value(schema, value)
                        check(
                            not isinstance(value, Struct) or value.schema == schema,
                            "The value's own schema is not the record's value_schema.",
                        )

    def test_the_input_is_left_alone(self) -> None:
        records = self.records()
        before = [_state(record) for record in records]
        self._apply(records)
        for record, state in zip(records, before, strict=True):
            names = ("key_schema", "value_schema") if self.in_place else tuple(state)
            for name in names:
                after = _state(record)[name]
                check(after == state[name], f"apply changed the {name} of its input from {state[name]!r} to {after!r}.")

    def test_tombstones(self) -> None:
        for sample in self._samples():
            key = (sample.key_schema, sample.key) if sample.key is not None else (STRING_SCHEMA, "key")
            record = sample.new_record(key_schema=key[0], key=key[1], value=None, value_schema=None)
            self._check_treatment(record, self.tombstones)

    def test_records_of_nothing(self) -> None:
        for sample in self._samples():
            self._check_treatment(
                sample.new_record(key=None, key_schema=None, value=None, value_schema=None), self.nulls
            )

    def test_refused_records(self) -> None:
        instance = self._instance()
        for record in self.refused_records():
            before = _state(record)
            try:
                result = instance.apply(record)
            except RetriableException as error:
                raise AssertionError(f"A bad record does not get better by waiting: {error}") from error
            except ConnectException:
                check(_state(record) == before, f"A refused record must stay as it was; it became {record}")
            else:
                raise AssertionError(f"{record} was taken and gave {result}.")

    # ---- helpers --------------------------------------------------------------------------------

    def _instance(self) -> Transform[Any]:
        instance = self.transform()
        instance.configure(self.config())
        return instance

    def _apply(self, records: Sequence[ConnectRecord]) -> list[ConnectRecord | None]:
        instance = self._instance()
        return [instance.apply(record) for record in records]

    def _samples(self) -> Sequence[ConnectRecord]:
        records = self.records()
        check(records, "records() gives none.")
        return records[:3]

    def _check_treatment(self, record: ConnectRecord, wanted: Treatment) -> None:
        before = _state(record)
        try:
            result = self._instance().apply(record)
        except ConnectException:
            found: Treatment = "refuses"
        else:
            found = "drops" if result is None else "passes" if _state(result) == before else "changes"
        check(found == wanted, f"{record}: the transform {found} it, declared is {wanted!r}.")


class PredicateConformance(ComponentTests):
    """For any predicate: give records for which it holds, and records for which it does not."""

    predicate: type[Predicate[Any]]

    def holds_for(self) -> Sequence[ConnectRecord]:
        raise NotImplementedError(f"{type(self).__name__} must give records for which the predicate holds.")

    def fails_for(self) -> Sequence[ConnectRecord]:
        raise NotImplementedError(f"{type(self).__name__} must give records for which the predicate does not hold.")

    def subject(self) -> Any:
        return self.predicate

    def test_it_holds(self) -> None:
        self._check(self.holds_for(), True)

    def test_it_does_not_hold(self) -> None:
        self._check(self.fails_for(), False)

    def _check(self, records: Sequence[ConnectRecord], wanted: bool) -> None:
        check(records, "No record to test with.")
        instance = self.predicate()
        instance.configure(self.config())
        for record in records:
            before = _state(record)
            check(instance.test(record) is wanted, f"test({record}) must be {wanted}.")
            check(_state(record) == before, f"test must not change the record; it became {record}")


def _state(record: ConnectRecord | None) -> Mapping[str, Any]:
    """All that a record says, in a form that does not change with it."""
    if record is None:
        return {"dropped": True}
    return {
        "topic": record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp,
        "key_schema": _schema_state(record.key_schema),
        "key": _value_state(record.key),
        "value_schema": _schema_state(record.value_schema),
        "value": _value_state(record.value),
        "headers": [(h.key, _schema_state(h.schema), _value_state(h.value)) for h in record.header_items],
    }


def _schema_state(schema: Any) -> Any:
    if schema is None:
        return None
    fields = tuple((field.name, _schema_state(field.schema)) for field in schema.fields)
    children = (_schema_state(schema.key_schema), _schema_state(schema.value_schema))
    parameters = tuple(sorted((schema.parameters or {}).items()))
    return (
        schema.type.value,
        schema.optional,
        schema.name,
        schema.version,
        schema.doc,
        parameters,
        repr(schema.default),
        fields,
        children,
    )


def _value_state(value: Any) -> Any:
    if isinstance(value, Struct):
        return ("struct", [_value_state(item) for item in value.values])
    if isinstance(value, dict):
        return {key: _value_state(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_value_state(item) for item in value]
    return copy.copy(value)
