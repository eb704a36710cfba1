"""Segment files: written before the commit that refers to them, kept as long as anything does, and given back afterwards."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import (
    ConnectException,
    DataException,
    IllegalStateException,
    NotFoundException,
    RetriableException,
)
from headrace.foundation import failpoints
from headrace.log.embedded import segment_files as segment_files_module
from headrace.log.embedded import segment_writer as segment_writer_module
from headrace.log.embedded.database import Database
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.embedded.segment_files import OwnedSegment, SegmentFolder
from headrace.log.spi import EncodedBatch, Producer, TopicSpec
from tests.log.children import Child
from tests.log.helpers import (
    batch,
    drain,
    make_format_1,
    numbered,
    only_segments,
    segment_files,
    segment_rows,
    tp,
    triples,
    until,
    values_of,
)
from tests.log.processes import SMALL_QUOTA

OpenLog = Callable[..., EmbeddedLog]
LARGE = 100_000


def large(topic: str, first: int, count: int = 2) -> EncodedBatch:
    """Numbers, each followed by enough to make the batch go to a segment."""
    return batch(topic, [b"%d:" % n + b"x" * LARGE for n in range(first, first + count)])


def numbers(found: EncodedBatch | None) -> list[int]:
    return [int(value.split(b":")[0]) for value in found.values if value] if found else []


def on_disk(log: EmbeddedLog, folder: Path) -> int:
    """Bytes of all segments; fails unless the files are what the index says."""
    files = segment_files(folder)
    assert files == segment_rows(log)
    return sum(files.values())


def fill(producer: Producer) -> None:
    """Append until it fails."""
    for _ in range(500):
        producer.append([large("t", 0, 5)])


def test_small_appends_stay_in_the_index_and_large_ones_go_to_one_file(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([numbered("small", 0, 100)])
    assert segment_files(folder) == {}
    producer.append([large("t", 0), numbered("small", 100, 1), large("u", 0)])
    producer.append([large("t", 2)])
    assert len(segment_files(folder)) == 1
    assert on_disk(log, folder) > 6 * LARGE
    assert (folder / "log.db").stat().st_size < 200_000
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1, 2, 3]
    assert numbers(log.read(tp("u"), 1, 10)) == [1]
    assert values_of(filter(None, [log.read(tp("small"), 99, 10)])) == [b"99", b"100"]


def test_every_producer_has_segments_of_its_own(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    one, two = log.producer("one"), open_log().producer("two")
    for n in range(0, 8, 4):
        one.append([large("t", n)])
        two.append([large("t", n + 2)])
    assert len(segment_files(folder)) == 2
    assert numbers(log.read(tp("t"), 0, 10)) == list(range(8))


@pytest.mark.parametrize("point", ["log.segment_written", "log.segment_synced", "log.before_commit"])
def test_a_failure_before_the_commit_leaves_no_bytes(open_log: OpenLog, folder: Path, point: str) -> None:
    log = open_log()
    producer = log.producer("p")

    def fail() -> None:
        raise OSError(5, "broken")

    failpoints.install(point, fail)
    with pytest.raises((ConnectException, OSError)):
        producer.append([large("t", 0)])
    assert segment_files(folder) == {}
    producer.append([large("t", 0)])
    failpoints.install(point, fail)
    with pytest.raises((ConnectException, OSError)):
        producer.append([large("t", 2)])
    on_disk(log, folder)
    assert producer.append([large("t", 2)]) == [2]
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1, 2, 3]
    on_disk(log, folder)


def test_a_disk_that_fails_to_sync_is_told_and_its_segment_left(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0)])
    before = set(segment_files(folder))

    def fail(self: OwnedSegment) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(OwnedSegment, "sync", fail)
        with pytest.raises(ConnectException) as caught:
            producer.append([large("t", 2)])
    assert caught.value.code == "LOG_IO"
    producer.append([large("t", 2)])
    assert len(set(segment_files(folder)) - before) == 1
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1, 2, 3]


def test_refused_appends_leave_no_bytes(open_log: OpenLog, folder: Path) -> None:
    log = open_log(auto_create=False)
    log.create_topics([TopicSpec("t"), TopicSpec("c", 1, {"cleanup.policy": "compact"})])
    producer = log.producer("p", "tx")
    for wrong in ("missing", "c"):
        with pytest.raises((NotFoundException, DataException)):
            producer.append([large(wrong, 0)])
    producer.append([large("t", 0)])
    log.producer("p", "tx")
    with pytest.raises(ConnectException) as caught:
        producer.append([large("t", 2)])
    assert caught.value.code == "PRODUCER_FENCED"
    assert on_disk(log, folder) < 3 * LARGE


def test_a_commit_of_which_the_outcome_is_unknown_keeps_its_bytes(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0)])
    plain = Database.write

    @contextmanager
    def failing(self: Database, *, bulk: bool = False) -> Iterator[Any]:
        with plain(self, bulk=bulk) as connection:
            yield connection
        raise ConnectException("The log file failed.", code="LOG_IO")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", failing)
        with pytest.raises(ConnectException):
            producer.append([large("t", 2)])
    producer.append([large("t", 4)])
    log.maintain()
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1, 2, 3, 4, 5]


def test_upkeep_cuts_and_removes_what_dead_producers_left(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", 2)])
    with Child("append", folder, 20_000, HEADRACE_FAILPOINTS="log.segment_synced=kill:2") as child:
        assert child.wait() == -signal.SIGKILL
    with Child("append", folder, 20_000, HEADRACE_FAILPOINTS="log.segment_written=kill") as child:
        assert child.wait() == -signal.SIGKILL
    files, rows = segment_files(folder), segment_rows(log)
    assert len(files) == 2
    assert len(rows) == 1
    assert any(files[name] > size for name, size in rows.items())
    keeper = log.producer("keeper")
    keeper.append([large("kept", 0)])
    log.maintain()
    assert len(segment_files(folder)) == 2
    on_disk(log, folder)
    assert len(log.read(tp("t"), 0, 100_000) or ()) == 40_000
    log.delete_topics(["t"])
    log.maintain()
    assert numbers(log.read(tp("kept"), 0, 10)) == [0, 1]
    assert len(segment_files(folder)) == 1
    keeper.append([large("kept", 2)])
    log.delete_topics(["kept"])
    keeper.close()
    log.maintain()
    assert segment_files(folder) == segment_rows(log) == {}


@pytest.mark.parametrize("point", ["log.segment_sealed", "log.segment_moved", "log.segment_forgotten"])
def test_upkeep_killed_anywhere_is_finished_by_the_next(open_log: OpenLog, folder: Path, point: str) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0), large("gone", 0, 6)])
    producer.close()
    log.delete_topics(["gone"])
    with Child("maintain", folder, HEADRACE_FAILPOINTS=f"{point}=kill") as child:
        assert child.wait() == -signal.SIGKILL
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1]
    log.maintain()
    log.maintain()
    assert on_disk(log, folder) < 3 * LARGE
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1]


def test_what_is_left_of_a_segment_is_moved_out_and_the_file_removed(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0), large("gone", 0, 6), numbered("small", 0, 5_000)])
    producer.close()
    (before,) = segment_files(folder)
    log.delete_topics(["gone"])
    log.maintain()
    assert before not in segment_files(folder)
    assert on_disk(log, folder) < 3 * LARGE
    assert numbers(log.read(tp("t"), 0, 10)) == [0, 1]
    assert len(log.read(tp("small"), 0, 10_000) or ()) == 5_000


def test_a_reader_finds_its_segment_removed_and_looks_again(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, other = open_log(), open_log()
    log.create_topics([TopicSpec("a", 1, {"retention.bytes": "1"}), TopicSpec("b")])
    producer = log.producer("p")
    producer.append([large("a", 0), large("a", 2), large("b", 0)])
    producer.close()
    plain = SegmentFolder.read
    removals: list[str] = []

    def read(self: SegmentFolder, name: str, position: int, size: int) -> bytes:
        if self is log.database.segments and not removals:
            removals.append(name)
            other.producer("p").append([large("a", 4)])
            other.maintain()
            assert name not in segment_files(folder)
        return plain(self, name, position, size)

    monkeypatch.setattr(SegmentFolder, "read", read)
    assert numbers(log.read(tp("b"), 0, 10)) == [0, 1]
    assert removals
    removals.clear()
    consumer = log.consumer("g", "c")
    consumer.subscribe(["a", "b"], None)
    assert sorted(int((v or b"").split(b":")[0]) for v in values_of(drain(consumer, 4))) == [0, 1, 4, 5]
    consumer.close()


def test_reading_on_in_a_large_batch_reads_the_file_once(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_segments(monkeypatch, 1 << 20)
    log, other = open_log(), open_log()
    log.create_topics([TopicSpec("t", 1, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"})])
    producer = log.producer("p")
    producer.append([batch("t", [b"%d" % n for n in range(100)], keys=[b"%d" % (n % 50) for n in range(100)])])
    plain, reads = SegmentFolder.read, []

    def read(self: SegmentFolder, name: str, position: int, size: int) -> bytes:
        reads.append(name)
        return plain(self, name, position, size)

    monkeypatch.setattr(SegmentFolder, "read", read)
    for offset in range(0, 100, 10):
        found = log.read(tp("t"), offset, 10)
        assert found is not None
        assert list(found.values) == [b"%d" % n for n in range(offset, offset + 10)]
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    assert len(drain(consumer, 100, max_records=10)) == 10
    assert len(reads) == 2
    consumer.close()
    other.maintain()
    found = log.read(tp("t"), 0, 10)
    assert found is not None
    assert list(found.offsets or ()) == list(range(50, 60))


def test_a_missing_segment_is_told(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.producer("p").append([large("t", 0)])
    for name in segment_files(folder):
        (folder / "segments" / name).unlink()
    with pytest.raises(DataException) as caught:
        log.read(tp("t"), 0, 1)
    assert caught.value.code == "LOG_CORRUPT"


def test_a_segment_that_ends_early_or_was_changed_is_told(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.producer("p").append([large("t", 0)])
    (path,) = (folder / "segments").iterdir()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:50_000] + b"?" + whole[50_001:], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataException) as caught:
            log.read(tp("t"), 0, 1)
        assert caught.value.code == "LOG_CORRUPT"


def test_a_log_of_format_1_is_read_on_and_appended_to(open_log: OpenLog, folder: Path) -> None:
    first = EmbeddedLog(folder)
    first.create_topics([TopicSpec("t", 1, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"})])
    first.producer("p").append([batch("t", [b"1", b"2"], keys=[b"a", b"b"])])
    first.close()
    make_format_1(folder)
    log, other = open_log(), open_log()
    log.producer("p").append([batch("t", [b"x" * 2 * LARGE], keys=[b"a"])])
    assert len(segment_files(folder)) == 1
    other.maintain()
    found = other.read(tp("t"), 0, 10)
    assert found is not None
    assert triples(found) == [(1, b"b", b"2"), (2, b"a", b"x" * 2 * LARGE)]


def test_a_child_of_a_fork_does_not_touch_the_segment(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0)])
    before = on_disk(log, folder)
    child = os.fork()
    if child == 0:
        try:
            producer.append([large("t", 2)])
        except IllegalStateException as error:
            os._exit(0 if error.code == "LOG_FORKED" else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert on_disk(log, folder) == before
    assert producer.append([large("t", 2)]) == [2]
    assert len(segment_files(folder)) == 1


def test_the_quota_holds_for_segments_and_room_comes_back(open_log: OpenLog, folder: Path) -> None:
    log = open_log(max_bytes=20 << 20)
    log.create_topics([TopicSpec("t", 1, {"retention.bytes": "3000000"})])
    producer = log.producer("p")
    for _ in range(2):
        with pytest.raises(RetriableException) as caught:
            fill(producer)
        assert caught.value.code == "LOG_DISK_FULL"
        assert caught.value.field == "log.embedded.max.bytes"
        taken = log.end_offsets([tp("t")])[tp("t")] - log.begin_offsets([tp("t")])[tp("t")]
        assert 100 < taken < 220
        assert on_disk(log, folder) <= 20 << 20
        producer.append([numbered("t", 0, 1)])
        assert log.maintain()["records_removed"] > 50
    end = log.end_offsets([tp("t")])[tp("t")]
    assert len(log.read(tp("t"), end - 5, 10) or ()) == 5


def test_a_copy_made_under_the_maintenance_lock_is_whole(open_log: OpenLog, folder: Path, tmp_path: Path) -> None:
    """As docs/operations.md says: the index by SQLite's backup, then the segments, while `maintain.lock` is held."""
    import shutil
    import sqlite3

    from headrace.log.embedded.file_lock import FileLock

    log = open_log()
    producer = log.producer("p")
    producer.append([large("t", 0), large("u", 0)])
    producer.close()
    lock = FileLock(folder / "maintain.lock")
    assert lock.acquire(5)
    copy = tmp_path / "copy"
    copy.mkdir()
    with sqlite3.connect(folder / "log.db") as source, sqlite3.connect(copy / "log.db") as target:
        source.backup(target)
    target.close()
    source.close()
    open_log().producer("other").append([large("t", 2)])
    log.delete_topics(["u"])
    assert set(log.maintain().values()) == {0}
    shutil.copytree(folder / "segments", copy / "segments")
    lock.release()
    lock.close()
    restored = EmbeddedLog(copy)
    restored.maintain()
    assert numbers(restored.read(tp("t"), 0, 10)) == [0, 1]
    assert numbers(restored.read(tp("u"), 0, 10)) == [0, 1]
    restored.close()


