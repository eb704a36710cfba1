"""What the servers themselves can do: the bounds to judge the pipeline by."""

from __future__ import annotations

import subprocess
import time

import psycopg

from headrace.testing.bench.workload import table_ddl
from headrace.testing.postgres_server import PostgresServer


def recvlogical_seconds(server: PostgresServer, database: str, slot: str, end_lsn: str) -> float:
    """How long `pg_recvlogical` takes to write a slot's changes up to `end_lsn` to /dev/null."""
    begun = time.monotonic()
    subprocess.run(
        [
            *(
                server.bin_dir / "pg_recvlogical",
                "-d",
                server.dsn(database),
                "--slot",
                slot,
                "--start",
                "-f",
                "/dev/null",
            ),
            *("--endpos", end_lsn, "--no-loop", "-o", "proto_version=1", "-o", "publication_names=bench_orders"),
        ],
        check=True,
        capture_output=True,
        timeout=600,
        cwd="/",
    )
    return time.monotonic() - begun


def staged_upsert_rows_per_s(source: psycopg.Connection, target: psycopg.Connection, rows: int) -> float:
    """COPY binary into a staging table and one INSERT … ON CONFLICT of it: the floor of an upserting sink."""
    with source.cursor().copy(
        f"COPY (SELECT * FROM orders ORDER BY id LIMIT {int(rows)}) TO STDOUT (FORMAT binary)"
    ) as out:
        blocks = [bytes(block) for block in out]
    columns = ["customer_id", "status", "amount", "currency", "created_at", "updated_at", "note", "quantity", "is_gift"]
    target.execute(table_ddl("limit_orders").encode())
    target.execute("CREATE UNLOGGED TABLE limit_staging (LIKE limit_orders)")
    try:
        begun = time.monotonic()
        with target.cursor().copy("COPY limit_staging FROM STDIN (FORMAT binary)") as to:
            for block in blocks:
                to.write(block)
        sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns)
        done = target.execute(
            f"INSERT INTO limit_orders SELECT * FROM limit_staging ON CONFLICT (id) DO UPDATE SET {sets}".encode()
        )
        return done.rowcount / (time.monotonic() - begun)
    finally:
        target.execute("DROP TABLE limit_orders, limit_staging")
