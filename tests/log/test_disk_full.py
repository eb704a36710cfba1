"""A full log refuses appends with a remedy, loses nothing, still lets readers go on, and takes appends again with room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.errors import RetriableException, RetryClass
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import SourceOffsetEntry, TopicSpec
from tests.log.helpers import batch, drain, segment_files, segment_rows, tp, values_of

OpenLog = Callable[..., EmbeddedLog]
KEY = b'["c",{"server":"s"}]'


def fill(log: EmbeddedLog) -> tuple[int, RetriableException]:
    """Append until the log is full; returns how many records it took and the error."""
    producer = log.producer("p")
    for number in range(10_000):
        try:
            producer.append(
                [batch("t", [b"%06d" % number + b"x" * 60_000])], [SourceOffsetEntry(KEY, b'{"n":%d}' % number)]
            )
        except RetriableException as error:
            return number, error
    raise AssertionError("never full")


def check_full_then_room(log: EmbeddedLog, taken: int, error: RetriableException) -> None:
    assert error.code == "LOG_DISK_FULL"
    assert error.retry_class is RetryClass.RETRY
    assert error.remedy
    assert log.end_offsets([tp("t")]) == {tp("t"): taken}
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    found = values_of(drain(consumer, taken))
    assert [value[:6] for value in found if value] == [b"%06d" % n for n in range(taken)]
    consumer.commit({tp("t"): taken})
    consumer.close()


def test_the_quota(open_log: OpenLog, folder: Path) -> None:
    log = open_log(max_bytes=4 << 20)
    log.create_topics([TopicSpec("t", 1, {"retention.bytes": "500000"})])
    taken, error = fill(log)
    assert 30 < taken < 70
    assert error.field == "log.embedded.max.bytes"
    check_full_then_room(log, taken, error)
    assert (folder / "log.db").stat().st_size <= (4 << 20) + (2 << 20)
    assert log.maintain()["records_removed"] > 10
    assert log.producer("p").append([batch("t", [b"x" * 60_000])]) == [taken]
    again, _ = fill(log)
    assert open_log(max_bytes=8 << 20).producer("p").append([batch("t", [b"x"])]) == [taken + 1 + again]


def pages(log: EmbeddedLog) -> int:
    with log.database.read() as connection:
        count: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return count


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_the_disk(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (4 << 20))
    log = EmbeddedLog(small_disk / "log")
    taken, error = fill(log)
    assert taken > 5
    assert error.field == "log.embedded.path"
    assert log.end_offsets([tp("t")]) == {tp("t"): taken}
    ballast.unlink()
    assert log.producer("p").append([batch("t", [b"x" * 60_000])]) == [taken]
    found = log.read(tp("t"), 0, taken + 1)
    assert found is not None
    assert len(found) == taken + 1
    log.close()


def test_the_disk_full_while_a_segment_is_written(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (3 << 20))
    folder = small_disk / "log"
    log = EmbeddedLog(folder)
    producer = log.producer("p")
    large = [batch("t", [b"x" * 300_000])]

    def fill() -> None:
        for _ in range(100):
            producer.append(large)

    with pytest.raises(RetriableException) as caught:
        fill()
    assert caught.value.code == "LOG_DISK_FULL"
    assert caught.value.field == "log.embedded.path"
    taken = log.end_offsets([tp("t")])[tp("t")]
    assert taken > 5
    with pytest.raises(RetriableException):
        producer.append(large)
    assert segment_files(folder) == segment_rows(log)
    ballast.unlink()
    assert producer.append(large) == [taken]
    assert len(log.read(tp("t"), 0, taken + 1) or ()) == taken + 1
    log.close()


def test_pages_of_removed_records_are_used_again(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", 1, {"retention.bytes": "1000000"})])
    producer = log.producer("p")
    sizes = []
    for _ in range(6):
        for _ in range(40):
            producer.append([batch("t", [b"x" * 100_000])])
        log.maintain()
        sizes.append(pages(log))
    assert sizes[-1] <= sizes[1] * 1.1


def test_a_deleted_topic_gives_its_space_back(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    producer = log.producer("p")
    for _ in range(20):
        producer.append([batch("t", [b"x" * 4_000_000])])
    log.delete_topics(["t"])
    log.maintain()
    with log.database.write() as connection:
        assert connection.execute("SELECT count(*) FROM batches").fetchone() == (0,)
    assert pages(log) * 16_384 < 45_000_000