def test_processes_write_read_and_tidy_side_by_side(open_log: OpenLog, folder: Path) -> None:
    """What is read is in order and right, with gaps only where retention was faster; segments come and go meanwhile."""
    log = open_log(max_bytes=SMALL_QUOTA)
    log.create_topics([TopicSpec("t", 2, {"retention.bytes": "3000000"})])
    seen: dict[int, list[int]] = {0: [], 1: []}
    names: set[str] = set()
    with Child("flood", folder, 0, 600) as one, Child("flood", folder, 1, 600) as two, Child("tidy", folder):
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)

        def step() -> bool:
            names.update(log.database.segments.names())
            for found in consumer.poll(3, 0.1):
                assert numbers(found) == list(found.offsets or ())
                seen[found.partition] += found.offsets or ()
            return all(offsets and offsets[-1] == 599 for offsets in seen.values())

        until(step, "all is read", 60)
        assert one.wait() == two.wait() == 0
        consumer.close()
    assert all(offsets == sorted(set(offsets)) for offsets in seen.values())
    log.maintain()
    assert len(names) > len(segment_files(folder)) + 5


def in_memory(path: Path) -> bool:
    """Whether half of a file or more is in the page cache."""
    pages = pages_in_memory(path)
    return sum(pages) * 2 >= len(pages)


