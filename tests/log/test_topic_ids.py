"""The identity of topics in the embedded log: kept over restarts, new with a new log."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from headrace.log.embedded.database import FILE_NAME
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import TopicSpec
from tests.log.helpers import make_format_1


def topic_id(folder: Path) -> str:
    log = EmbeddedLog(folder)
    try:
        log.create_topics([TopicSpec("t")])
        return log.topic_ids(["t"])["t"]
    finally:
        log.close()


def test_it_is_kept_until_the_log_is_replaced(folder: Path) -> None:
    first = topic_id(folder)
    assert topic_id(folder) == first
    shutil.rmtree(folder)
    assert topic_id(folder) != first


def test_a_log_of_an_older_version_gets_one_once(folder: Path) -> None:
    first = topic_id(folder)
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("DELETE FROM meta WHERE name = 'log_id'")
    connection.close()
    make_format_1(folder)
    second = topic_id(folder)
    assert second != first
    assert topic_id(folder) == second
