"""The settings of the PostgreSQL source, one line each: name, type, default, what it means.

Names, types and defaults are Debezium's (PostgresConnectorConfig and its parents); `config.py` adds validators and builds the
ConfigDef. Kept as plain rows so that the reference page and the forms read well and a difference shows at a glance.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from headrace.config import NO_DEFAULT, ConfigType, Importance
from headrace.systems.postgres.servers import SESSION_ATTRS, TARGET_SERVER_TYPES
from headrace.systems.postgres.target import CHANNEL_BINDINGS

_S, _I, _L, _B, _P = ConfigType.STRING, ConfigType.INT, ConfigType.LONG, ConfigType.BOOLEAN, ConfigType.PASSWORD
_C, _T, _H = ConfigType.CLASS, ConfigType.LIST, ConfigType.SHORT
_SECRET_KEYS: Final = (
    r".*secret$|.*password$|.*sasl\.jaas\.config$|.*basic\.auth\.user\.info|.*registry\.auth\.client-secret|.*credentials\.json$"
    r"|.*connectionstring$|.*connection\.string$"
)
_HIGH, _MEDIUM, _LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW
_LINEAGE: Final = "OpenLineage is not told"


class KeyRow(NamedTuple):
    name: str
    type: ConfigType
    default: Any
    importance: Importance
    doc: str
    allowed: tuple[str, ...] = ()
    minimum: int | None = None
    no_effect: str = ""
    """Why the key is accepted and does nothing."""
    differs: str = ""
    """How its effect differs from the original's."""


def _row(
    name: str,
    type: ConfigType,
    default: Any,
    importance: Importance,
    doc: str,
    allowed: str = "",
    minimum: int | None = None,
    *,
    no_effect: str = "",
    differs: str = "",
) -> KeyRow:
    return KeyRow(name, type, default, importance, doc, tuple(allowed.split()), minimum, no_effect, differs)