def pages_in_memory(path: Path) -> list[bool]:
    """Which pages of a file are in the page cache (a look through `read` would put them there)."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(mapped)
        if ctypes.CDLL(None).mincore(ctypes.byref(start), ctypes.c_size_t(len(mapped)), pages):
            pytest.skip("not told what is in memory")
        del start
    return [bool(page & 1) for page in pages]


def forgets(tmp_path: Path) -> None:
    """Skips where the file system does not forget what it has in memory."""
    probe = tmp_path / "probe"
    with probe.open("wb") as file:
        file.write(b"x" * LARGE)
        os.fsync(file.fileno())
        segment_files_module._drop_from_memory(file.fileno(), 0, 0)
    if in_memory(probe):
        pytest.skip("this file system does not forget what it has in memory")


@pytest.mark.parametrize("segment_bytes", [1 << 30, 9 * LARGE])
def test_the_cache_keeps_no_more_than_the_end_of_what_is_written(
    segment_bytes: int, open_log: OpenLog, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets(tmp_path)
    only_segments(monkeypatch, segment_bytes)
    monkeypatch.setattr(segment_writer_module, "KEPT_BYTES", 6 * LARGE)
    monkeypatch.setattr(segment_writer_module, "_STEP_BYTES", 2 * LARGE)
    log = open_log()
    producer = log.producer("p")
    for n in range(0, 40, 2):
        producer.append([large("t", n)])
        with log.database.read() as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM segments ORDER BY id")]
        pages = [page for name in names for page in pages_in_memory(folder / "segments" / name)]
        kept = 6 * LARGE // mmap.PAGESIZE
        assert all(pages[-kept:])
        # What was not yet worth a step, an append, and the page cache's larger pages.
        assert sum(pages) <= (6 + 2 + 2 + 2) * LARGE // mmap.PAGESIZE
    assert numbers(log.read(tp("t"), 0, 40)) == list(range(40))


def test_the_cache_keeps_the_end_of_the_log_and_what_is_read_behind_it_leaves_no_trace(
    open_log: OpenLog, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets(tmp_path)
    only_segments(monkeypatch, LARGE)
    log = open_log()
    producer = log.producer("p")
    for n in range(0, 8, 2):
        producer.append([large("t", n)])
    with log.database.read() as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM segments ORDER BY id")]
    paths = [folder / "segments" / name for name in names]
    assert [in_memory(path) for path in paths] == [False, False, False, True]
    assert numbers(log.read(tp("t"), 0, 8)) == list(range(8))
    assert [in_memory(path) for path in paths] == [False, False, False, True]


@pytest.mark.parametrize("seed", range(4))
def test_appends_deletions_and_upkeep_in_any_order(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """What is read is what was appended and not removed; files and index agree after upkeep without producers."""
    only_segments(monkeypatch, 600)
    chance = random.Random(seed)
    log, other = open_log(), open_log()
    producers = [log.producer("a"), other.producer("b")]
    expected: dict[str, list[bytes]] = {}
    for step in range(120):
        action = chance.random()
        topic = f"t{chance.randrange(4)}"
        if action < 0.75:
            values = [b"%d-%d" % (step, n) for n in range(chance.randrange(1, 20))]
            chance.choice(producers).append([batch(topic, values)])
            expected.setdefault(topic, []).extend(values)
        elif action < 0.85:
            chance.choice([log, other]).delete_topics([topic])
            expected.pop(topic, None)
        else:
            chance.choice([log, other]).maintain()
        for name, wanted in expected.items():
            start = chance.randrange(len(wanted))
            found = log.read(tp(name), start, 10_000)
            assert found is not None
            assert list(found.values) == wanted[start:]
    for producer in producers:
        producer.close()
    log.maintain()
    log.maintain()
    live = sum(map(len, expected.values()))
    assert live
    assert on_disk(log, folder) < 60 * live + 2_000
