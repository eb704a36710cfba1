"""What the servers themselves can do: the bounds to judge the product by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psycopg

from headrace.errors import ConnectException
from headrace.testing.bench.workload import COLUMNS, table_ddl
from headrace.testing.postgres_server import PostgresServer


class Used(NamedTuple):
    """A limit's time, and the CPU of its client."""

    wall_s: float
    cpu_s: float
    stream_bytes: int = 0


def recvlogical(server: PostgresServer, slot: str, publication: str, end_lsn: str, database: str = "shop") -> Used:
    """`pg_recvlogical` writes a slot's changes up to `end_lsn` to /dev/null."""
    command = [
        *(
            str(server.bin_dir / "pg_recvlogical"),
            "-d",
            server.dsn(database),
            "--slot",
            slot,
            "--start",
            "-f",
            "/dev/null",
        ),
        *("--endpos", end_lsn, "--no-loop", "--fsync-interval=0"),
        *("-o", "proto_version=1", "-o", f"publication_names={publication}"),
    ]
    return _together([command])


def lazy_read(server: PostgresServer, slot: str, publication: str, marker: str, database: str = "shop") -> Used:
    """Read the same in large chunks, from START_REPLICATION until the row with `marker`; nothing is decoded."""
    command = [
        sys.executable,
        "-m",
        "headrace.testing.bench.lazy_reader",
        server.dsn(database),
        slot,
        publication,
        marker,
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=1800)
    return Used(**json.loads(done.stdout))


def copy_to_null(server: PostgresServer, table: str, connections: int, blocks: int, database: str = "shop") -> Used:
    """`COPY … TO STDOUT (FORMAT binary)` of a table of `blocks` blocks to /dev/null by psql, the blocks shared out."""
    step = -(-blocks // connections)
    commands = []
    for number in range(connections):
        bounds = f"ctid >= '({number * step},0)'"
        if number + 1 < connections:
            bounds += f" AND ctid < '({(number + 1) * step},0)'"
        copy = f"\\copy (SELECT * FROM {table} WHERE {bounds}) TO /dev/null (FORMAT binary)"
        commands.append([str(server.bin_dir / "psql"), server.dsn(database), "-XAtqc", copy])
    return _together(commands)


def _together(commands: Sequence[Sequence[str]]) -> Used:
    """Run programs side by side, from the start of the first to the end of the last."""
    begun = time.monotonic()
    started = [subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE) for command in commands]
    cpu = 0.0
    for process in started:
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        cpu += usage.ru_utime + usage.ru_stime
        if process.returncode:
            name = Path(str(process.args[0])).name  # type: ignore[index]
            raise ConnectException(
                f"{name} failed: {errors.decode(errors='replace')[-500:]}", code="BENCH_LIMIT_FAILED"
            )
    return Used(time.monotonic() - begun, cpu)


def staged_upsert(
    source: psycopg.Connection, target: psycopg.Connection, rows: int, *, existing: bool = False
) -> float:
    """Seconds for COPY binary into a staging table and one INSERT … ON CONFLICT of it: the floor of an upserting sink. `existing`:
    all rows are there already."""
    with source.cursor().copy(
        f"COPY (SELECT * FROM orders ORDER BY id LIMIT {int(rows)}) TO STDOUT (FORMAT binary)"
    ) as out:
        blocks = [bytes(block) for block in out]
    # One large message costs less than one for each row.
    joined = b"".join(blocks)
    pieces = [joined[at : at + (1 << 18)] for at in range(0, len(joined), 1 << 18)]
    del blocks, joined
    target.execute(table_ddl("limit_orders").encode())
    target.execute("CREATE UNLOGGED TABLE limit_staging (LIKE limit_orders)")
    try:
        if existing:
            _upsert(target, pieces)
            target.execute("TRUNCATE limit_staging")
            target.execute("VACUUM ANALYZE limit_orders")
            target.execute("CHECKPOINT")
        begun = time.monotonic()
        done = _upsert(target, pieces)
        took = time.monotonic() - begun
        if done != rows:
            raise ConnectException(f"{done} rows were written, not {rows}.", code="BENCH_NOT_EQUAL")
        return took
    finally:
        target.execute("DROP TABLE limit_orders, limit_staging")


def _upsert(target: psycopg.Connection, pieces: Sequence[bytes]) -> int:
    with target.cursor().copy("COPY limit_staging FROM STDIN (FORMAT binary)") as to:
        for piece in pieces:
            to.write(piece)
    columns = COLUMNS.split(", ")
    sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns[1:])
    done = target.execute(
        f"INSERT INTO limit_orders SELECT * FROM limit_staging ON CONFLICT (id) DO UPDATE SET {sets}".encode()
    )
    return done.rowcount
