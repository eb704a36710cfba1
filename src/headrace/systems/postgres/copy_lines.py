"""All lines of a short COPY at once: a driver's loop per line costs more than the line."""

from __future__ import annotations

from psycopg import errors, pq

from headrace.systems.postgres.introspect import Conn


def copy_lines(connection: Conn, query: str) -> list[bytes]:
    """The lines of `COPY … TO STDOUT`, each with its newline. Blocks until all are there, and holds all of them. Raises the driver's
    errors."""
    raw = connection.pgconn
    encoding = connection.info.encoding
    raw.send_query(query.encode(encoding))
    while raw.flush():
        pass
    lines: list[bytes] = []
    failure: Exception | None = None
    while (result := raw.get_result()) is not None:
        if result.status == pq.ExecStatus.COPY_OUT:
            while True:
                size, line = raw.get_copy_data(0)
                if size <= 0:
                    break
                lines.append(bytes(line))
        elif result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            failure = errors.error_from_result(result, encoding=encoding)
    if failure is not None:
        raise failure
    if raw.status != pq.ConnStatus.OK:
        raise errors.OperationalError(f"the connection is lost: {raw.get_error_message()}")
    return lines
