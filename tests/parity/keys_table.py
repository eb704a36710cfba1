"""How each key of Debezium's PostgreSQL connector is taken: honoured, honoured with a difference, refused, or without effect.

Everything is read off the source's own declarations and refusals; beside each honoured key stands the test that shows its effect.
"""

from __future__ import annotations

from headrace.sources.postgres.config import config_def
from headrace.sources.postgres.keys import GROUPS, PATTERN_KEYS, REFUSED_UNLESS_DEFAULT
from headrace.sources.postgres.validation import REFUSED_CHOICES

HONOURED, DIFFERS, REFUSED, NO_EFFECT = "honoured", "honoured with a difference", "refused", "accepted without effect"


def key_table() -> list[tuple[str, str, str]]:
    """(key, how it is taken, why or how it differs), in the order of the reference."""
    rows: list[tuple[str, str, str]] = []
    for row in (row for group in GROUPS.values() for row in group):
        choices = [f"{value} is refused: {why}" for value, why in REFUSED_CHOICES.get(row.name, {}).items()]
        if row.no_effect:
            rows.append((row.name, NO_EFFECT, row.no_effect))
        elif row.name in REFUSED_UNLESS_DEFAULT:
            rows.append((row.name, REFUSED, REFUSED_UNLESS_DEFAULT[row.name]))
        elif row.differs or choices:
            rows.append((row.name, DIFFERS, "; ".join(filter(None, [row.differs, *choices]))))
        else:
            rows.append((row.name, HONOURED, ""))
    rows += [(name, HONOURED, "") for name, _ in PATTERN_KEYS]
    shown = {name for name, *_ in rows}
    for pattern in config_def().patterns():
        if pattern.name not in shown:
            rows.append((pattern.name, NO_EFFECT if pattern.no_effect else HONOURED, pattern.no_effect))
    return rows


def status_of(key: str) -> tuple[str, str] | None:
    """How one key is taken, also when it is one of a pattern; None for a key that is not known."""
    table = {name: (status, note) for name, status, note in key_table()}
    if key in table:
        return table[key]
    pattern = next((one for one in config_def().patterns() if one.regex.fullmatch(key)), None)
    return None if pattern is None else table[pattern.name]


def lines() -> list[str]:
    """The table to print: counts, then what is not simply honoured."""
    table = key_table()
    counts = {status: sum(row[1] == status for row in table) for status in (HONOURED, DIFFERS, REFUSED, NO_EFFECT)}
    width = max(len(name) for name, *_ in table)
    made = [f"{len(table)} keys: " + ", ".join(f"{count} {status}" for status, count in counts.items())]
    for wanted in (DIFFERS, REFUSED, NO_EFFECT):
        made.append(f"{wanted}:")
        made += [f"  {name:{width}}  {note}" for name, status, note in table if status == wanted]
    made.append(f"{HONOURED}:")
    made.append("  " + ", ".join(name for name, status, _ in table if status == HONOURED))
    return made


_SET, _STREAM, _SLOT = (
    "sources/postgres/test_settings.py",
    "sources/postgres/test_stream.py",
    "sources/postgres/test_slot.py",
)
_REPLICATION, _SNAPSHOT = "sources/postgres/test_replication_settings.py", "sources/postgres/test_snapshot.py"
_RESUME, _TRUTH = "sources/postgres/test_snapshot_resume.py", "sources/postgres/test_incremental_truth.py"
_TYPES = "parity/test_postgres_types.py::test_schemas_and_values_are_debeziums"
_ALL_TYPES = "parity/test_postgres_types.py::test_those_of_all_modes_are_debeziums"
_LOGIN = "sources/postgres/test_validation.py::test_each_mistake_under_its_key"
_TOPICS = f"{_SET}::test_topics_are_named_as_debezium_names_them"
_TLS = f"{_SET}::test_tls_and_liveness_reach_the_client_library"
_CHOSEN = f"{_SET}::test_tables_chosen_and_their_order"
_BASED = f"{_SET}::test_a_mode_of_single_switches"
_LOCKS = f"{_SET}::test_tables_are_locked_before_they_are_read"
_HEARTBEATS = f"{_REPLICATION}::test_names_and_form_of_heartbeats"
_FLUSH = "sources/postgres/test_feedback.py::test_a_confirmation_that_is_not_taken_in_time"
_INCREMENTAL = f"{_TRUTH}::test_the_records_say_what_the_table_has"

