"""A real server's stream of all its types, through the Rust core and through the Python decoder, in every handling mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from tests.native.same import shown_record
from tests.parity.corpus.postgres_types import MODES, Mode
from tests.parity.postgres.lab import Lab

from headrace.data import SourceRecord
from headrace.data.batch import Block, SourceBatch
from headrace.native import core
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.offsets import Position
from headrace.sources.postgres.session import PgSession
from headrace.sources.postgres.shapes import Catalog
from headrace.sources.postgres.stream.native_stream import NativeStream
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.systems.postgres import ReplicationConnection, lsn_to_int
from headrace.systems.postgres.framing import Framer
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

CLOCK = Clock.at(1_700_000_000_123_456_789)
SAMPLE = (
    "default",
    "time-isostring",
    "decimal-string",
    "binary-base64",
    "unknown",
    "hstore-map",
    "truncate",
    "mask-key",
)
NO_LIMIT = 1 << 31


class Captured(NamedTuple):
    lab: Lab
    start: int
    chunks: list[bytes]


@pytest.fixture(scope="module")
def captured(postgres: PostgresServer) -> Iterator[Captured]:
    """The stream of the corpus as it came, cut as it came."""
    lab = Lab(postgres)
    try:
        session = _session(lab, MODES[0])
        with ReplicationConnection(session.target) as connection:
            start = connection.create_slot("types_native", temporary=True).consistent_lsn
            lab.stream()
            row = lab.sql.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
            assert row is not None
            connection.start_replication(
                "types_native", start, {"proto_version": "1", "publication_names": '"pub"', "messages": "true"}
            )
            chunks: list[bytes] = []
            framer, reached = Framer(), 0
            while reached < lsn_to_int(row[0]):
                chunk = connection.read_chunk(timeout_s=10)
                assert chunk, "the stream is behind"
                chunks.append(chunk)
                payloads: list[bytes] = []
                framer.feed_copy(chunk, payloads)
                # Begin and end of what is sent, or the server's own position.
                reached = max(reached, *(int.from_bytes(p[1:9]) for p in payloads), 0)
                reached = max(reached, *(int.from_bytes(p[9:17]) for p in payloads if p[:1] == b"w"), 0)
        yield Captured(lab, start, chunks)
    finally:
        lab.close()


def _session(lab: Lab, mode: Mode) -> PgSession:
    config = PostgresConfig.parse(lab.config(mode))
    return PgSession(config, config.target("test"))


def _decoder(session: PgSession, start: int) -> StreamDecoder:
    catalog = Catalog(session.connections.sql)

    def open_table(relation: Any) -> Any:
        if not session.capture(relation.schema, relation.table):
            return None
        return session.codecs.of(catalog.of_relation(relation))

    return StreamDecoder(
        session.maker,
        session.config.rules(),
        Position(start),
        start,
        {},
        open_table,
        session.codecs.refresh_enum,
        lambda codec, texts: None,
    )


def _by_twin(decoder: StreamDecoder, chunks: Sequence[bytes]) -> list[list[SourceRecord]]:
    framer, batches = Framer(), []
    for chunk in chunks:
        payloads: list[bytes] = []
        out: list[SourceRecord] = []
        framer.feed_copy(chunk, payloads)
        decoder.feed(payloads, 0, out, NO_LIMIT, CLOCK)
        decoder.handed_over()
        batches.append(out)
    return batches


def _by_core(
    decoder: StreamDecoder, chunks: Sequence[bytes], taken: Callable[[Block], None]
) -> list[list[SourceRecord]]:
    stream, batches = NativeStream(decoder), []
    for chunk in chunks:
        out: list[SourceRecord] = []
        stream.add(chunk)
        stream.feed(out, NO_LIMIT, CLOCK)
        batch = stream.batch(out, CLOCK)
        decoder.handed_over()
        if isinstance(batch, SourceBatch):
            for part in batch.parts:
                if isinstance(part, Block):
                    taken(part)
        batches.append(list(batch))
    return batches


def _compare(captured: Captured, mode: Mode) -> tuple[int, int]:
    """Answers how many records there were, and how many of them the core made."""
    session = _session(captured.lab, mode)
    blocks: list[Block] = []
    try:
        wanted = _by_twin(_decoder(session, captured.start), captured.chunks)
        made = _by_core(_decoder(session, captured.start), captured.chunks, blocks.append)
    finally:
        session.connections.close()
    for one, other in zip(made, wanted, strict=True):
        assert [shown_record(record) for record in one] == [shown_record(record) for record in other]
    return sum(map(len, wanted)), sum(map(len, blocks))


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.id in SAMPLE], ids=lambda mode: mode.id)
def test_all_types_are_the_twins(captured: Captured, mode: Mode) -> None:
    records, native = _compare(captured, mode)
    assert records
    if mode.id == "default":
        # Not those of the few types that only Python does, nor the values that it alone takes.
        assert native > records * 0.7, (native, records)


@pytest.mark.parity
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.id not in SAMPLE], ids=lambda mode: mode.id)
def test_all_types_are_the_twins_in_further_modes(captured: Captured, mode: Mode) -> None:
    _compare(captured, mode)