GROUPS: Final[dict[str, tuple[KeyRow, ...]]] = {
    "Connection": (
        _row("database.hostname", _S, NO_DEFAULT, _HIGH, "Host name or address of the server; or several, separated by commas, each with :port where it is not database.port. They are tried in turn.", differs="a list is accepted"),
        _row("database.port", _I, 5432, _HIGH, "Port of the server.", minimum=0),
        _row("database.target.session.attrs", _S, "any", _MEDIUM, "Which kind of server to connect to, as libpq's target_session_attrs: the others of database.hostname, and of the addresses of a name, are passed over.", " ".join(SESSION_ATTRS)),
        _row("database.load.balance.hosts", _B, False, _LOW, "Try hosts and addresses in random order."),
        _row("driver.targetServerType", _S, None, _LOW, "The JDBC driver's spelling of database.target.session.attrs, which goes before it.", " ".join(TARGET_SERVER_TYPES)),
        _row("driver.loadBalanceHosts", _B, False, _LOW, "The JDBC driver's spelling of database.load.balance.hosts."),
        _row("database.user", _S, NO_DEFAULT, _HIGH, "Role to log in with; needs REPLICATION and SELECT on the captured tables."),
        _row("database.password", _P, None, _HIGH, "Password of the role."),
        _row("database.dbname", _S, NO_DEFAULT, _HIGH, "The database to capture."),
        _row("database.sslmode", _S, "prefer", _MEDIUM, "How TLS is used.", "disable allow prefer require verify-ca verify-full"),
        _row("database.sslcert", _S, None, _MEDIUM, "File with the client's certificate."),
        _row("database.sslkey", _S, None, _MEDIUM, "File with the client's key, in PEM or, unencrypted, in DER (.pk8)."),
        _row("database.sslpassword", _P, None, _MEDIUM, "Password of the client's key."),
        _row("database.sslrootcert", _S, None, _MEDIUM, "File with the certificates that are trusted."),
        _row("database.channel.binding", _S, "prefer", _LOW, "Whether the password's proof must hold for this TLS connection only: require refuses servers that cannot.", " ".join(CHANNEL_BINDINGS)),
        _row("database.sslfactory", _S, None, _MEDIUM, "Java socket factory; refused here, TLS is set by the other database.ssl* keys."),
        _row("database.tcpKeepAlive", _B, True, _MEDIUM, "Let the system probe idle connections."),
        _row("database.query.timeout.ms", _I, 600_000, _LOW, "Longest time a query may take, 0 = no limit.", minimum=0),
        _row("database.initial.statements", _S, None, _LOW, "SQL to run on each new connection; ; separates, ;; is a semicolon."),
        _row("database.connection.factory.class", _C, None, _LOW, "Java connection factory; refused here."),
        _row("connection.validation.timeout.ms", _L, 60_000, _LOW, "Longest time of a log-in.", minimum=1),
    ),
    "Identity and topics": (
        _row("topic.prefix", _S, NO_DEFAULT, _HIGH, "Logical name of the server: first part of topic names, key of the offsets. Changing it starts anew."),
        _row("topic.naming.strategy", _C, "io.debezium.schema.SchemaTopicNamingStrategy", _MEDIUM, "How topics are named: io.debezium.schema.SchemaTopicNamingStrategy (<prefix>.<schema>.<table>), DefaultTopicNamingStrategy (<prefix>.<table>), and of both a Regex and a Unicode form."),
        _row("topic.regex", _S, None, _LOW, "With a Regex strategy: what topic names are matched against, as a whole."),
        _row("topic.replacement", _S, None, _LOW, "With a Regex strategy: the new name; $1 is the first group."),
        _row("topic.key.enforce.uniqueness", _B, True, _LOW, "With a Regex strategy: add a field to each key that names the table."),
        _row("topic.key.field.name", _S, "__dbz__physicalTableIdentifier", _LOW, "Name of that field."),
        _row("topic.key.field.regex", _S, None, _LOW, "What the table's topic name is matched against to make the field's value."),
        _row("topic.key.field.replacement", _S, None, _LOW, "The field's value."),
        _row("topic.delimiter", _S, ".", _MEDIUM, "Between the parts of a topic's name."),
        _row("topic.cache.size", _I, 10_000, _LOW, "Names kept in the original's cache.", minimum=1, no_effect="names are kept per table"),
        _row("topic.heartbeat.prefix", _S, "__debezium-heartbeat", _MEDIUM, "First part of the heartbeat topic's name."),
        _row("topic.heartbeat.name", _S, None, _LOW, "The whole name of the heartbeat topic."),
        _row("heartbeat.topics.prefix", _S, "__debezium-heartbeat", _LOW, "Old spelling of topic.heartbeat.prefix."),
        _row("topic.transaction", _S, "transaction", _LOW, "Last part of the transaction topic's name."),
        _row("schema.name.adjustment.mode", _S, "none", _LOW, "How schema names are fitted to a serialization.", "none avro avro_unicode"),
        _row("field.name.adjustment.mode", _S, "none", _MEDIUM, "How field names are fitted to a serialization.", "none avro avro_unicode"),
        _row("sourceinfo.struct.maker", _C, "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker", _LOW, "Maker of the source block."),
        _row("extended.headers.enabled", _B, True, _LOW, "Add __debezium.context.* headers to data records."),
    ),
    "Replication": (
        _row("plugin.name", _S, "decoderbufs", _MEDIUM, "Logical decoding plug-in. pgoutput is used; when the key is not set it is taken as pgoutput, and decoderbufs asked for by name is refused.", "decoderbufs pgoutput", differs="the default is taken as pgoutput; decoderbufs, asked for by name, is refused"),
        _row("slot.name", _S, "debezium", _MEDIUM, "Replication slot: small letters, digits, underscores, at most 63."),
        _row("slot.drop.on.stop", _B, False, _MEDIUM, "Drop the slot when the task stops. For tests: what happens afterwards is lost."),
        _row("slot.failover", _B, False, _MEDIUM, "Create the slot so that standbys keep it (servers from 17)."),
        _row("slot.stream.params", _S, None, _LOW, "Further options of START_REPLICATION: k=v;k=v. With streaming=on (servers from 14) or parallel (from 16) the server sends a large transaction before it is committed; it waits in the temporary folder."),
        _row("slot.stream.binary", _B, False, _LOW, "Have the server send values in binary format where the Rust core decodes the stream, which spares both sides some work. A table with a column whose binary form is not known, a post processor, and the Python implementation make the stream one of texts. Not a key of Debezium's."),
        _row("slot.max.retries", _I, 6, _LOW, "How often to try again when the slot is in use.", minimum=0),
        _row("slot.retry.delay.ms", _L, 10_000, _LOW, "Pause between these attempts.", minimum=0),
        _row("create.slot.command.timeout", _L, 90, _LOW, "Seconds to wait for the slot to be created; it waits for running transactions.", minimum=1),
        _row("publication.name", _S, "dbz_publication", _MEDIUM, "The publication read."),
        _row("publication.autocreate.mode", _S, "all_tables", _MEDIUM, "What to do about a missing publication.", "all_tables disabled filtered no_tables"),
        _row("publish.via.partition.root", _B, False, _MEDIUM, "Publish changes of partitions as the root's; used when the publication is created."),
        _row("replica.identity.autoset.values", _S, None, _MEDIUM, "table regex:MODE list, set at the start; MODE is DEFAULT, FULL, NOTHING or INDEX name."),
        _row("status.update.interval.ms", _I, 10_000, _MEDIUM, "How often the server is told the position, and how often an idle source moves its stored offset on.", minimum=1),
        _row("lsn.flush.mode", _S, None, _LOW, "connector: confirm what is committed; manual: never confirm; connector_and_driver is taken as connector.", "connector manual connector_and_driver", differs="connector_and_driver is taken as connector: nothing confirms a slot but committed offsets"),
        _row("flush.lsn.source", _B, True, _LOW, "Old form of lsn.flush.mode: false is manual."),
        _row("lsn.flush.timeout.ms", _L, 30_000, _MEDIUM, "Longest time the server may take to accept a confirmed position.", minimum=1),
        _row("lsn.flush.timeout.action", _S, "fail", _MEDIUM, "What to do beyond it: end the task, or go on and tell the position with the next one.", "fail warn ignore"),
        _row("xmin.fetch.interval.ms", _L, 0, _MEDIUM, "How often the slot's catalog_xmin is read, to be source.xmin; 0 = never.", minimum=0),
        _row("offset.mismatch.strategy", _S, "no_validation", _LOW, "What to do when slot and stored offset disagree. A slot that is ahead of the offset is an error, unless trust_slot or trust_greater_lsn accepts the gap.", "no_validation trust_offset trust_slot trust_greater_lsn", differs="a slot that is ahead of the offset is an error unless the strategy trusts it; the original goes on"),
        _row("read.only", _B, False, _LOW, "Incremental snapshots without writing to the database; signals come by kafka, file or jmx."),
    ),
    "What is captured": (
        _row("schema.include.list", _T, None, _HIGH, "Regexes of schemas to capture."),
        _row("schema.exclude.list", _T, None, _MEDIUM, "Regexes of schemas to leave out."),
        _row("table.include.list", _T, None, _HIGH, "Regexes of schema.table to capture."),
        _row("table.exclude.list", _T, None, _MEDIUM, "Regexes of schema.table to leave out."),
        _row("table.ignore.builtin", _B, True, _LOW, "Leave out the system's tables."),
        _row("column.include.list", _T, None, _MEDIUM, "Regexes of schema.table.column to capture."),
        _row("column.exclude.list", _T, None, _MEDIUM, "Regexes of schema.table.column to leave out."),
        _row("message.key.columns", _S, None, _MEDIUM, "Keys other than the primary key: tableRegex:col1,col2;tableRegex2:col."),
        _row("message.prefix.include.list", _T, None, _MEDIUM, "Regexes of logical messages' prefixes to capture."),
        _row("message.prefix.exclude.list", _T, None, _MEDIUM, "Regexes of logical messages' prefixes to leave out."),
        _row("skipped.operations", _T, "t", _LOW, "Operations to leave out: c, u, d, t, or none."),
        _row("skip.messages.without.change", _B, False, _MEDIUM, "Leave out updates that change no captured column; needs REPLICA IDENTITY FULL."),
        _row("tombstones.on.delete", _B, True, _MEDIUM, "Write a record without value behind each delete."),
        _row("guardrail.collections.max", _I, 0, _MEDIUM, "Most tables to capture, 0 = no limit.", minimum=0),
        _row("guardrail.collections.limit.action", _S, "warn", _MEDIUM, "What to do beyond it.", "warn fail"),
    ),
    "Values": (
        _row("decimal.handling.mode", _S, "precise", _MEDIUM, "How numeric and money are carried.", "precise double string"),
        _row("time.precision.mode", _S, "adaptive", _MEDIUM, "How dates and times are carried.", "adaptive adaptive_time_microseconds connect isostring microseconds nanoseconds"),
        _row("binary.handling.mode", _S, "bytes", _LOW, "How bytea is carried.", "bytes base64 base64-url-safe hex", differs="a value that was not sent is the placeholder in every mode; the original has NULL for bytea as base64"),
        _row("interval.handling.mode", _S, "numeric", _LOW, "interval as microseconds or ISO 8601 text.", "numeric string", differs="infinite intervals are the ends of the number's range; the original has 0"),
        _row("hstore.handling.mode", _S, "json", _LOW, "hstore as JSON text or map.", "json map"),
        _row("money.fraction.digits", _H, 2, _LOW, "Fraction digits of money.", minimum=0),
        _row("include.unknown.datatypes", _B, False, _MEDIUM, "Carry types that are not supported as the bytes of their text."),
        _row("unavailable.value.placeholder", _S, "__debezium_unavailable_value", _MEDIUM, "Stands for a TOAST value that was not sent; hex: in front gives bytes."),
        _row("include.schema.comments", _B, False, _MEDIUM, "Column comments as doc of the field's schema.", differs="Debezium's PostgreSQL connector takes the setting and puts no comment into a schema"),
        _row("column.propagate.source.type", _T, None, _MEDIUM, "Regexes of columns whose own type is told in schema parameters."),
        _row("datatype.propagate.source.type", _T, None, _MEDIUM, "Regexes of types that are told in schema parameters."),
        _row("schema.refresh.mode", _S, "columns_diff", _MEDIUM, "When the original reads a table's definition anew.", "columns_diff columns_diff_exclude_unchanged_toast", no_effect="schemas follow the stream's relation messages"),
        _row("memory.management.schemas.class", _C, "io.debezium.relational.ConcurrentMapTableMappingStorage", _LOW, "The original's store of schemas.", no_effect="schemas are kept per table"),
        _row("memory.management.tables.class", _C, "io.debezium.relational.ConcurrentMapTableMappingStorage", _LOW, "The original's store of table definitions.", no_effect="they are kept per table"),
        _row("converters", _S, None, _LOW, "Custom converters; refused."),
        _row("post.processors", _S, None, _LOW, "Aliases of post processors, each with a type and settings in post.processors.<alias>.* or <alias>.*. Built in is io.debezium.processors.reselect.ReselectColumnsPostProcessor, which reads values the log does not hold from the table; its settings: reselect.columns.include.list, reselect.columns.exclude.list, reselect.unavailable.values, reselect.null.values, reselect.use.event.key, reselect.error.handling.mode."),
    ),
    "Snapshot": (
        _row("snapshot.mode", _S, "initial", _MEDIUM, "initial: when there is no offset; always: at each start, changes since the last offset show as the rows' present state only; initial_only: then stop; no_data: only stream; when_needed: initial, and again when the position is gone; configuration_based: as the five snapshot.mode.configuration.based.* say. One that breaks goes on where it was.", "initial always initial_only no_data when_needed configuration_based"),
        _row("snapshot.mode.custom.name", _S, None, _MEDIUM, "Custom mode; refused."),
        _row("snapshot.mode.configuration.based.snapshot.data", _B, False, _MEDIUM, "With configuration_based: read the rows at each start."),
        _row("snapshot.mode.configuration.based.snapshot.schema", _B, False, _MEDIUM, "With configuration_based: read the schema history.", no_effect="PostgreSQL has none"),
        _row("snapshot.mode.configuration.based.start.stream", _B, False, _MEDIUM, "With configuration_based: go on with changes behind the snapshot."),
        _row("snapshot.mode.configuration.based.snapshot.on.schema.error", _B, False, _MEDIUM, "With configuration_based: read the schema history again when it fails.", no_effect="PostgreSQL has none"),
        _row("snapshot.mode.configuration.based.snapshot.on.data.error", _B, False, _MEDIUM, "With configuration_based: take a new snapshot when the stored position is lost."),
        _row("snapshot.isolation.mode", _S, "serializable", _LOW, "Isolation of the snapshot.", "serializable repeatable_read read_committed read_uncommitted", no_effect="one snapshot, exported by a slot, is read in repeatable read, which is at least as strict"),
        _row("snapshot.locking.mode", _S, "none", _LOW, "shared: lock the tables against changes of their definition while they are read.", "none shared"),
        _row("snapshot.locking.mode.custom.name", _S, None, _MEDIUM, "Custom locking; refused."),
        _row("snapshot.lock.timeout.ms", _L, 10_000, _MEDIUM, "Longest wait for such a lock.", minimum=0),
        _row("snapshot.query.mode", _S, "select_all", _LOW, "How rows are chosen.", "select_all"),
        _row("snapshot.query.mode.custom.name", _S, None, _MEDIUM, "Custom queries; refused."),
        _row("snapshot.include.collection.list", _T, None, _MEDIUM, "Regexes of captured tables to read, in that order; all others are only streamed."),
        _row("snapshot.select.statement.overrides", _S, None, _MEDIUM, "Tables to read by a SELECT of their own, given in snapshot.select.statement.overrides.<schema>.<table>."),
        _row("snapshot.fetch.size", _I, None, _MEDIUM, "Rows fetched at a time.", minimum=0, no_effect="COPY streams the rows"),
        _row("snapshot.max.threads", _I, 1, _MEDIUM, "Connections that read chunks of tables at a time, all under one snapshot.", minimum=1),
        _row("snapshot.max.threads.multiplier", _I, 1, _MEDIUM, "Chunks of a table for each thread, at least; snapshot.max.threads.multiplier.<schema>.<table> for one table.", minimum=1),
        _row("legacy.snapshot.max.threads", _B, False, _LOW, "Read a table as one chunk: a thread per table."),
        _row("snapshot.delay.ms", _L, 0, _LOW, "Wait before the snapshot.", minimum=0),
        _row("streaming.delay.ms", _L, 0, _LOW, "Wait between snapshot and stream.", minimum=0),
        _row("snapshot.tables.order.by.row.count", _S, "disabled", _MEDIUM, "Order of the tables by the planner's estimate.", "disabled ascending descending"),
        _row("incremental.snapshot.chunk.size", _I, 1024, _MEDIUM, "Rows of a chunk of an incremental snapshot.", minimum=1),
        _row("incremental.snapshot.watermarking.strategy", _S, "INSERT_INSERT", _LOW, "How a chunk's window is closed: by a second row in the signalling table, or by deleting the first.", "insert_insert insert_delete"),
    ),
    "Running": (
        _row("max.batch.size", _I, 2048, _MEDIUM, "About how many records a poll gives. Unset, what the native core decodes of the stream comes in batches of one read, about 1 MiB of the stream.", minimum=1),
        _row("max.queue.size", _I, 8192, _MEDIUM, "Must exceed max.batch.size. Waiting data stays in the connection's buffers.", minimum=1, differs="there is no queue: it is checked against max.batch.size"),
        _row("max.queue.size.in.bytes", _L, 0, _MEDIUM, "Most bytes taken from the connection at once, 0 = 1 MiB.", minimum=0, differs="there is no queue: it bounds what is taken from the connection at once"),
        _row("poll.interval.ms", _L, 500, _MEDIUM, "Longest wait for something new, at most a second; data ends the wait.", minimum=1),
        _row("poll.dispatch.interval.ms", _L, 0, _LOW, "Batching delay; refused unless 0.", minimum=0),
        _row("query.fetch.size", _I, 0, _MEDIUM, "Rows fetched at a time by the original's driver.", minimum=0, no_effect="rows come by COPY"),
        _row("heartbeat.interval.ms", _I, 0, _MEDIUM, "How often a heartbeat is written, 0 = never. A heartbeat moves the stored offset of an idle source.", minimum=0),
        _row("heartbeat.action.query", _S, None, _LOW, "SQL to run with each heartbeat."),
        _row("errors.max.retries", _I, -1, _LOW, "How often the connection is taken up again after errors that may pass; -1 = always, 0 = never.", minimum=-1),
        _row("retriable.restart.connector.wait.ms", _L, 10_000, _LOW, "Pause before it is.", minimum=1),
        _row("event.processing.failure.handling.mode", _S, "fail", _MEDIUM, "What to do about a change that cannot be processed.", "fail warn skip ignore"),
        _row("event.converting.failure.handling.mode", _S, "warn", _MEDIUM, "What to do about a value that cannot be carried: warn and skip leave it out of its row.", "fail warn skip"),
        _row("executor.shutdown.timeout.ms", _L, 4000, _MEDIUM, "How long the original waits for its threads at the end.", minimum=1, no_effect="the framework bounds the end of a task"),
        _row("provide.transaction.metadata", _B, False, _LOW, "Write BEGIN and END records to <prefix>.<topic.transaction>, and number the events of each transaction."),
        _row("transaction.metadata.factory", _C, "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory", _LOW, "Refused unless default."),
        _row("openlineage.integration.enabled", _B, False, _LOW, "Tell OpenLineage of runs; refused."),
        _row("openlineage.integration.config.file.path", _S, "./openlineage.yml", _LOW, "OpenLineage's own settings.", no_effect=_LINEAGE),
        _row("openlineage.integration.job.namespace", _S, None, _LOW, "Namespace of the job.", no_effect=_LINEAGE),
        _row("openlineage.integration.job.description", _S, "Debezium change data capture job", _LOW, "Description of the job.", no_effect=_LINEAGE),
        _row("openlineage.integration.job.tags", _T, None, _LOW, "Tags of the job.", no_effect=_LINEAGE),
        _row("openlineage.integration.job.owners", _T, None, _LOW, "Owners of the job.", no_effect=_LINEAGE),
        _row("openlineage.integration.dataset.kafka.bootstrap.servers", _S, None, _LOW, "Brokers named in datasets.", no_effect=_LINEAGE),
        _row("custom.metric.tags", _T, None, _LOW, "k=v labels added to this connector's metrics."),
        _row("custom.sanitize.pattern", _S, _SECRET_KEYS, _LOW, "Regex of keys whose values the original's log leaves out.", no_effect="secrets are never logged, whatever their key"),
        _row("custom.retriable.exception", _S, None, _LOW, "Regex of further errors to retry; refused."),
        _row("statistics.metrics.enabled", _B, True, _MEDIUM, "Whether the original keeps statistics for its metrics.", no_effect="they are kept always"),
    ),
    "Signals and notifications": (
        _row("signal.data.collection", _T, None, _MEDIUM, "The signalling table, schema.table, with three text columns id, type, data; captured besides what the lists choose. The first of several gets the marks of incremental snapshots."),
        _row("signal.enabled.channels", _T, "source", _MEDIUM, "Where signals are looked for: source (the signalling table), kafka (a topic of the worker's log), file, jmx (POST /connectors/{name}/signals)."),
        _row("signal.poll.interval.ms", _L, 5000, _MEDIUM, "How often topic and file are looked at.", minimum=1),
        _row("signal.kafka.topic", _S, None, _MEDIUM, "Topic for signals, by default <topic.prefix>-signal; its first partition is read. The key of a record must be topic.prefix."),
        _row("signal.kafka.bootstrap.servers", _S, None, _MEDIUM, "Brokers of the topic of signals.", no_effect="the topic is read from the worker's own log"),
        _row("signal.kafka.groupId", _S, "kafka-signal", _LOW, "Consumer group that the position in the topic is kept under; every connector needs its own when they share a topic."),
        _row("signal.kafka.poll.timeout.ms", _I, 100, _LOW, "How long a look at the topic waits.", minimum=0, no_effect="reading does not wait"),
        _row("signal.file", _S, "file-signals.txt", _LOW, "File with one JSON object {id, type, data} a line; emptied as it is read."),
        _row("signal.emit.failure.max.retries", _I, 0, _LOW, "How often a mark of an incremental snapshot is tried again.", minimum=0, no_effect="a chunk whose marks cannot be written for a lost connection is read again"),
        _row("signal.emit.failure.backoff.ms", _L, 10_000, _LOW, "Pause before it is.", minimum=0, no_effect="as signal.emit.failure.max.retries"),
        _row("notification.enabled.channels", _T, None, _MEDIUM, "Where snapshots tell of their progress: sink (a topic), log, jmx (GET /connectors/{name}/notifications)."),
        _row("notification.sink.topic.name", _S, None, _HIGH, "Topic of the sink channel; needed with it."),
    ),
}  # fmt: skip

