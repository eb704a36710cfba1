"""The standalone worker's settings: Connect's worker.properties, unchanged, and our own keys.

Where the log is: on Kafka at `bootstrap.servers`; `log.implementation=embedded`, or no `bootstrap.servers`, means the embedded log in the
data folder. Where the data folder is: `headrace.data.dir`, else beside `offset.storage.file.filename`. Source offsets and connectors are kept in it
either way, in a store for each log: where a source has got to is said of the log that it wrote to. Source: connect-standalone of Kafka 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, one_of
from headrace.errors import ConfigException
from headrace.foundation.logs import LEVELS, LogSettings
from headrace.log.factory import is_kafka
from headrace.log.kafka.client_settings import Client, client_settings
from headrace.runtime.hosting.supervision import Limits
from headrace.runtime.restart_policy import policy_def

LOG_LEVEL_PREFIX: Final = "headrace.log.level."
_HIGH, _MEDIUM, _LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW
_T = ConfigType


def worker_def() -> ConfigDef:
    """Every key of a standalone worker that is looked at. Others (`producer.*` …) are passed on to whom they concern."""
    definition = ConfigDef()
    for name, type, default, validator, importance, text in _ROWS:
        definition.define(name, type, default, validator, importance, text)
    for name in ("key.converter", "value.converter"):
        definition.define(
            name, _T.CLASS, importance=_HIGH, documentation=f"The converter of {name.partition('.')[0]}s."
        )
    definition.embed(policy_def())
    providers = r"config\.providers\.([^.]+)\."
    definition.define_pattern(
        "config.providers.<name>.class",
        "The class of a config provider.",
        regex=providers + "class",
        listed_in="config.providers",
    )
    definition.define_pattern(
        "config.providers.<name>.param.*", "Its settings.", regex=providers + r"param\..+", listed_in="config.providers"
    )
    definition.define_pattern("headrace.log.level.*", "The level of the logger named after it.")
    definition.define_pattern(
        "log.embedded.path", "The embedded log's folder.", no_effect="it is `log` in headrace.data.dir"
    )
    return definition


_ROWS: Final[tuple[tuple[str, ConfigType, Any, Any, Importance, str], ...]] = (
    (
        "bootstrap.servers",
        _T.LIST,
        [],
        None,
        _HIGH,
        "Kafka's addresses, where the log is then; empty for the embedded log.",
    ),
    (
        "header.converter",
        _T.CLASS,
        "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        None,
        _LOW,
        "The converter of header values.",
    ),
    ("listeners", _T.LIST, "http://:8083", None, _LOW, "Where the REST interface listens; port 0 takes a free one."),
    ("admin.listeners", _T.LIST, None, None, _LOW, "Where /admin is served; unset: with the rest, empty: nowhere."),
    ("rest.advertised.host.name", _T.STRING, None, None, _LOW, "The host name that others reach this worker by."),
    ("rest.advertised.port", _T.INT, None, None, _LOW, "The port that others reach this worker by."),
    (
        "offset.storage.file.filename",
        _T.STRING,
        None,
        None,
        _HIGH,
        "connect-standalone's file of source offsets: read once, at the first start.",
    ),
    ("offset.flush.interval.ms", _T.LONG, 60000, at_least(1), _LOW, "Time between offset commits."),
    ("offset.flush.timeout.ms", _T.LONG, 5000, at_least(1), _LOW, "How long an offset commit may take."),
    ("task.shutdown.graceful.timeout.ms", _T.LONG, 5000, at_least(0), _LOW, "Time for all tasks together to end."),
    ("plugin.path", _T.LIST, None, None, _LOW, "Folders with plugins beside those that are installed."),
    (
        "plugin.discovery",
        _T.STRING,
        "hybrid_warn",
        one_of("only_scan", "service_load", "hybrid_warn", "hybrid_fail", ignore_case=True),
        _LOW,
        "Accepted for Connect's sake; entry points are always used, folders always scanned.",
    ),
    ("config.providers", _T.LIST, [], None, _LOW, "Names of config providers, each set by config.providers.<name>.*."),
    (
        "connector.client.config.override.policy",
        _T.STRING,
        "All",
        None,
        _MEDIUM,
        "Which producer.override.*, consumer.override.*, admin.override.* a connector may set: All, None, Principal, Allowlist.",
    ),
    ("connector.client.config.override.allowlist", _T.LIST, [], None, _MEDIUM, "The keys that Allowlist allows."),
    ("topic.creation.enable", _T.BOOLEAN, True, None, _LOW, "Whether topic.creation.* of connectors is obeyed."),
    ("topic.tracking.enable", _T.BOOLEAN, True, None, _LOW, "Whether the topics a connector uses are recorded."),
    ("topic.tracking.allow.reset", _T.BOOLEAN, True, None, _LOW, "Whether that record may be reset."),
    (
        "log.implementation",
        _T.STRING,
        None,
        lambda name, value: one_of("embedded", "kafka")(name, value) if value is not None else None,
        _HIGH,
        "kafka: the topics are on the brokers of bootstrap.servers, the default where it is set; embedded: they are in the data folder.",
    ),
    (
        "log.embedded.max.bytes",
        _T.LONG,
        0,
        at_least(0),
        _MEDIUM,
        "How large the embedded log may grow; 0 = as the disk allows.",
    ),
    (
        "log.embedded.compression.type",
        _T.STRING,
        "lz4",
        one_of("lz4", "none"),
        _MEDIUM,
        "How batches of the embedded log are kept: lz4 or none. Either way all that is there can be read.",
    ),
    ("log.embedded.num.partitions", _T.INT, 1, at_least(1), _LOW, "Partitions of a topic that is made by itself."),
    (
        "log.embedded.auto.create",
        _T.BOOLEAN,
        True,
        None,
        _LOW,
        "Whether a topic is made when something is written to it.",
    ),
    ("headrace.data.dir", _T.STRING, None, None, _HIGH, "The folder for log, offsets and connectors."),
    (
        "headrace.task.isolation",
        _T.STRING,
        "process",
        one_of("process", "thread"),
        _LOW,
        "thread runs connectors and tasks as threads of the worker, for debugging.",
    ),
    (
        "headrace.task.heartbeat.timeout.ms",
        _T.LONG,
        30000,
        at_least(0),
        _LOW,
        "A task that is silent for longer is killed.",
    ),
    (
        "headrace.task.hang.timeout.ms",
        _T.LONG,
        300000,
        at_least(0),
        _LOW,
        "A task that stays in one stage for longer is killed; 0 for never.",
    ),
    (
        "headrace.task.start.timeout.ms",
        _T.LONG,
        120000,
        at_least(0),
        _LOW,
        "A task that takes longer to start is killed.",
    ),
    ("headrace.task.memory.limit.bytes", _T.LONG, 0, at_least(0), _LOW, "Memory a task may use; 0 for no limit."),
    ("headrace.plugin.call.timeout.ms", _T.LONG, 85000, at_least(1), _LOW, "How long a plugin may take to validate."),
    ("headrace.log.format", _T.STRING, "text", one_of("text", "json"), _LOW, "The form of log lines."),
    ("headrace.log.level", _T.STRING, "INFO", one_of(*LEVELS, ignore_case=True), _LOW, "The level of the log."),
    ("headrace.log.dir", _T.STRING, None, None, _LOW, "A folder for one log file per connector; none when not set."),
    ("headrace.log.file.max.bytes", _T.LONG, 10485760, at_least(1024), _LOW, "Size at which a log file is rotated."),
    ("headrace.log.file.backups", _T.INT, 3, at_least(0), _LOW, "How many rotated log files are kept."),
    (
        "headrace.log.maintenance.interval.ms",
        _T.LONG,
        60000,
        at_least(100),
        _LOW,
        "Time between two runs of the embedded log's retention and compaction.",
    ),
)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """A standalone worker's settings, checked. `text`: all properties with what was derived filled in, as children get them."""

    text: dict[str, str]
    values: dict[str, Any]
    data_dir: Path
    limits: Limits
    logs: LogSettings

    @property
    def plugin_path(self) -> list[str]:
        return [item for item in self.values["plugin.path"] or [] if item]

    def seconds(self, key: str) -> float:
        """A key of milliseconds, in seconds."""
        return float(self.values[key]) / 1000

    @property
    def on_kafka(self) -> bool:
        """Whether the topics are on Kafka's brokers."""
        return is_kafka(self.text)

    @property
    def rest_text(self) -> dict[str, str]:
        """What the REST server gets."""
        return self.text


