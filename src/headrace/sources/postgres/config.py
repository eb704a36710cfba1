"""The declared settings as ConfigDef, and the parsed settings the task works with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from headrace.cdc.filters import MessageKeys, NameFilter, compile_patterns, split_patterns
from headrace.cdc.masks import MASK_KEYS, ColumnMasks
from headrace.cdc.topic_naming import STRATEGIES, NamingStrategy, Rewrite
from headrace.cdc.topics import TopicNames
from headrace.config import ConfigDef, ConfigType, Importance, Validator, Width
from headrace.config.keys import invalid_value
from headrace.config.parsing import parse_value
from headrace.config.validators import ValidValues
from headrace.errors import ConfigException
from headrace.sources.postgres.keys import GROUPS, PATTERN_KEYS, KeyRow
from headrace.sources.postgres.stream.rules import StreamRules
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.source_types import PropagatedTypes
from headrace.systems.postgres import PgTarget
from headrace.systems.postgres.servers import servers, session_attrs

LIST_PAIRS: Final = tuple(
    (f"{what}.include.list", f"{what}.exclude.list") for what in ("schema", "table", "column", "message.prefix")
)
REGEX_LISTS: Final = (
    *(key for pair in LIST_PAIRS for key in pair),
    "snapshot.include.collection.list",
    "column.propagate.source.type",
    "datatype.propagate.source.type",
)
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]+")
_SLOT: Final = re.compile(r"[a-z0-9_]{1,63}")
_OWN_OPTIONS: Final = frozenset({"proto_version", "publication_names", "binary", "two_phase"})


@cache
def config_def() -> ConfigDef:
    """All settings, grouped."""
    definition = ConfigDef()
    for group, rows in GROUPS.items():
        for row in rows:
            definition.define(
                row.name,
                row.type,
                row.default,
                _validator(row),
                row.importance,
                f"{row.doc} Differs from Debezium: {row.differs}." if row.differs else row.doc,
                group=group,
                width=_width(row.type),
                recommender=ValidValues(list(row.allowed)) if row.allowed else None,
                no_effect=row.no_effect,
            )
    for name, doc in PATTERN_KEYS:
        definition.define_pattern(name, doc, regex=name)
    overrides = "snapshot.select.statement.overrides"
    definition.define_pattern(
        f"{overrides}.<table>", "The SELECT for a table.", regex=re.escape(overrides) + r"\.(.+)", listed_in=overrides
    )
    multiplier = "snapshot.max.threads.multiplier"
    definition.define_pattern(
        f"{multiplier}.<table>", f"{multiplier} of one table.", regex=re.escape(multiplier) + r"\.(.+)"
    )
    no_driver = "there is no JDBC driver here; use the database.* keys"
    definition.define_pattern("driver.*", "Properties of the original's database driver.", no_effect=no_driver)
    definition.define_pattern("internal.*", "Debezium's internal settings.", no_effect="they steer Debezium's own code")
    definition.define_pattern(
        "<alias of converters>.*",
        "Settings of converters, which are refused.",
        regex=r"([^.]+)\..+",
        no_effect="converters are refused",
        listed_in="converters",
    )
    for prefix in ("", "post.processors."):
        definition.define_pattern(
            f"{prefix}<alias of post.processors>.*",
            "Type and settings of a post processor.",
            regex=re.escape(prefix) + r"([^.]+)\..+",
            listed_in="post.processors",
        )
    return definition


def _width(type: ConfigType) -> Width:
    if type in (ConfigType.LIST, ConfigType.CLASS):
        return Width.LONG
    return Width.MEDIUM if type in (ConfigType.STRING, ConfigType.PASSWORD) else Width.SHORT


def _validator(row: KeyRow) -> Validator | None:
    special = _SPECIAL.get(row.name)
    if special is not None:
        return special
    if row.allowed:
        folded = {item.lower() for item in row.allowed}

        def one_of(name: str, value: Any) -> None:
            if value is not None and value.lower() not in folded:
                raise invalid_value(name, value, f"Value must be one of {', '.join(row.allowed)}")

        return one_of
    if row.minimum is not None:
        least = row.minimum

        def at_least(name: str, value: Any) -> None:
            if value is not None and value < least:
                raise invalid_value(name, value, f"Value must be at least {least}")

        return at_least
    if row.name in ("database.user", "database.dbname"):
        return _not_empty
    return None


def _not_empty(name: str, value: Any) -> None:
    if not value:
        raise invalid_value(name, value, "A value is required")


def _hosts(name: str, value: Any) -> None:
    _not_empty(name, value)
    try:
        servers(value, 5432)
    except ValueError as error:
        raise invalid_value(name, value, f"{error}") from None


def _topic_prefix(name: str, value: Any) -> None:
    _not_empty(name, value)
    if not _PREFIX.fullmatch(value):
        raise invalid_value(name, value, "Only letters, digits, dots, underscores and hyphens are allowed")


def _slot_name(name: str, value: Any) -> None:
    if value is None or not _SLOT.fullmatch(value):
        raise invalid_value(name, value, "Only small letters, digits and underscores are allowed, at most 63")


def _operations(name: str, value: Any) -> None:
    wrong = [item for item in value or [] if item.strip().lower() not in ("c", "u", "d", "t", "none")]
    if wrong or (value and len(value) > 1 and "none" in value):
        raise invalid_value(name, ",".join(value), "Operations are c, u, d, t, or none alone")


_SPECIAL: Final[dict[str, Validator]] = {
    "database.hostname": _hosts,
    "topic.prefix": _topic_prefix,
    "slot.name": _slot_name,
    "skipped.operations": _operations,
}


@dataclass(frozen=True)
class PostgresConfig:
    """The settings, parsed. `raw`: as they were given (lists of regexes keep their own commas)."""

    raw: Mapping[str, str]
    values: Mapping[str, Any]

    @classmethod
    def parse(cls, props: Mapping[str, str]) -> PostgresConfig:
        """ConfigException for the first key that is missing or refused."""
        return cls(dict(props), config_def().parse(props))

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def word(self, key: str) -> str:
        """A choice in small letters."""
        return str(self.values[key]).lower()

    def text(self, key: str) -> str | None:
        """The text as given, None when it is not set or empty."""
        return self.raw.get(key) or None

    def target(self, application: str) -> PgTarget:
        """Where to connect; `application` names us in pg_stat_activity."""
        password, key_password = self["database.password"], self["database.sslpassword"]
        return PgTarget(
            host=self["database.hostname"],
            port=self["database.port"],
            dbname=self["database.dbname"],
            user=self["database.user"],
            password=password.value if password else None,
            sslmode=self.word("database.sslmode"),
            sslrootcert=self["database.sslrootcert"],
            sslcert=self["database.sslcert"],
            sslkey=self["database.sslkey"],
            sslpassword=key_password.value if key_password else None,
            application_name=application[:63],
            connect_timeout_s=min(60.0, self["connection.validation.timeout.ms"] / 1000),
            tcp_keepalive=self["database.tcpKeepAlive"],
            session_attrs=self._session_attrs(),
            load_balance=self["database.load.balance.hosts"] or self["driver.loadBalanceHosts"],
            channel_binding=self.word("database.channel.binding"),
        )

    def _session_attrs(self) -> str:
        if "database.target.session.attrs" in self.raw or not self["driver.targetServerType"]:
            return self.word("database.target.session.attrs")
        return session_attrs(self["driver.targetServerType"]) or "any"

    def modes(self) -> Modes:
        placeholder: str = self["unavailable.value.placeholder"]
        return Modes(
            decimals=self.word("decimal.handling.mode"),
            times=self.word("time.precision.mode"),
            binary=self.word("binary.handling.mode"),
            hstore=self.word("hstore.handling.mode"),
            interval=self.word("interval.handling.mode"),
            money_digits=self["money.fraction.digits"],
            include_unknown=self["include.unknown.datatypes"],
            placeholder=placeholder_bytes(placeholder),
        )

    def topics(self) -> TopicNames:
        heartbeat = self["topic.heartbeat.prefix"]
        if "topic.heartbeat.prefix" not in self.raw and "heartbeat.topics.prefix" in self.raw:
            heartbeat = self["heartbeat.topics.prefix"]
        return TopicNames(
            self["topic.prefix"],
            self["topic.delimiter"],
            heartbeat_prefix=heartbeat,
            heartbeat_name=self["topic.heartbeat.name"],
            transaction=self["topic.transaction"],
            strategy=self.naming(),
        )

    def naming(self) -> NamingStrategy:
        """topic.naming.strategy. ConfigException for another class, and for a regex that is missing or wrong."""
        chosen = STRATEGIES.get(self["topic.naming.strategy"])
        if chosen is None:
            raise ConfigException(
                f"Invalid value {self['topic.naming.strategy']} for configuration topic.naming.strategy: Java classes cannot run here.",
                field="topic.naming.strategy",
                remedy=f"Use one of {', '.join(STRATEGIES)}, or rename topics by a transform.",
            )
        schema, kind = chosen
        if kind != "Regex":
            return NamingStrategy(schema, kind == "Unicode")
        key_rewrite = self._rewrite("topic.key.field.regex", "topic.key.field.replacement")
        rewrite = self._rewrite("topic.regex", "topic.replacement")
        if rewrite is None:
            raise ConfigException(
                f"{self['topic.naming.strategy']} needs topic.regex and topic.replacement.",
                code="CONFIG_MISSING",
                field="topic.regex",
                remedy="Give the regex of topic names, and what they become.",
            )
        field = self["topic.key.field.name"] if self["topic.key.enforce.uniqueness"] else None
        return NamingStrategy(schema, rewrite=rewrite, key_field=field, key_rewrite=key_rewrite)

    def _rewrite(self, regex: str, replacement: str) -> Rewrite | None:
        pattern = self.text(regex)
        if pattern is None:
            return None
        if not self.text(replacement):
            raise ConfigException(
                f"{replacement} must be set with {regex}.",
                code="CONFIG_MISSING",
                field=replacement,
                remedy="Say what it becomes.",
            )
        return Rewrite.of(regex, pattern, self.text(replacement) or "")

    def filter(self, what: str) -> NameFilter:
        """The include/exclude pair of schema, table, column or message.prefix."""
        return NameFilter.of(self.text, f"{what}.include.list", f"{what}.exclude.list")

    def masks(self) -> ColumnMasks:
        return ColumnMasks({key: value for key, value in self.raw.items() if key.startswith("column.")})

    def message_keys(self) -> MessageKeys:
        return MessageKeys("message.key.columns", self.text("message.key.columns"))

    def propagated(self) -> PropagatedTypes:
        return PropagatedTypes(self.text("column.propagate.source.type"), self.text("datatype.propagate.source.type"))

    def signal_tables(self) -> list[str]:
        """signal.data.collection as `schema.table`; the name of the database in front is passed over."""
        names = [name.strip().replace('"', "") for name in self["signal.data.collection"] or ()]
        database = f"{self['database.dbname']}."
        return [name.removeprefix(database) if name.count(".") > 1 else name for name in names if name]

    def rules(self) -> StreamRules:
        skipped = {item.strip().lower() for item in self["skipped.operations"] or []} - {"none"}
        failure = self.word("event.processing.failure.handling.mode")
        return StreamRules(
            skipped=frozenset(skipped),
            on_failure="skip" if failure == "ignore" else failure,
            skip_unchanged=self["skip.messages.without.change"],
            messages=self.filter("message.prefix"),
        )

    @property
    def manual_flush(self) -> bool:
        """True when the slot is never to be confirmed."""
        return self.word("lsn.flush.mode") == "manual" or (
            self["lsn.flush.mode"] is None and not self["flush.lsn.source"]
        )

    def stream_options(self) -> dict[str, str]:
        """slot.stream.params. ConfigException for a piece without `=`, or one that is ours to set."""
        options: dict[str, str] = {}
        for piece in filter(None, (part.strip() for part in (self.text("slot.stream.params") or "").split(";"))):
            name, equals, value = piece.partition("=")
            if not equals or name.strip() in _OWN_OPTIONS:
                raise ConfigException(
                    f"Invalid value {piece} for configuration slot.stream.params: not an option that may be given.",
                    field="slot.stream.params",
                    remedy="Write name=value;name=value; proto_version and publication_names are for the connector to set, binary by slot.stream.binary, and prepared transactions come once they are committed.",
                )
            options[name.strip()] = value.strip()
        return options

    def initial_statements(self) -> list[str]:
        """database.initial.statements, split."""
        text = self.text("database.initial.statements") or ""
        marked = text.replace(";;", "\0")
        return [part.replace("\0", ";").strip() for part in marked.split(";") if part.strip()]

    def select_overrides(self) -> dict[str, str]:
        """SELECT by schema.table. ConfigException when a listed table has none."""
        key = "snapshot.select.statement.overrides"
        result: dict[str, str] = {}
        for table in split_patterns(self.text(key)):
            statement = self.raw.get(f"{key}.{table}")
            if not statement:
                raise ConfigException(
                    f"{key} lists {table}, but {key}.{table} is not set.",
                    code="CONFIG_MISSING",
                    field=key,
                    remedy=f"Give the SELECT in {key}.{table}.",
                )
            result[table] = statement
        return result

    def identities(self) -> list[tuple[re.Pattern[str], str]]:
        """replica.identity.autoset.values as (table regex, clause of ALTER TABLE … REPLICA IDENTITY)."""
        key = "replica.identity.autoset.values"
        result = []
        for rule in split_patterns(self.text(key)):
            table, _, mode = rule.rpartition(":")
            word, _, index = mode.strip().partition(" ")
            clause = word.upper()
            if not table or clause not in ("DEFAULT", "FULL", "NOTHING", "INDEX") or (clause == "INDEX") != bool(index):
                raise ConfigException(
                    f"Invalid value {rule} for configuration {key}: not table:MODE",
                    field=key,
                    remedy="Write tableRegex:DEFAULT, FULL, NOTHING or INDEX index_name.",
                )
            [pattern] = compile_patterns(key, table.replace(",", "\\,"))
            quoted = '"' + index.strip().replace('"', '""') + '"'
            result.append((pattern, f"USING INDEX {quoted}" if clause == "INDEX" else clause))
        return result


def placeholder_bytes(text: str) -> bytes:
    """unavailable.value.placeholder: plain text, or hex digits behind `hex:`."""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def is_mask_key(key: str) -> bool:
    """True for column.mask.… and column.truncate.… with their values in the name."""
    return any(pattern.fullmatch(key) for pattern in MASK_KEYS)


__all__ = ["Importance", "PostgresConfig", "config_def", "is_mask_key", "parse_value", "placeholder_bytes"]
