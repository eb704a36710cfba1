"""Certificates made on the spot by `openssl`: an authority, a server's, a client's; and a server that has them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from headrace.testing.postgres_server import PostgresServer

KEY_PASSWORD = "key-word"


class Pair(NamedTuple):
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.root = self.alone("root").cert

    def run(self, *words: str | Path) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder)

    def alone(self, name: str, *options: str) -> Pair:
        """A certificate that signs itself."""
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        kind = () if "-newkey" in options else ("-newkey", "rsa:2048")
        self.run("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}", *kind, *options,
                 "-keyout", pair.key, "-out", pair.cert)  # fmt: skip
        return pair

    def signed(self, name: str, hosts: str = "") -> Pair:
        """A certificate for `name`, valid for the hosts (`DNS:localhost`)."""
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n" if hosts else "")
        self.run(
            "req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request
        )
        self.run("x509", "-req", "-days", "2", "-in", request, "-CA", self.root, "-CAkey", self.root.with_suffix(".key"),
                 "-CAcreateserial", "-extfile", extensions, "-out", pair.cert)  # fmt: skip
        return pair


@contextmanager
def tls_server(folder: Path) -> Iterator[tuple[PostgresServer, Authority]]:
    """A server that speaks TLS; its certificate is for `localhost`. Skips where no such server is installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or shutil.which("openssl") is None:
        pytest.skip("needs PostgreSQL's packages of the system, with TLS, and openssl")
    authority = Authority(folder)
    pair = authority.signed("localhost", "DNS:localhost")
    with PostgresServer(durable=False, programs=programs[-1]) as server:
        data = server.base_dir / "data"
        owner = data.stat()
        for source, name in ((pair.cert, "server.crt"), (pair.key, "server.key"), (authority.root, "root.crt")):
            shutil.copy(source, data / name)
            shutil.chown(data / name, owner.st_uid, owner.st_gid)
            (data / name).chmod(0o600)
        with server.connect() as sql:
            sql.execute("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
            sql.execute("ALTER SYSTEM SET ssl = on")
            sql.execute("SELECT pg_reload_conf()")
        yield server, authority