@dataclass(frozen=True, slots=True)
class _Place:
    data_dir: Path
    derived: dict[str, str] = field(default_factory=dict)


def parse_worker_config(properties: Mapping[str, str]) -> WorkerConfig:
    """Check a worker's properties (references resolved).

    ConfigException: with all errors listed; those of `client_settings` for what Kafka's client library cannot do."""
    definition = worker_def()
    outcomes = definition.validate(properties)
    errors = [(outcome.name, text) for outcome in outcomes for text in outcome.errors]
    if errors:
        lines = "\n".join(text for _, text in errors)
        raise ConfigException(
            f"The worker's configuration has {len(errors)} error(s):\n{lines}",
            code="WORKER_CONFIG_INVALID",
            field=errors[0][0],
        )
    values = {outcome.name: outcome.value for outcome in outcomes}
    place = _place(values, asks_for_kafka(properties))
    text = {**{key: str(value) for key, value in properties.items()}, **place.derived}
    if is_kafka(text):
        for client in (Client.PRODUCER, Client.CONSUMER, Client.ADMIN):
            client_settings(client, text)
    levels = {"root": str(values["headrace.log.level"]).upper()}
    for key, level in properties.items():
        if key.startswith(LOG_LEVEL_PREFIX):
            one_of(*LEVELS, ignore_case=True)(key, level)
            levels[key.removeprefix(LOG_LEVEL_PREFIX)] = level.upper()
    logs = LogSettings(
        values["headrace.log.format"],
        values["headrace.log.dir"],
        values["headrace.log.file.max.bytes"],
        values["headrace.log.file.backups"],
        levels,
    )
    limits = Limits(
        values["headrace.task.heartbeat.timeout.ms"] / 1000,
        values["headrace.task.hang.timeout.ms"] / 1000,
        values["headrace.task.start.timeout.ms"] / 1000,
        values["headrace.task.memory.limit.bytes"],
    )
    return WorkerConfig(text, values, place.data_dir, limits, logs)


def asks_for_kafka(properties: Mapping[str, str]) -> bool:
    """Whether a worker's properties, as they were given, put the log on Kafka."""
    chosen = properties.get("log.implementation")
    return is_kafka(properties) or (chosen is None and bool(properties.get("bootstrap.servers", "").strip(" ,")))


def _place(values: Mapping[str, Any], kafka: bool) -> _Place:
    folder, file = values["headrace.data.dir"], values["offset.storage.file.filename"]
    if not folder and not file:
        raise ConfigException(
            "Neither headrace.data.dir nor offset.storage.file.filename is set.",
            code="CONFIG_MISSING",
            field="headrace.data.dir",
            remedy="Set headrace.data.dir to a folder on a disk that lasts: log, offsets and connectors are kept there.",
        )
    data_dir = Path(folder or f"{file}.headrace").expanduser().absolute()
    derived = {
        "log.implementation": "kafka" if kafka else "embedded",
        "log.embedded.path": str(data_dir / ("kafka" if kafka else "log")),
    }
    return _Place(data_dir, derived)