EFFECT_SHOWN_BY: dict[str, str] = {
    **dict.fromkeys(
        ("database.hostname", "database.port", "database.user", "database.password", "database.dbname", "topic.prefix"), _LOGIN
    ),
    **dict.fromkeys(
        ("database.sslmode", "database.sslcert", "database.sslkey", "database.sslpassword", "database.sslrootcert",
         "database.tcpKeepAlive", "connection.validation.timeout.ms", "database.load.balance.hosts", "driver.loadBalanceHosts",
         "database.target.session.attrs"), _TLS),
    "driver.targetServerType": "sources/postgres/test_failover.py::test_of_several_servers_the_primary_is_found_before_and_after_a_failover",
    "database.channel.binding": "systems/postgres/test_tls.py::test_channel_binding",
    **dict.fromkeys(("database.query.timeout.ms", "database.initial.statements"), f"{_SET}::test_statements_and_timeout_of_each_session"),
    **dict.fromkeys(
        ("topic.naming.strategy", "topic.regex", "topic.replacement", "topic.key.enforce.uniqueness", "topic.key.field.name",
         "topic.key.field.regex", "topic.key.field.replacement"), _TOPICS),
    **dict.fromkeys(("topic.delimiter", "topic.heartbeat.prefix", "topic.heartbeat.name", "heartbeat.topics.prefix"), _HEARTBEATS),
    "topic.transaction": "sources/postgres/test_transactions.py::test_metadata_topic_and_heartbeats_in_between",
    "schema.name.adjustment.mode": _ALL_TYPES,
    "field.name.adjustment.mode": f"{_STREAM}::test_columns_left_out_masked_and_keys_chosen",
    "extended.headers.enabled": f"{_STREAM}::test_columns_left_out_masked_and_keys_chosen",
    "plugin.name": _LOGIN,
    "slot.name": "sources/postgres/test_validation.py::test_a_foreign_slot",
    "slot.drop.on.stop": f"{_SLOT}::test_slot_is_dropped_on_stop_when_asked",
    "slot.failover": f"{_REPLICATION}::test_failover_slots",
    "slot.stream.params": f"{_REPLICATION}::test_options_of_the_stream_are_passed_on",
    "slot.stream.binary": "sources/postgres/test_stream_binary.py::test_every_type_is_as_in_texts",
    **dict.fromkeys(("slot.max.retries", "slot.retry.delay.ms"), f"{_SLOT}::test_a_slot_in_use_is_waited_for_then_an_error"),
    "create.slot.command.timeout": f"{_REPLICATION}::test_a_slot_that_waits_for_a_transaction_says_so_and_is_made_once_that_ends",
    "publication.name": f"{_REPLICATION}::test_publications_that_do_not_fit_are_refused",
    "publication.autocreate.mode": f"{_REPLICATION}::test_publications_that_do_not_fit_are_refused",
    "publish.via.partition.root": f"{_SNAPSHOT}::test_partitions_are_read_as_the_stream_reports_them",
    "replica.identity.autoset.values": f"{_STREAM}::test_updates_without_change_are_left_out_when_asked",
    "status.update.interval.ms": f"{_SLOT}::test_an_idle_source_moves_offset_and_slot_without_records",
    **dict.fromkeys(("lsn.flush.mode", "flush.lsn.source"), f"{_REPLICATION}::test_who_confirms_positions"),
    **dict.fromkeys(("lsn.flush.timeout.ms", "lsn.flush.timeout.action"), _FLUSH),
    "xmin.fetch.interval.ms": "sources/postgres/test_transactions.py::test_xmin_is_the_slots_when_it_is_asked_for",
    "offset.mismatch.strategy": f"{_REPLICATION}::test_a_slot_ahead_of_the_offset_is_an_error_unless_it_is_trusted",
    "read.only": _INCREMENTAL,
    **dict.fromkeys(("schema.include.list", "schema.exclude.list", "table.include.list", "table.exclude.list",
                     "snapshot.tables.order.by.row.count"), _CHOSEN),
    "table.ignore.builtin": f"{_SET}::test_system_tables_are_captured_when_they_are_not_ignored",
    **dict.fromkeys(("column.include.list", "column.exclude.list", "message.key.columns"), _ALL_TYPES),
    "message.prefix.include.list": f"{_STREAM}::test_logical_messages",
    "message.prefix.exclude.list": f"{_SET}::test_messages_left_out_by_their_prefix",
    "skipped.operations": "regressions/test_batches.py::test_a_truncate_in_the_middle_takes_only_what_was_before",
    "skip.messages.without.change": f"{_STREAM}::test_updates_without_change_are_left_out_when_asked",
    "tombstones.on.delete": f"{_STREAM}::test_columns_left_out_masked_and_keys_chosen",
    **dict.fromkeys(("guardrail.collections.max", "guardrail.collections.limit.action"), f"{_SET}::test_a_limit_of_tables"),
    **dict.fromkeys(("decimal.handling.mode", "time.precision.mode", "binary.handling.mode", "hstore.handling.mode",
                     "include.unknown.datatypes", "column.mask.hash.([^.]+).with.salt.(.+)", "column.truncate.to.(\\d+).chars"), _TYPES),
    **dict.fromkeys(("interval.handling.mode", "money.fraction.digits", "unavailable.value.placeholder", "column.propagate.source.type",
                     "datatype.propagate.source.type", "column.mask.hash.v2.([^.]+).with.salt.(.+)", "column.mask.with.(\\d+).chars"),
                    _ALL_TYPES),
    "include.schema.comments": f"{_SET}::test_comments_of_columns",
    "post.processors": "sources/postgres/test_reselect.py::test_rows_are_found_by_the_key_of_the_event_when_that_is_asked_for",
    "snapshot.mode": f"{_SLOT}::test_when_needed_takes_a_new_snapshot",
    **dict.fromkeys(("snapshot.mode.configuration.based.snapshot.data", "snapshot.mode.configuration.based.start.stream",
                     "snapshot.mode.configuration.based.snapshot.on.data.error"), _BASED),
    **dict.fromkeys(("snapshot.locking.mode", "snapshot.lock.timeout.ms"), _LOCKS),
    **dict.fromkeys(("snapshot.query.mode", "snapshot.include.collection.list", "snapshot.select.statement.overrides"),
                    f"{_SNAPSHOT}::test_chosen_tables_and_select_overrides"),
    **dict.fromkeys(("snapshot.max.threads", "snapshot.max.threads.multiplier"),
                    f"{_RESUME}::test_converges_over_many_breaks_with_writers_at_work"),
    "legacy.snapshot.max.threads": f"{_SET}::test_a_table_is_one_chunk_when_that_is_asked_for",
    "snapshot.delay.ms": "sources/postgres/test_delays.py::test_the_delay_before_the_snapshot",
    "streaming.delay.ms": "sources/postgres/test_delays.py::test_the_delay_before_the_stream",
    **dict.fromkeys(("incremental.snapshot.chunk.size", "incremental.snapshot.watermarking.strategy"), _INCREMENTAL),
    **dict.fromkeys(("poll.interval.ms", "max.queue.size"), f"{_SET}::test_no_poll_waits_longer_than_it_may"),
    "max.batch.size": f"{_RESUME}::test_an_unfinished_snapshot_of_debezium_is_taken_over",
    "max.queue.size.in.bytes": f"{_SET}::test_a_table_is_one_chunk_when_that_is_asked_for",
    "heartbeat.interval.ms": f"{_SLOT}::test_heartbeats_move_the_stored_offset",
    "heartbeat.action.query": f"{_SLOT}::test_heartbeats_move_the_stored_offset",
    **dict.fromkeys(("errors.max.retries", "retriable.restart.connector.wait.ms"), f"{_SET}::test_retries_are_counted_and_paced"),
    "event.processing.failure.handling.mode": "loss/test_names_and_values.py::test_a_bad_value_takes_no_other_change_along",
    "event.converting.failure.handling.mode": "sources/postgres/test_types.py::test_nan_is_left_out_with_a_warning_or_refused",
    "provide.transaction.metadata": "sources/postgres/test_transactions.py::test_metadata_topic_and_heartbeats_in_between",
    "custom.metric.tags": f"{_SET}::test_labels_of_metrics",
    **dict.fromkeys(("signal.data.collection", "signal.enabled.channels", "signal.poll.interval.ms", "notification.enabled.channels",
                     "notification.sink.topic.name"), "faults/test_signals.py::test_a_task_killed_in_a_snapshot_beside_the_stream"),
    **dict.fromkeys(("signal.kafka.topic", "signal.kafka.groupId"), f"{_SET}::test_signals_are_read_from_the_topic_that_is_set"),
    "signal.file": "loss/test_adhoc_snapshots.py::test_a_blocking_snapshot_asked_for_by_a_file",
}  # fmt: skip
"""Key → the test that shows its effect, below tests/."""
