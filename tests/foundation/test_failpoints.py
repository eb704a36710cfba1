"""Failpoints fire once, where and for whom they are asked to."""

from pathlib import Path

import pytest

from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.foundation import failpoints


def arm(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(failpoints, "_active", failpoints._parse(text))


def test_fires_once(monkeypatch: pytest.MonkeyPatch) -> None:
    arm(monkeypatch, "a=raise,b=fail:1")
    with pytest.raises(RetriableException):
        failpoints.failpoint("a")
    failpoints.failpoint("a")
    failpoints.failpoint("b")
    with pytest.raises(ConnectException):
        failpoints.failpoint("b")


def test_once_over_all_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADRACE_FAILPOINTS_DIR", str(tmp_path))
    for _ in range(2):
        arm(monkeypatch, "a@orders=raise")
        failpoints.set_scope("orders")
        if not (tmp_path / "a@orders").exists():
            with pytest.raises(RetriableException):
                failpoints.failpoint("a")
        else:
            failpoints.failpoint("a")
    assert (tmp_path / "a@orders").exists()


def test_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    arm(monkeypatch, "a@orders=raise,b=raise")
    failpoints.failpoint("a")
    failpoints.set_scope("stock")
    failpoints.failpoint("a")
    with pytest.raises(RetriableException):
        failpoints.failpoint("b")


def test_unknown_action() -> None:
    with pytest.raises(ConfigException, match="explode"):
        failpoints._parse("a=explode")