PATTERN_KEYS: Final = (
    ("column.mask.hash.([^.]+).with.salt.(.+)", "Columns to replace by the hex digest of salt and value."),
    ("column.mask.hash.v2.([^.]+).with.salt.(.+)", "The same; equal values give equal digests in all versions."),
    ("column.mask.with.(\\d+).chars", "Columns to replace by that many asterisks."),
    ("column.truncate.to.(\\d+).chars", "Columns to cut after that many characters."),
)
"""Keys whose names hold a value; they show in the definition under these names."""

REFUSED_UNLESS_DEFAULT: Final = {
    "database.sslfactory": "Java socket factories cannot run here; use database.sslmode and the certificate keys",
    "database.connection.factory.class": "Java connection factories cannot run here",
    "sourceinfo.struct.maker": "custom source blocks are not supported",
    "openlineage.integration.enabled": "OpenLineage is not told of runs",
    "converters": "custom converters are not supported; use a transform",
    "snapshot.mode.custom.name": "custom snapshot modes are not supported",
    "snapshot.locking.mode.custom.name": "custom locking is not supported",
    "snapshot.query.mode.custom.name": "custom snapshot queries are not supported; use snapshot.select.statement.overrides",
    "poll.dispatch.interval.ms": "a batching delay is not supported",
    "transaction.metadata.factory": "Java classes cannot run here; the default factory is built in",
    "custom.retriable.exception": "errors are told apart by their code, not by a pattern",
}
"""Known keys that are refused when they are set to anything but their default, and why."""
