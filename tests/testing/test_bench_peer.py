"""The peer's parts that need no peer: which Java, what a broker answers, how two are compared."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import pytest

from headrace.errors import ConnectException
from headrace.testing.bench.peer.offsets import Offsets, end_offset
from headrace.testing.bench.peer.turns import compared
from headrace.testing.jvm.java import OLDEST, find_java


def answer(topic: bytes, error: int, offset: int) -> bytes:
    head = struct.pack(">iih", 1, 1, len(topic)) + topic
    return head + struct.pack(">iihqq", 1, 0, error, -1, offset)


def test_an_end_offset_is_read_from_the_brokers_answer() -> None:
    assert end_offset(answer(b"shop.orders", 0, 1_100_001), b"shop.orders") == 1_100_001
    assert end_offset(answer(b"t", 3, -1), b"t") == 0
    with pytest.raises(ConnectException, match="error 29"):
        end_offset(answer(b"t", 29, -1), b"t")


def test_the_request_is_what_the_protocol_says_and_a_closed_connection_is_opened_anew() -> None:
    asked: list[bytes] = []

    def serve() -> None:
        for offset in (7, 8):
            connection, _ = server.accept()
            with connection:
                (length,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
                asked.append(connection.recv(length, socket.MSG_WAITALL))
                reply = answer(b"t", 0, offset)
                connection.sendall(struct.pack(">i", len(reply)) + reply[:5])
                connection.sendall(reply[5:])
        server.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        with Offsets(*server.getsockname()) as offsets:
            assert offsets.end("t") == 7
            assert offsets.end("t") == 8
            thread.join(10)
            with pytest.raises(OSError):
                offsets.end("t")
    # ListOffsets, version 1, correlation 1, client; replica -1; one topic, one partition, the latest offset.
    head = struct.pack(">hhih", 2, 1, 1, 14) + b"headrace-bench"
    assert asked == [head + struct.pack(">iih", -1, 1, 1) + b"t" + struct.pack(">iiq", 1, 0, -1)] * 2


def fake_java(folder: Path, version: str) -> Path:
    program = folder / f"java-{version}"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-09-16' >&2\n")
    program.chmod(0o755)
    return program


def test_the_java_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PEER_JAVA", str(fake_java(tmp_path, "21.0.2")))
    java = find_java()
    assert (java.version, java.major) == ("21.0.2", 21)


@pytest.mark.parametrize("version", ["11.0.9", "1.8.0_292"])
def test_a_java_too_old_is_refused(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PEER_JAVA", str(fake_java(tmp_path, version)))
    with pytest.raises(ConnectException, match=f"No Java {OLDEST} or newer"):
        find_java()


def test_the_newest_of_several_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("home", "99.0.1"), ("path", "98.0.9")):
        (tmp_path / name / "bin").mkdir(parents=True)
        fake_java(tmp_path, version).rename(tmp_path / name / "bin" / "java")
    monkeypatch.delenv("HEADRACE_PEER_JAVA", raising=False)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"), prepend=":")
    assert find_java().version == "99.0.1"


def test_ratios_are_of_medians_and_noise_is_of_ours_against_ours() -> None:
    made = {"case": "x", "metrics": {"r_per_s": 300.0, "connector_cpu_s_per_million": 4.0}}
    theirs = [{"r_per_s": rate, "connector_cpu_s_per_million": 40.0} for rate in (10.0, 30.0, 90.0)]
    again = [{"r_per_s": rate, "connector_cpu_s_per_million": 4.0} for rate in (250.0, 200.0, 330.0)]
    case = compared(made, "r_per_s", theirs, again)
    assert (case["ratio_to_peer"], case["cpu_ratio_to_peer"], case["noise_ratio"]) == (10.0, 0.1, 1.2)
    assert case["peer_metrics"]["r_per_s"] == 30.0
