"""Opens the stream: the replication connection, and a decoder with all that its settings ask for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from headrace.errors import DataException, RetryClass
from headrace.native import pgoutput
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.post_processors import RESELECT, Declared, PostProcessor, post_processors
from headrace.sources.postgres.reselect import Reselect, ReselectSettings
from headrace.sources.postgres.shapes import Catalog
from headrace.sources.postgres.snapshot.snapshot import present_row
from headrace.sources.postgres.stream.assembly import protocol
from headrace.sources.postgres.stream.binary import wires_reader
from headrace.sources.postgres.stream.slot_xmin import slot_xmin_reader
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.stream.transactions import TransactionStream
from headrace.sources.postgres.stream.visibility import Visibility
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.type_plan import StaleEnum
from headrace.systems.postgres import int_to_lsn, map_error

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession, StreamStart

logger = logging.getLogger(__name__)


def open_stream(
    session: PgSession, start: StreamStart, adapt: Callable[[TableCodec], TableCodec] | None
) -> StreamDecoder:
    """Begin streaming; PG_SLOT_IN_USE while another process reads the slot. `adapt` may put another codec in a table's place."""
    decoder = _decoder(session, start, adapt)
    replication = session.connections.open_replication()
    wanted = session.config.stream_options()
    if adapt is not None:
        # Read by itself, up to a position: in whole transactions.
        wanted.pop("streaming", None)
    options = {"proto_version": protocol(wanted)}
    options["publication_names"] = _identifier_list([session.config["publication.name"]])
    if replication.server_version >= 140000:
        options["messages"] = "true"
    options.update(wanted)
    decoder.wires = wires_reader(session, replication.server_version, by_core=decoder.by_core and adapt is None)
    if decoder.wires is not None:
        options["binary"] = "true"
    try:
        replication.start_replication(session.slot_name, start.lsn, options)
    except BaseException:
        replication.close()
        raise
    session.connections.replication = replication
    logger.info("Streaming from slot %s at %s.", session.slot_name, int_to_lsn(start.lsn))
    return decoder


def _decoder(session: PgSession, start: StreamStart, adapt: Callable[[TableCodec], TableCodec] | None) -> StreamDecoder:
    catalog = Catalog(session.connections.sql, comments=session.config["include.schema.comments"])
    visibility = Visibility()

    def await_commit() -> None:
        visibility.wait(session.connections.sql, decoder.xid)

    def row_now(codec: TableCodec, texts: Sequence[Any]) -> list[Any] | None:
        return _present_row(session, codec, texts, await_commit)

    def open_table(relation: pgoutput.Relation) -> TableCodec | None:
        if not session.capture(relation.schema, relation.table):
            return None
        try:
            await_commit()
            codec = session.codecs.of(catalog.of_relation(relation))
        except Exception as error:
            raise_as_ours(error, session.target)
        if codec.key_schema is not None and not codec.key_in_identity:
            logger.warning(
                "The replica identity of %s does not hold the key of its records: a delete from it will be an error, and a change of"
                " the key comes as an update under the new one only. Set REPLICA IDENTITY FULL, or choose the key with"
                " message.key.columns.",
                codec.shape.name,
            )
        return codec

    plain = TransactionStream if session.config["provide.transaction.metadata"] else StreamDecoder
    # Signals are taken heed of only by the stream proper.
    decoder = (plain if adapt is not None else session.stream_class(plain))(
        session.maker,
        session.config.rules(),
        start.position,
        start.lsn,
        start.offset,
        open_table if adapt is None else lambda relation: (codec := open_table(relation)) and adapt(codec),
        session.codecs.refresh_enum,
        row_now,
    )
    decoder.watch(_post_processors(session))
    decoder.read_xmin = slot_xmin_reader(session.config, session.connections.sql, session.target)
    return decoder


def _post_processors(session: PgSession) -> list[PostProcessor]:
    def reselect(declared: Declared) -> PostProcessor:
        return Reselect(ReselectSettings.of(declared), lambda: session.connections.sql, session.target, Visibility())

    return post_processors(session.config.raw, {RESELECT: reselect})


def _present_row(
    session: PgSession, codec: TableCodec, texts: Sequence[Any], await_commit: Callable[[], None]
) -> list[Any] | None:
    """See `StreamDecoder`. None, too, when the table has been altered so much since that it cannot be asked."""
    try:
        await_commit()
        return present_row(session.connections.sql, codec, texts)
    except (DataException, StaleEnum) as error:
        reason: Exception = error
    except Exception as error:
        mapped = map_error(error, session.target)
        if mapped.retry_class is RetryClass.RETRY:
            raise mapped from error
        reason = mapped
    logger.warning(
        "A row of %s has a new key, and its long values could not be read again; they are missing: %s",
        codec.shape.name,
        reason,
    )
    return None


def _identifier_list(names: Sequence[str]) -> str:
    return ",".join('"' + name.replace('"', '""') + '"' for name in names)
