"""TLS through both doors, psycopg and our own protocol code: modes, certificates, channel binding, a stream."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.systems.postgres.authority import KEY_PASSWORD, Authority, tls_server

from headrace.errors import HeadraceError
from headrace.systems.postgres import PgTarget, ReplicationConnection, connect
from headrace.systems.postgres.certificates import end_point
from headrace.systems.postgres.messages import SSL_REQUEST
from headrace.systems.postgres.publications import create_publication
from headrace.testing.postgres_server import PostgresServer

Door = Callable[[PgTarget], object]


def own(target: PgTarget) -> bool:
    """Log in by our own code; whether the connection is encrypted."""
    with ReplicationConnection(target, command_timeout_s=10) as session:
        query = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return session.query(query) == [("true",)]


def psycopg(target: PgTarget) -> bool:
    with connect(target) as session:
        return bool(session.pgconn.ssl_in_use)


DOORS = [own, psycopg]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, Authority]]:
    with tls_server(tmp_path_factory.mktemp("tls")) as made:
        server, _ = made
        with server.connect() as sql:
            wait_until(lambda: sql.execute("SHOW ssl").fetchone() == ("on",), 5, "TLS")
        yield made


@pytest.fixture
def authority(encrypted: tuple[PostgresServer, Authority]) -> Authority:
    return encrypted[1]


@pytest.fixture
def target(encrypted: tuple[PostgresServer, Authority]) -> PgTarget:
    server, _ = encrypted
    return PgTarget("localhost", server.port, "postgres", server.user, server.password)


@pytest.fixture
def hba(encrypted: tuple[PostgresServer, Authority]) -> Iterator[Callable[[str], None]]:
    """Put a line before pg_hba.conf."""
    server, _ = encrypted
    path = server.base_dir / "data" / "pg_hba.conf"
    original = path.read_text()

    def write(text: str) -> None:
        with server.connect() as sql:
            path.write_text(text)
            sql.execute("SELECT pg_reload_conf()")
            count = len([line for line in text.splitlines() if line.strip() and not line.startswith("#")])
            wait_until(lambda: sql.execute("SELECT count(*) FROM pg_hba_file_rules").fetchone() == (count,))
            loaded = "SELECT pg_conf_load_time() > now() - interval '5 s'"
            wait_until(lambda: sql.execute(loaded).fetchone() == (True,))

    yield lambda line: write(f"{line}\n{original}")
    write(original)


def refused(door: Door, target: PgTarget, code: str) -> HeadraceError:
    with pytest.raises(HeadraceError) as caught:
        door(target)
    assert caught.value.code == code, caught.value
    return caught.value


@pytest.mark.parametrize("door", DOORS)
def test_modes(door: Door, target: PgTarget, authority: Authority) -> None:
    root = str(authority.root)
    assert not door(replace(target, sslmode="disable"))
    assert not door(replace(target, sslmode="allow"))
    assert door(replace(target, sslmode="prefer"))
    assert door(replace(target, sslmode="require"))
    assert door(replace(target, sslmode="verify-ca", sslrootcert=root))
    assert door(replace(target, sslmode="verify-full", sslrootcert=root))
    by_address = replace(target, host="127.0.0.1", sslrootcert=root)
    assert door(replace(by_address, sslmode="verify-ca"))
    assert refused(door, replace(by_address, sslmode="verify-full"), "PG_TLS").field == "database.sslmode"
    refused(door, replace(target, sslmode="verify-ca", sslrootcert="/nowhere/root.crt"), "PG_TLS")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_another_authority_is_not_trusted(door: Door, target: PgTarget, mode: str, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger").root
    refused(door, replace(target, sslmode=mode, sslrootcert=str(stranger)), "PG_TLS")


@pytest.mark.parametrize("door", DOORS)
def test_a_server_that_wants_tls_and_one_that_does_not(
    door: Door, target: PgTarget, hba: Callable[[str], None]
) -> None:
    hba("hostnossl all all all reject")
    assert door(replace(target, sslmode="allow"))
    assert door(replace(target, sslmode="prefer"))
    refused(door, replace(target, sslmode="disable"), "PG_AUTH_FAILED")
    hba("hostssl all all all reject")
    assert not door(replace(target, sslmode="prefer"))
    refused(door, replace(target, sslmode="require"), "PG_AUTH_FAILED")


@pytest.mark.parametrize("door", DOORS)
def test_client_certificates(door: Door, target: PgTarget, authority: Authority, hba: Callable[[str], None]) -> None:
    pair = authority.signed("postgres")
    sealed, der = (authority.folder / name for name in ("sealed.key", "postgres.pk8"))
    authority.run("pkcs8", "-topk8", "-in", pair.key, "-out", sealed, "-passout", f"pass:{KEY_PASSWORD}")
    authority.run("pkcs8", "-topk8", "-nocrypt", "-in", pair.key, "-outform", "DER", "-out", der)
    for key in (sealed, der):
        key.chmod(0o600)
    hba("hostssl all all all cert")
    known = replace(target, sslmode="require", password=None, sslcert=str(pair.cert), sslkey=str(pair.key))
    assert door(known)
    assert door(replace(known, sslkey=str(sealed), sslpassword=KEY_PASSWORD))
    # As the JDBC driver wants them.
    assert door(replace(known, sslkey=str(der)))
    refused(door, replace(known, sslkey=str(sealed), sslpassword="wrong"), "PG_TLS")
    refused(door, replace(known, sslkey=str(sealed)), "PG_TLS")
    refused(door, replace(known, sslcert="/nowhere/client.crt"), "PG_TLS")
    with pytest.raises(HeadraceError):
        door(replace(known, sslcert=None, sslkey=None))


@pytest.mark.parametrize("door", DOORS)
def test_channel_binding(door: Door, target: PgTarget) -> None:
    assert door(replace(target, sslmode="require", channel_binding="require"))
    assert door(replace(target, sslmode="require", channel_binding="disable"))
    with pytest.raises(HeadraceError):
        door(replace(target, sslmode="disable", channel_binding="require"))


@pytest.mark.parametrize("door", DOORS)
def test_no_password_is_sent_in_clear_where_binding_is_required(
    door: Door, target: PgTarget, hba: Callable[[str], None]
) -> None:
    hba("hostssl all all all password")
    assert door(replace(target, sslmode="require"))
    with pytest.raises(HeadraceError):
        door(replace(target, sslmode="require", channel_binding="require"))


class ManInTheMiddle:
    """Ends TLS with a certificate of its own, and speaks TLS to the server."""

    def __init__(self, server: PgTarget, cert: Path, key: Path) -> None:
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self) -> ManInTheMiddle:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _run(self) -> None:
        try:
            while True:
                self._serve(self._listener.accept()[0])
        except OSError:
            return

    def _serve(self, plain: socket.socket) -> None:
        plain.recv(len(SSL_REQUEST))
        plain.sendall(b"S")
        try:
            client = self._context.wrap_socket(plain, server_side=True)
            raw = socket.create_connection((self._server.host, self._server.port))
            raw.sendall(SSL_REQUEST)
            raw.recv(1)
            trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            upstream = trusting.wrap_socket(raw)
        except OSError:
            return
        for source, sink in ((client, upstream), (upstream, client)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        end.close()


@pytest.mark.parametrize("door", DOORS)
def test_a_man_in_the_middle_is_found_by_channel_binding(door: Door, target: PgTarget, tmp_path: Path) -> None:
    pair = Authority(tmp_path).alone("localhost")
    with ManInTheMiddle(target, pair.cert, pair.key) as middle:
        through = replace(target, port=middle.port, sslmode="require")
        assert door(replace(through, channel_binding="disable"))
        refused(door, through, "PG_AUTH_FAILED")
        refused(door, replace(through, channel_binding="require"), "PG_AUTH_FAILED")


def test_a_stream_comes_whole_and_statuses_go_out(target: PgTarget) -> None:
    secure = replace(target, sslmode="require")
    with connect(secure) as sql, ReplicationConnection(secure) as session:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        create_publication(sql, "p", None)
        created = session.create_slot("tls", temporary=True)
        session.start_replication("tls", created.consistent_lsn, {"proto_version": "1", "publication_names": '"p"'})
        asking = threading.Thread(target=lambda: [session.send_status(1, 0, 0, reply=True) for _ in range(100)])
        asking.start()
        sql.execute("INSERT INTO t SELECT g, repeat('x', g % 30000) FROM generate_series(1, 5000) g")
        inserts = keepalives = 0
        ended = False
        while not ended or keepalives < 100:
            for payload in session.read(1 << 18, 10.0):
                keepalives += payload[:1] == b"k"
                inserts += payload[25:26] == b"I"
                ended = ended or payload[25:26] == b"C"
        asking.join()
        assert inserts == 5000


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        (("-sha256",), "sha256"),
        (("-sha1",), "sha256"),
        (("-sha512",), "sha512"),
        (("-sha384", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "sha384"),
        (("-sha384", "-sigopt", "rsa_padding_mode:pss"), "sha384"),
        (("-newkey", "ed25519"), None),
    ],
)
def test_end_points_of_certificates(options: tuple[str, ...], digest: str | None, tmp_path: Path) -> None:
    cert = Authority(tmp_path).alone("some", *options).cert
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    assert end_point(der) == (None if digest is None else hashlib.new(digest, der).digest())
    assert all(end_point(der[:cut]) is None for cut in range(len(der)))
