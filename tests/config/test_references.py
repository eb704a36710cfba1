"""References in configurations, and the providers behind them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from headrace.config.provider import ConfigData, ConfigProvider
from headrace.config.providers.directory import DirectoryConfigProvider
from headrace.config.providers.env import EnvVarConfigProvider
from headrace.config.providers.file import FileConfigProvider
from headrace.config.references import Reference, find_references, resolve
from headrace.errors import ConfigException


class Fixed(ConfigProvider):
    def __init__(self, data: dict[tuple[str, str], str], ttl: int | None = None) -> None:
        self.data, self.ttl, self.calls = data, ttl, []

    def configure(self, params: object) -> None: ...

    def get(self, path: str, keys: Iterable[str] | None = None) -> ConfigData:
        self.calls.append((path, list(keys or ())))
        return ConfigData({k: v for (p, k), v in self.data.items() if p == path and k in (keys or ())}, self.ttl)


def test_resolution() -> None:
    provider = Fixed({("/p", "k"): "secret", ("/p", "l"): "${v:/p:k}", ("", "E"): "env"})
    config = {
        "one": "${v:/p:k}",
        "two": "a${v:/p:k}b${v:/p:l}c${v:E}",
        "missing": "${v:/p:none} ${other:/p:k}",
        "plain": "$1 ${topic} ${}",
        "null": None,
    }
    resolved = resolve(config, {"v": provider})
    assert resolved.config == {
        "one": "secret",
        "two": "asecretb${v:/p:k}cenv",
        "missing": "${v:/p:none} ${other:/p:k}",
        "plain": "$1 ${topic} ${}",
    }
    assert resolved.secrets == {"secret", "${v:/p:k}", "env"}
    assert resolved.ttl_ms is None
    assert sorted(provider.calls) == [("", ["E"]), ("/p", ["k", "l", "none"])]


def test_shortest_time_to_live() -> None:
    providers = {"a": Fixed({("", "k"): "1"}, 500), "b": Fixed({("", "k"): "2"}, 100), "c": Fixed({("", "k"): "3"})}
    assert resolve({"x": "${a:k}${b:k}${c:k}"}, providers).ttl_ms == 100
    assert resolve({"x": "${c:k}"}, providers).ttl_ms is None


def test_paths_keep_their_colons_out() -> None:
    assert find_references("x${file:/a/b.properties:db.password}y${env:HOME}") == [
        Reference("file", "/a/b.properties", "db.password"),
        Reference("env", "", "HOME"),
    ]


def configured(provider: ConfigProvider, **params: str) -> ConfigProvider:
    provider.configure({name.replace("_", "."): value for name, value in params.items()})
    return provider


def test_file_provider(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "x.properties").write_text("user=me\npassword=p=w\n")
    provider = configured(FileConfigProvider())
    path = str(inside / "x.properties")
    assert provider.get(path, ["password", "none"]) == ConfigData({"password": "p=w"})
    assert provider.get(path).data == {"user": "me", "password": "p=w"}
    assert provider.get("", ["x"]).data == {}
    with pytest.raises(ConfigException):
        provider.get(str(inside / "none"), ["x"])
    fenced = configured(FileConfigProvider(), allowed_paths=f"{inside}")
    assert fenced.get(path, ["user"]).data == {"user": "me"}
    (inside / "link").symlink_to(outside / "x.properties")
    for bad in (outside / "x.properties", inside / ".." / "out" / "x.properties", inside / "link", f"{inside}x"):
        with pytest.raises(ConfigException) as refused:
            fenced.get(str(bad), ["user"])
        assert refused.value.code == "CONFIG_PATH_REFUSED"
    for paths in ("relative", str(tmp_path / "none")):
        with pytest.raises(ConfigException) as refused:
            configured(FileConfigProvider(), allowed_paths=paths)
        assert refused.value.field == "allowed.paths"


def test_directory_provider(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("me\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "..data").symlink_to("user")
    provider = configured(DirectoryConfigProvider())
    assert provider.get(str(tmp_path)).data == {"user": "me\n", "..data": "me\n"}
    assert provider.get(str(tmp_path), ["user", "sub", "none"]).data == {"user": "me\n"}
    assert provider.get("").data == {}
    with pytest.raises(ConfigException):
        provider.get(str(tmp_path / "user"))
    (tmp_path / "raw").write_bytes(b"\xff")
    with pytest.raises(ConfigException):
        provider.get(str(tmp_path), ["raw"])


def test_env_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "me")
    monkeypatch.setenv("SHOP_USER2", "you")
    provider = configured(EnvVarConfigProvider(), allowlist_pattern="SHOP_USER")
    assert provider.get("").data == {"SHOP_USER": "me"}
    assert provider.get("", ["SHOP_USER", "SHOP_USER2"]).data == {"SHOP_USER": "me"}
    assert provider.get("path", ["SHOP_USER"]).data == {}
    assert configured(EnvVarConfigProvider()).get("", ["SHOP_USER2"]).data == {"SHOP_USER2": "you"}
    with pytest.raises(ConfigException) as refused:
        configured(EnvVarConfigProvider(), allowlist_pattern="(")
    assert refused.value.field == "allowlist.pattern"
