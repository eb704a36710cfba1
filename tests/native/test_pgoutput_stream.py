"""The core's stream against the Python decoder, which defines it: the same messages, cut anywhere, give the same records."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.native.same import shown_record
from tests.sources.postgres import offline
from tests.sources.postgres.offline import UNSENT, Offline

from headrace.data import SourceRecord
from headrace.data.batch import Block, SourceBatch
from headrace.native import core
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.offsets import Position
from headrace.sources.postgres.signals.signalled_stream import SignalledStream
from headrace.sources.postgres.stream.native_stream import NativeStream
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.systems.postgres.framing import Framer

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

CLOCK = Clock.at(1_700_000_000_123_456_789)
NO_LIMIT = 1 << 31
slowly = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)


class Column(NamedTuple):
    key: bool
    name: str
    type: str
    typmod: int
    required: bool


class Table(NamedTuple):
    oid: int
    name: str
    identity: str
    columns: tuple[Column, ...]

    def message(self) -> bytes:
        columns = [(c.key, c.name, self.type_oid(c), c.typmod) for c in self.columns]
        return offline.relation(self.oid, self.name, self.identity, columns)

    @staticmethod
    def type_oid(column: Column) -> int:
        return offline.ARRAYS[column.type[1:]] if column.type.startswith("_") else offline.OIDS[column.type]


# Values ------------------------------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "int4": st.integers(-9, 9).map(str),
    "int8": st.integers(-(2**63), 2**63 - 1).map(str),
    "bool": st.sampled_from("tf"),
    "text": words,
    "varchar": words | st.just("x" * 300),
    "jsonb": st.sampled_from(['{"a": 1}', "[]", "null"]),
    "float8": st.sampled_from(["1.5", "-0", "0", "NaN", "Infinity", "1e+300"]),
    "numeric": st.sampled_from(["1.50", "0.00", "-12.34", "99999999.99", "1", "NaN"]),
    "date": st.sampled_from(["2020-01-02", "infinity", "0044-03-15 BC"]),
    "timestamp": st.sampled_from(["2020-01-02 03:04:05", "2020-01-02 03:04:05.123456", "-infinity", "10000-01-01 00:00:00"]),
    "timestamptz": st.sampled_from(["2020-01-02 03:04:05.123456+00", "2020-01-02 03:04:05+00"]),
    "timetz": st.sampled_from(["01:00:00+01", "00:00:00+00"]),
    "bytea": st.binary(max_size=4).map(lambda raw: f"\\x{raw.hex()}"),
    "uuid": st.sampled_from(["b68a35a7-17ad-35b3-af2a-ae46edb4545a", "b68a35a7-17ad-35b3-af2a-ae46edb4545b"]),
    "bit": st.sampled_from("01"),
    "varbit": st.text("01", max_size=9),
    "mood": st.sampled_from(["sad", "ok"]) | st.sampled_from(["sad", "ok", "new"]),
    "line": st.just("{1,2,3}"),
    "point": st.just("(1,2.5)"),
    "_int4": st.sampled_from(["{}", "{1,NULL,3}", "{{1,2},{3,4}}"]),
    "_text": st.sampled_from(["{}", '{a,"b,c",NULL}']),
    "_mood": st.sampled_from(["{ok}", "{sad,new}", "{}"]),
}  # fmt: skip
LONG = frozenset({"text", "varchar", "jsonb", "bytea", "_int4", "_text", "numeric", "varbit", "_mood", "line"})
TYPMODS = {
    "numeric": [-1, (10 << 16 | 2) + 4, (10 << 16 | (-1 & 0x7FF)) + 4],
    "bit": [1, 5],
    "varbit": [1, 20],
    "timestamp": [-1, 3],
}


@st.composite
def tables(draw: st.DrawFn, oid: int) -> Table:
    count = draw(st.integers(1, 5))
    identity = draw(st.sampled_from("ddffin"))
    columns = []
    for number in range(count):
        type = draw(st.sampled_from(sorted(VALUES))) if draw(st.booleans()) else draw(st.sampled_from(["int4", "text"]))
        key = identity == "f" or (identity in "di" and draw(st.booleans()))
        typmod = draw(st.sampled_from(TYPMODS.get(type, [-1])))
        columns.append(Column(key, f"c{number}", type, typmod, draw(st.booleans())))
    return Table(oid, f"t{oid}", identity, tuple(columns))


def value(draw: st.DrawFn, column: Column, *, unsent: bool, nulls: bool = True) -> Any:
    kind = draw(st.integers(0, 19))
    if kind == 0 and nulls and not (column.required and draw(st.integers(0, 9))):
        return None
    if unsent and kind < 6 and column.type in LONG:
        return UNSENT
    return draw(VALUES[column.type])


def full_row(draw: st.DrawFn, table: Table, *, unsent: bool = False) -> list[Any]:
    return [value(draw, column, unsent=unsent) for column in table.columns]


def change(draw: st.DrawFn, table: Table) -> bytes:
    kind = draw(st.sampled_from("iiiuuud"))
    new = full_row(draw, table, unsent=kind == "u")
    if kind == "i":
        return offline.insert(table.oid, new)
    old = full_row(draw, table)
    if draw(st.booleans()):
        # Mostly the key stays, and some of the rest.
        for at, column in enumerate(table.columns):
            if at == 0 or column.key or draw(st.booleans()):
                if new[at] is UNSENT:
                    continue
                old[at] = new[at]
    identity = [one if column.key else None for one, column in zip(old, table.columns, strict=True)]
    if kind == "d":
        if table.identity == "f":
            return offline.delete(table.oid, old, b"O")
        return offline.delete(table.oid, identity, b"K")
    if table.identity == "f":
        return offline.update(table.oid, new, old, b"O")
    if draw(st.integers(0, 3)) == 0:
        return offline.update(table.oid, new, identity, b"K")
    return offline.update(table.oid, new)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Table], list[bytes]]:
    """Tables, and messages about them."""
    count = draw(st.integers(1, 3))
    known = {oid: draw(tables(oid)) for oid in range(1, count + 1)}
    payloads: list[bytes] = []
    told: set[int] = set()
    lsn, everything = 1000, list(known.values())

    def send(message: bytes) -> None:
        payloads.append(offline.xlog(lsn, message))

    def tell(table: Table) -> None:
        send(table.message())
        told.add(table.oid)

    for number in range(draw(st.integers(1, 6))):
        lsn += draw(st.integers(1, 50))
        final = lsn + 1000
        send(offline.begin(final, draw(st.integers(0, 10**15)), 700 + number))
        if draw(st.integers(0, 9)) == 0:
            send(offline.origin(draw(st.integers(0, 99)), draw(words)))
        for _ in range(draw(st.integers(0, 8))):
            lsn += draw(st.integers(0, 2))
            oid = draw(st.integers(1, count))
            match draw(st.integers(0, 24)):
                case 0:
                    known[oid] = draw(tables(oid))
                    everything.append(known[oid])
                    tell(known[oid])
                case 1:
                    if told:
                        send(offline.truncate(*draw(st.lists(st.sampled_from(sorted(told)), max_size=2))))
                case 2:
                    send(offline.logical(lsn, draw(st.sampled_from(["p", "q"])), b"\x01\xff", True))
                case 3:
                    send(b"Y" + struct.pack(">I", 5) + b"public\0t\0")
                case 4:
                    payloads.append(offline.keepalive(lsn, draw(st.booleans())))
                case _:
                    if oid not in told:
                        tell(known[oid])
                    send(change(draw, known[oid]))
        lsn = final
        send(offline.commit(final, final + 8))
        lsn += 8
        if draw(st.integers(0, 5)) == 0:
            lsn += 5
            payloads.append(offline.xlog(lsn, offline.logical(lsn, "p", b"x", False)))
        if draw(st.booleans()):
            payloads.append(offline.keepalive(lsn, draw(st.booleans())))
    return everything, payloads


PROPS = st.fixed_dictionaries(
    {},
    optional={
        "tombstones.on.delete": st.just("false"),
        "skipped.operations": st.sampled_from(["none", "c", "d,t", "u"]),
        "skip.messages.without.change": st.just("true"),
        "column.exclude.list": st.just("public.t1.c0"),
        "column.truncate.to.3.chars": st.just("public.t2.*"),
        "column.mask.with.4.chars": st.just("public.t1.c1"),
        "column.mask.hash.SHA-256.with.salt.x": st.just("public.t3.*"),
        "message.key.columns": st.just("public.t1:c0"),
        "include.unknown.datatypes": st.just("true"),
        "event.converting.failure.handling.mode": st.sampled_from(["fail", "skip"]),
        "event.processing.failure.handling.mode": st.sampled_from(["skip", "warn"]),
        "message.prefix.include.list": st.just("p"),
        "time.precision.mode": st.sampled_from(["connect", "isostring", "microseconds"]),
        "decimal.handling.mode": st.sampled_from(["string", "double"]),
        "binary.handling.mode": st.just("base64"),
        "field.name.adjustment.mode": st.just("avro"),
        "unavailable.value.placeholder": st.just("gone"),
    },
)


class Outcome(NamedTuple):
    batches: list[list[SourceRecord]]
    error: str
    states: list[Any]


def both(
    make: Callable[[], Offline],
    payloads: Sequence[bytes],
    cuts: Sequence[int],
    limit: int,
    start: Mapping[str, Any] | None = None,
    decode: Callable[[Offline, Position | None, int, Mapping[str, Any] | None], StreamDecoder] | None = None,
    for_core: Sequence[bytes] | None = None,
) -> tuple[Outcome, Outcome, int]:
    """Twin and core over the same bytes, cut at the same places; and how many rows of blocks the core made. `for_core`: the same
    messages in other bytes, which the core gets; both are cut between messages then."""
    whole: Sequence[Any] = offline.framed(payloads) if for_core is None else payloads
    bounds = [0, *sorted({cut % (len(whole) + 1) for cut in cuts}), len(whole)]
    parts = [(a, b) for a, b in pairwise(bounds) if a < b]
    chunks = [whole[a:b] if for_core is None else offline.framed(whole[a:b]) for a, b in parts]
    core_chunks = chunks if for_core is None else [offline.framed(for_core[a:b]) for a, b in parts]
    position = Position.of(start) if start else None
    lsn = position.commit_lsn if position else 1000
    open_decoder = decode or (lambda kit, *at: kit.decoder(*at))
    twin, framer = open_decoder(make(), position, lsn, start), Framer()
    found = Outcome([], "", [])

    def state(decoder: Any) -> Any:
        mark, *came = decoder.shared
        return (
            decoder.standing,
            dict(decoder.offset),
            asdict(decoder.counts),
            (mark.xid, mark.commit_us, mark.previous_end, *came),
            decoder.skipping,
            decoder.sequence_now(),
        )

    try:
        for chunk in chunks:
            given: list[bytes] = []
            framer.feed_copy(chunk, given)
            index = 0
            while index < len(given):
                out: list[SourceRecord] = []
                index = twin.feed(given, index, out, limit, CLOCK)
                found.states.append(state(twin))
                twin.reply_wanted = False
                if out:
                    twin.handed_over()
                    found.batches.append(out)
    except Exception as error:
        found = found._replace(error=repr(error))
    decoder = open_decoder(make(), position, lsn, start)
    stream = NativeStream(decoder)
    made = Outcome([], "", [])
    rows = 0
    try:
        for chunk in core_chunks:
            stream.add(chunk)
            first = True
            while first or stream.pending:
                first = False
                out = []
                if not stream.pending:
                    # The twin is not fed with nothing.
                    stream.feed(out, limit, CLOCK)
                    break
                assert stream.feed(out, limit, CLOCK) == b""
                made.states.append(state(decoder))
                decoder.reply_wanted = False
                if stream.made(out):
                    batch = stream.batch(out, CLOCK)
                    decoder.handed_over()
                    if isinstance(batch, SourceBatch):
                        rows += sum(len(part) for part in batch.parts if isinstance(part, Block))
                        assert [len(part) for part in batch.parts] == [len(part.ordinals) for part in batch.parts]
                    made.batches.append(list(batch))
    except Exception as error:
        made = made._replace(error=repr(error))
    return found, made, rows


def equal(found: Outcome, made: Outcome) -> None:
    assert made.error == found.error
    shown = [[shown_record(record) for record in batch] for batch in made.batches]
    assert shown == [[shown_record(record) for record in batch] for batch in found.batches]
    assert made.states == found.states


def offline_of(known: Sequence[Table], props: Mapping[str, str]) -> Callable[[], Offline]:
    required = {f"{table.name}.{column.name}" for table in known for column in table.columns if column.required}
    return lambda: Offline(props, required, captured=lambda name: name != "t3" or len(known) % 2 == 0)


@slowly
@given(streams(), PROPS, st.lists(st.integers(0, 1 << 20), max_size=6), st.sampled_from([1, 2, 3, NO_LIMIT]))
def test_the_same_records(
    given_stream: tuple[list[Table], list[bytes]], props: dict[str, str], cuts: list[int], limit: int
) -> None:
    known, payloads = given_stream
    found, made, _ = both(offline_of(known, props), payloads, cuts, limit)
    equal(found, made)


@slowly
@given(streams(), st.data(), st.lists(st.integers(0, 1 << 20), max_size=3))
def test_the_same_behind_every_offset(
    given_stream: tuple[list[Table], list[bytes]], data: st.DataObject, cuts: list[int]
) -> None:
    """A stream taken up again at the offset of one of its records, in the midst of a transaction or behind it."""
    known, payloads = given_stream
    make = offline_of(known, {})
    first, _, _ = both(make, payloads, [], NO_LIMIT)
    records = [record for batch in first.batches for record in batch]
    assume(records)
    start = dict(data.draw(st.sampled_from(records)).source_offset)
    found, made, _ = both(make, payloads, cuts, data.draw(st.sampled_from([1, NO_LIMIT])), start)
    equal(found, made)


def test_a_message_that_is_long_in_coming_counts_when_it_is_whole() -> None:
    known = [Table(1, "t1", "d", (Column(True, "c0", "int4", -1, True), Column(False, "c1", "text", -1, False)))]
    stream = NativeStream(offline_of(known, {})().decoder(None, 1000, None))
    row = offline.insert(1, ["1", "x" * (32 << 20)])
    stream.add(
        offline.framed([offline.xlog(2000, offline.begin(3000, 0, 700)), offline.xlog(2000, known[0].message())])
    )
    stream.feed([], NO_LIMIT, CLOCK)
    whole = offline.framed([offline.xlog(2000, row), offline.xlog(3000, offline.commit(3000, 3008))])
    stream.add(whole[: len(row)])
    stream.feed([], NO_LIMIT, CLOCK)
    assert [stream.pending for _ in range(5)] == [0] * 5
    stream.add(whole[len(row) :])
    assert stream.pending == 2
    out: list[SourceRecord] = []
    stream.feed(out, NO_LIMIT, CLOCK)
    [record] = stream.batch(out, CLOCK)
    assert len(record.value["after"]["c1"]) == 32 << 20


def test_a_table_whose_rows_are_seldom_for_the_core_rests() -> None:
    """Its rows go to the Python decoder by the run for a while, and come back."""
    table = Table(1, "t", "d", (Column(True, "id", "int4", -1, False), Column(False, "d", "date", -1, False)))
    rows = [[str(number), "0044-03-15 BC" if number < 400 else "2020-01-02"] for number in range(12_000)]
    payloads = [offline.xlog(900, table.message())]
    for number, row in enumerate(rows):
        lsn = 1000 + number * 100
        payloads += [
            offline.xlog(lsn, offline.begin(lsn + 50, number, number)),
            offline.xlog(lsn, offline.insert(1, row)),
            offline.xlog(lsn + 50, offline.commit(lsn + 50, lsn + 58)),
        ]
    found, made, native = both(offline_of([table], {}), payloads, range(0, 3_000_000, 40_000), NO_LIMIT)
    equal(found, made)
    assert 2_000 < native < 11_600


def test_tables_that_change_again_and_again_are_not_kept() -> None:
    known = [
        Table(1, "t1", "d", (Column(True, "id", "int4", -1, True), Column(False, f"c{n}", "text", -1, False)))
        for n in range(60)
    ]
    decoder = offline_of(known[:1], {})().decoder(None, 1000, None)
    stream = NativeStream(decoder)
    stream.add(offline.framed([offline.xlog(2000, offline.begin(90_000, 0, 700))]))
    stream.feed([], NO_LIMIT, CLOCK)
    for number, table in enumerate(known):
        rows = [offline.insert(1, [str(number), "x"]), offline.insert(1, [str(-number), "y"])]
        stream.add(offline.framed(offline.xlog(2001 + number, message) for message in (table.message(), *rows)))
        out: list[SourceRecord] = []
        stream.feed(out, NO_LIMIT, CLOCK)
        batch = stream.batch(out, CLOCK)
        assert isinstance(batch, SourceBatch)
        assert [(r.value["after"]["id"], r.value["after"][f"c{number}"]) for r in batch] == [
            (number, "x"),
            (-number, "y"),
        ]
        assert len(stream._codecs) == len(stream._numbers) == 1
        assert max(stream._codecs) <= 1


class Told:
    """Listens to a signalling table: every other row begins something that all offsets tell of, the others end it."""

    def __init__(self, stream: SignalledStream) -> None:
        self.stream = stream
        self.rows: list[Any] = []

    def signalled(self, values: Sequence[Any], *, deleted: bool, out: list[SourceRecord], clock: Clock) -> None:
        self.rows.append((repr(values), deleted, self.stream.xid))
        self.stream.carry({"incremental_snapshot_correlation_id": "x"} if len(self.rows) % 2 else None)


class Signalled(SignalledStream, StreamDecoder):
    pass


@slowly
@given(streams(), PROPS, st.lists(st.integers(0, 1 << 20), max_size=6), st.sampled_from([1, 2, NO_LIMIT]))
def test_the_same_with_a_signalling_table(
    given_stream: tuple[list[Table], list[bytes]], props: dict[str, str], cuts: list[int], limit: int
) -> None:
    """Its rows are for Python whatever is skipped, and so is all that comes while something runs beside the stream."""
    known, payloads = given_stream
    heard: list[Told] = []

    def decode(kit: Offline, *at: Any) -> StreamDecoder:
        decoder = kit.decoder(*at, made_of=Signalled)
        assert isinstance(decoder, Signalled)
        decoder.signal_tables, decoder.deletes = frozenset({"public.t1"}), True
        heard.append(Told(decoder))
        decoder.listener = heard[-1]  # type: ignore[assignment]
        decoder.prepare()
        assert decoder.by_core
        return decoder

    found, made, _ = both(offline_of(known, props), payloads, cuts, limit, None, decode)
    equal(found, made)
    assert heard[0].rows == heard[1].rows
