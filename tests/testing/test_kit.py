"""The kit's parts: runs, drivers, faults, the proxy, records."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.testing import kit_plugins as kit

import headrace.testing
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.spi import TopicPartition
from headrace.testing import (
    SinkDriver,
    SourceDriver,
    SourceRun,
    TcpProxy,
    faults,
    plain,
    run_sink,
    run_source,
    run_transform,
    sink_record,
    source_record,
    struct_of,
    wait_until,
)


@pytest.fixture
def world() -> Iterator[list[int]]:
    kit.WORLDS["w"] = list(range(10))
    yield kit.WORLDS["w"]
    del kit.WORLDS["w"]


CONFIG = {"world": "w"}


def test_every_name_can_be_imported_without_pytest() -> None:
    names = ", ".join(headrace.testing.__all__)
    code = f"import sys; sys.modules['pytest'] = None; from headrace.testing import {names}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with pytest.raises(AttributeError):
        _ = headrace.testing.nonsense


def test_a_run_and_its_continuation(world: list[int]) -> None:
    first = run_source(kit.NumbersConnector, CONFIG, until=10)
    assert [record.value for record in first.records] == [f"n{n}" for n in range(10)]
    world.append(10)
    second = run_source(kit.NumbersConnector, CONFIG, until=1, resume=first)
    assert [record.value for record in second.records][10:] == ["n10"]
    assert second.offsets == [({"world": "w"}, {"at": 11})]


def test_a_run_with_transforms_and_a_dead_letter(world: list[int]) -> None:
    config = {
        **CONFIG,
        "transforms": "louder",
        "transforms.louder.type": "Louder",
        "transforms.louder.field": "x",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead",
    }
    run = SourceRun(kit.NumbersConnector, config, plugins=[kit.Louder])
    with run:
        wait_until(lambda: len(run.dead_letters) == 10)
    assert run.records == []


def test_refused_settings_and_failures_are_raised(world: list[int]) -> None:
    with pytest.raises(ConfigException, match=r"batch\.size"):
        run_source(kit.NumbersConnector, {**CONFIG, "batch.size": "0"}, until=1)
    with pytest.raises(KeyError):
        run_source(kit.NumbersConnector, {"world": "missing"}, until=1)
    with pytest.raises(AssertionError, match="11 records did not come"):
        run_source(kit.NumbersConnector, CONFIG, until=11, deadline_s=0.2)
    with pytest.raises(ConfigException, match="neither"):
        SourceRun(kit.NumbersConnector, CONFIG, plugins=[str])


def test_a_kill_commits_nothing_more(world: list[int]) -> None:
    run = SourceRun(kit.NumbersConnector, {**CONFIG, "batch.size": "1"})
    with faults.pause("source.after_read", after=3) as fault:
        run.start()
        wait_until(fault.reached.is_set)
        killer = threading.Thread(target=run.kill)
        killer.start()
        wait_until(lambda: run.tasks[0].runner._loop.cancelled)
        fault.release()
        killer.join()
    assert len(run.records) <= 4
    assert [offset for _, offset in run.offsets] == [{"at": len(run.records)}]
    run.start()
    assert len(run.wait(10)) >= 10
    run.stop()


def test_faults() -> None:
    with pytest.raises(ConfigException, match="no point"):
        faults.fail("nowhere")
    with pytest.raises(ConfigException), faults.kill("sink.after_put"):
        pass
    with pytest.raises(ConfigException), faults.fail("sink.after_put", connector="a"):
        pass
    assert faults.environment(
        faults.kill("sink.after_put", after=2, connector="a"), faults.pause("sink.before_put")
    ) == {"HEADRACE_FAILPOINTS": "sink.after_put@a=kill:2,sink.before_put=hang"}
    code = "from headrace.foundation.failpoints import failpoint as f; f('sink.after_put'); print('once', flush=True); f('sink.after_put')"
    env = {**os.environ, **faults.environment(faults.kill("sink.after_put", after=1))}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (-9, "once\n")


def test_a_fault_leaves_nothing_behind(world: list[int]) -> None:
    with faults.fail("source.after_read", after=1000):
        run_source(kit.NumbersConnector, CONFIG, until=10)
    run_source(kit.NumbersConnector, CONFIG, until=10)
    with pytest.raises(ConnectException) as failed, faults.fail("source.after_read"):
        run_source(kit.NumbersConnector, CONFIG, until=10)
    assert failed.value.code == "FAILPOINT"


def test_a_sink_run(world: list[int]) -> None:
    world.clear()
    records = [sink_record("t", {"id": n}, {"id": n, "version": 1}) for n in range(5)]
    run = run_sink(kit.ListConnector, CONFIG, records)
    assert sorted(world) == [[n, 1] for n in range(5)]
    assert run.committed == {TopicPartition("t", 0): 5}
    config = {**CONFIG, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    assert len(run_sink(kit.ListConnector, config, [sink_record("t", None, "bad")]).dead_letters) == 1
    with pytest.raises(DataException):
        run_sink(kit.ListConnector, CONFIG, [sink_record("t", None, "bad")])


def test_several_sink_tasks_share_partitions(world: list[int]) -> None:
    world.clear()
    records = [sink_record("t", {"id": n}, {"id": n, "version": 1}, partition=n % 4) for n in range(20)]
    run_sink(kit.ListConnector, CONFIG, records, max_tasks=2, partitions=4)
    assert sorted(world) == [[n, 1] for n in range(20)]


def test_a_transform_run() -> None:
    records = [sink_record("t", None, {"name": "a"}), sink_record("t", None, "bad")]
    run = run_transform(kit.Louder, {"field": "name"}, records, tolerance="all")
    assert [plain(record.value) for record in run.records] == [{"name": "a!"}]
    assert [record for record, _ in run.failures] == [records[1]]
    with pytest.raises(ConnectException):
        run_transform(kit.Louder, {"field": "name"}, records)


def test_drivers(world: list[int]) -> None:
    with SourceDriver(kit.NumbersConnector, CONFIG) as source:
        records = source.take(10)
    with SourceDriver(kit.NumbersConnector, CONFIG, offsets=source.offsets(records[:4])) as source:
        assert source.take(6)[0].value == "n4"
    world.clear()
    with SinkDriver(kit.ListConnector, CONFIG, [TopicPartition("t", 0)]) as sink:
        sink.put([sink_record("t", {"id": 1}, {"version": 1}, offset=6)])
        assert world == []
        assert sink.commit() == {TopicPartition("t", 0): 7}
        assert world == [[1, 1]]


def test_the_proxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, TcpProxy(*server.getsockname()) as proxy:

        def connect() -> tuple[socket.socket, socket.socket]:
            client = socket.create_connection((proxy.host, proxy.port), 5)
            return client, server.accept()[0]

        client, peer = connect()
        client.sendall(b"there")
        assert peer.recv(10) == b"there"
        peer.sendall(b"back")
        assert client.recv(10) == b"back"
        proxy.pause()
        client.sendall(b"held")
        peer.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.recv(10)
        proxy.resume()
        peer.settimeout(5)
        assert peer.recv(10) == b"held"
        proxy.cut()
        assert _ended(client)
        proxy.refuse()
        with socket.create_connection((proxy.host, proxy.port), 5) as refused:
            assert _ended(refused)
        proxy.accept()
        for end in (client, peer, *connect()):
            end.close()


def _ended(end: socket.socket) -> bool:
    try:
        return end.recv(10) == b""
    except ConnectionError:
        return True


def test_records_from_plain_values(tmp_path: Path) -> None:
    moment = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    fields = {
        "i": 1,
        "f": 1.5,
        "b": True,
        "s": "x",
        "n": None,
        "y": b"x",
        "d": Decimal("1.50"),
        "t": moment,
        "l": [1, 2],
    }
    struct = struct_of({**fields, "in": {"a": 1}}, name="row")
    assert plain(struct) == {**fields, "in": {"a": 1}}
    struct.validate()
    assert source_record("t", {"id": 1}, {"a": 1}, schemaless=True).value == {"a": 1}
    with pytest.raises(DataException, match="No schema for a PosixPath"):
        struct_of({"path": tmp_path})
