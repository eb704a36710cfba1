"""The registry finds plugins by full name, simple name and alias, and says clearly why not."""

import sys
from pathlib import Path

import pytest

from headrace.errors import ConnectException, NotFoundException
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry


def entry(name: str, kind: PluginKind = PluginKind.SOURCE, target: str = "collections:OrderedDict") -> PluginEntry:
    return PluginEntry(name, kind, target)


def test_names_and_aliases() -> None:
    registry = PluginRegistry(
        [
            entry("io.debezium.connector.postgresql.PostgresConnector"),
            entry("org.apache.kafka.connect.transforms.Cast$Value", PluginKind.TRANSFORMATION),
            entry("org.apache.kafka.connect.json.JsonConverter", PluginKind.CONVERTER),
            entry("org.apache.kafka.connect.json.JsonConverter", PluginKind.HEADER_CONVERTER),
        ]
    )
    for name in ("io.debezium.connector.postgresql.PostgresConnector", "PostgresConnector", "Postgres"):
        assert registry.find(PluginKind.SOURCE, name).class_name.endswith("PostgresConnector")
    assert registry.find(None, "Cast$Value").kind is PluginKind.TRANSFORMATION
    assert registry.find(PluginKind.HEADER_CONVERTER, "Json").kind is PluginKind.HEADER_CONVERTER
    assert registry.find(None, "JsonConverter").kind is PluginKind.CONVERTER
    with pytest.raises(NotFoundException):
        registry.find(None, "Cast")


def test_unknown_name_tells_the_nearest() -> None:
    registry = PluginRegistry([entry("io.debezium.connector.postgresql.PostgresConnector"), entry("a.OtherConnector")])
    with pytest.raises(NotFoundException) as caught:
        registry.find(PluginKind.SOURCE, "io.debezium.connector.postgres.PostgresConnector")
    assert caught.value.code == "PLUGIN_NOT_FOUND"
    assert "io.debezium.connector.postgresql.PostgresConnector" in str(caught.value)


def test_ambiguous_alias_is_dropped() -> None:
    registry = PluginRegistry([entry("a.SameConnector"), entry("b.SameConnector", PluginKind.SINK, "x:Other")])
    with pytest.raises(NotFoundException, match="more than one"):
        registry.find(None, "SameConnector")
    assert registry.find(PluginKind.SINK, "Same").class_name == "b.SameConnector"


def test_import_error_of_an_entry() -> None:
    with pytest.raises(ConnectException) as caught:
        PluginRegistry([entry("x.Gone", target="no_such_module_here:Gone")]).load(PluginKind.SOURCE, "Gone")
    assert caught.value.code == "PLUGIN_IMPORT_FAILED"
    assert "no_such_module_here" in str(caught.value)


def test_plain_round_trip() -> None:
    registry = PluginRegistry([entry("a.B"), entry("c.D", PluginKind.PREDICATE)])
    assert PluginRegistry.from_plain(registry.to_plain()).entries() == registry.entries()


def test_plugin_path_modules(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pathplugin_good.py").write_text(
        "from headrace.spi import *\n"
        "class Upper(Transform):\n"
        "    @classmethod\n"
        "    def version(cls): return '7.1'\n"
        "    @classmethod\n"
        "    def config(cls): return ConfigDef()\n"
        "    def configure(self, props): pass\n"
        "    def apply(self, record): return record\n"
    )
    (folder / "pathplugin_bad.py").write_text("import a_module_that_is_missing\n")
    registry = PluginRegistry.discover([str(tmp_path)])
    found = registry.find(PluginKind.TRANSFORMATION, "pathplugin_good.Upper")
    assert found.version == "7.1"
    assert PluginRegistry.from_plain(registry.to_plain()).load(None, "Upper").__name__ == "Upper"
    with pytest.raises(ConnectException) as caught:
        registry.find(PluginKind.SOURCE, "pathplugin_bad.Anything")
    assert caught.value.code == "PLUGIN_IMPORT_FAILED"
    assert "a_module_that_is_missing" in str(caught.value)


def test_missing_plugin_path_is_reported(tmp_path: Path) -> None:
    registry = PluginRegistry.discover([str(tmp_path / "nowhere")])
    assert registry.failures[0].location.endswith("nowhere")


def test_two_names_of_one_class() -> None:
    registry = PluginRegistry([entry("headrace.X", PluginKind.SINK), entry("org.apache.X", PluginKind.SINK)])
    assert registry.find(PluginKind.SINK, "X").class_name == "org.apache.X"


def test_a_short_name_of_kafkas_own_means_kafkas_own() -> None:
    """Debezium has a Filter too; configurations written for Kafka's keep their meaning."""
    registry = PluginRegistry.discover()
    assert registry.find(PluginKind.TRANSFORMATION, "Filter").class_name == "org.apache.kafka.connect.transforms.Filter"


def test_plugin_path_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    info = tmp_path / "pathdist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pathdist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[headrace.sinks]\norg.example.FarSink = pathdist_sink:Far\n")
    (tmp_path / "pathdist_sink.py").write_text("class Far: pass\n")
    registry = PluginRegistry.discover([str(tmp_path)])
    assert registry.load(PluginKind.SINK, "org.example.FarSink").__name__ == "Far"
