"""Stores and factory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from headrace.errors import ConfigException, DataException
from headrace.log.factory import open_log, open_stores
from headrace.log.spi import SourceOffsetEntry
from tests.log.helpers import numbered


def test_offsets(folder: Path) -> None:
    config = {"log.embedded.path": str(folder)}
    offsets, _ = open_stores(config)
    assert offsets.get("c", [{"server": "s"}]) == [None]
    offsets.put("c", [({"b": 1, "a": "x"}, {"lsn": 1}), ({"server": "s"}, {"lsn": 2})])
    offsets.put("c", [({"a": "x", "b": 1}, {"lsn": 3})])
    offsets.put("other", [({"server": "s"}, {"lsn": 9})])
    again, _ = open_stores(config)
    assert again.list("c") == [({"a": "x", "b": 1}, {"lsn": 3}), ({"server": "s"}, {"lsn": 2})]
    assert again.get("c", [{"server": "s"}, {"b": 1, "a": "x"}, {"server": "t"}]) == [{"lsn": 2}, {"lsn": 3}, None]
    again.put("c", [({"server": "s"}, None), ({"server": "never"}, None)])
    assert offsets.get("c", [{"server": "s"}]) == [None]
    assert offsets.list("other") == [({"server": "s"}, {"lsn": 9})]


@pytest.mark.parametrize("shared", [False, True])
def test_offsets_written_beside_records(folder: Path, shared: bool) -> None:
    config = {"log.embedded.path": str(folder)}
    log = open_log(config)
    offsets, _ = open_stores(config, log if shared else None)
    producer = log.producer("p")
    key = b'["c",{"server":"s"}]'
    producer.append([numbered("t", 0, 1)], [SourceOffsetEntry(key, b'{"lsn":5}')])
    assert offsets.get("c", [{"server": "s"}]) == [{"lsn": 5}]
    producer.append([], [SourceOffsetEntry(key, None)])
    assert offsets.get("c", [{"server": "s"}]) == [None]
    with pytest.raises(DataException):
        producer.append([numbered("t", 0, 1)], [SourceOffsetEntry(b"no key", b"{}")])
    log.close()


def test_states(folder: Path) -> None:
    _, states = open_stores({"log.embedded.path": str(folder)})
    assert states.load("connector") == {}
    states.save("connector", "b", {"x": [1, None, "ü"]})
    states.save("connector", "a", "text")
    states.save("target", "a", 1)
    states.save("connector", "b", {"y": 2.5})
    _, again = open_stores({"log.embedded.path": str(folder)})
    assert list(again.load("connector").items()) == [("b", {"y": 2.5}), ("a", "text")]
    states.delete("connector", "b")
    states.delete("connector", "never")
    assert again.load("connector") == {"a": "text"}
    assert again.load("target") == {"a": 1}
    with pytest.raises(DataException):
        states.save("connector", "c", object())


@pytest.mark.parametrize(
    ("settings", "code", "field"),
    [
        ({"log.implementation": "kafka", "log.embedded.path": " "}, "CONFIG_MISSING", "log.embedded.path"),
        ({"log.implementation": "tape"}, "LOG_NOT_AVAILABLE", "log.implementation"),
        ({"log.embedded.path": ""}, "CONFIG_MISSING", "log.embedded.path"),
        ({"log.embedded.path": "/dev/null/log"}, "LOG_PATH_UNUSABLE", "log.embedded.path"),
        ({"log.embedded.max.bytes": "-1"}, "CONFIG_INVALID", "log.embedded.max.bytes"),
        ({"log.embedded.max.bytes": "1GB"}, "CONFIG_INVALID", "log.embedded.max.bytes"),
        ({"log.embedded.num.partitions": "0"}, "CONFIG_INVALID", "log.embedded.num.partitions"),
        ({"log.embedded.compression.type": "zstd"}, "CONFIG_INVALID", "log.embedded.compression.type"),
        ({"log.embedded.auto.create": "perhaps"}, "CONFIG_INVALID", "log.embedded.auto.create"),
    ],
)
def test_wrong_settings(folder: Path, settings: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(ConfigException) as caught:
        open_log({"log.embedded.path": str(folder), **settings})
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.remedy


def test_a_later_format_is_refused(folder: Path) -> None:
    config = {"log.embedded.path": str(folder)}
    import sqlite3

    open_log(config).close()
    with sqlite3.connect(folder / "log.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigException) as caught:
        open_log(config)
    assert caught.value.code == "LOG_FORMAT_NEWER"


def test_a_file_that_is_no_log_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "log.db").write_bytes(os.urandom(40_000))
    with pytest.raises(DataException) as caught:
        open_log({"log.embedded.path": str(folder)})
    assert caught.value.code == "LOG_CORRUPT"


def test_nothing_is_readable_by_others(folder: Path) -> None:
    log = open_log({"log.embedded.path": str(folder)})
    assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0
    log.close()
