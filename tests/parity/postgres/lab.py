"""A database filled from a corpus of tables, read by connectors under several settings; and the form their records are compared in.

A reading is `{"<mode>/<table>": {"key", "schema", "schema_stream", "snapshot", "stream", "changes"}}`: the schemas by column in neutral form, the values by
column as JsonConverter writes them, one for each row; `changes` are the events of the table's further statements.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable
from typing import Any

import psycopg

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_types import MODES, PREPARE, TABLES, Mode, create, inserts, usable

Reading = dict[str, dict[str, Any]]
DATABASE = "parity_types"
_LONG = 400
_AT_ONCE = 20
_IDENTITY = re.compile(r"(?<=;)@[0-9a-f]{5,8}\b")
_EXTENSIONS = ("hstore", "citext", "ltree", "isn")


class Lab:
    """The tables that the server can have, `names`, in a fresh database, with their first rows."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        server.create_database(DATABASE)
        self.sql = psycopg.connect(server.dsn(DATABASE), autocommit=True)
        found = [name for name in _EXTENSIONS if self._can(f"CREATE EXTENSION {name}")]
        if self._can("SELECT '<a/>'::xml"):
            found.append("xml")
        self.names = [name for name in TABLES if usable(name, self.sql.info.server_version, found)]
        self._run(PREPARE)
        self._run(create(name) for name in self.names)
        self._run(one.format(table=name) for name in self.names for one in TABLES[name].setup)
        self._run(["CREATE TABLE sentinel (c_id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES"])
        self._run(statement for name in self.names for statement in inserts(name, 1))
        self._run(["INSERT INTO sentinel VALUES (1)"])

    def _can(self, statement: str) -> bool:
        try:
            self._run([statement])
        except psycopg.Error:
            return False
        return True

    def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self.sql.execute(statement)  # type: ignore[call-overload]

    def stream(self) -> None:
        """The rows once more, then the tables' further statements, then the sentinel's second row."""
        self._run(statement for name in self.names for statement in inserts(name, 101))
        self._run(one.format(table=name) for name in self.names for one in TABLES[name].after)
        self._run(["INSERT INTO sentinel VALUES (2)"])

    def config(self, mode: Mode) -> dict[str, str]:
        """The connector's settings for a mode."""
        return {
            "name": mode.id,
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "topic.prefix": "srv",
            "database.hostname": self._server.host,
            "database.port": str(self._server.port),
            "database.user": self._server.user,
            "database.password": self._server.password,
            "database.dbname": DATABASE,
            "plugin.name": "pgoutput",
            "slot.name": f"types_{mode.id}".replace("-", "_"),
            "publication.name": "pub",
            "publication.autocreate.mode": "disabled",
            "poll.interval.ms": "50",
            # The original cannot run several connectors of one topic prefix otherwise: its metrics would have one name.
            "custom.metric.tags": f"mode={mode.id}",
            "table.include.list": ",".join(f"public.{name}" for name in (*self.tables(mode), "sentinel")),
            **mode.config,
        }

    def tables(self, mode: Mode) -> list[str]:
        """The mode's tables that there are."""
        return [name for name in mode.tables if name in self.names]

    def close(self) -> None:
        self.sql.close()
        self._server.drop_database(DATABASE)


def batches(names: Collection[str] | None = None) -> list[tuple[Mode, ...]]:
    """The modes of these names, None for all, as many at a time as a server has slots and connections for."""
    modes = tuple(mode for mode in MODES if names is None or mode.id in names)
    return [modes[at : at + _AT_ONCE] for at in range(0, len(modes), _AT_ONCE)]


def is_last(records: list[dict[str, Any]]) -> bool:
    """Whether the sentinel's second row has come."""
    return any(record["topic"] == "srv.public.sentinel" and _payload(record, "op") == "c" for record in records)


def _payload(record: dict[str, Any], field: str) -> Any:
    value = record["value"][1]
    return None if value is None else value[field]


def reading(mode: str, records: list[dict[str, Any]]) -> Reading:
    """Of records `{"topic", "key": [schema form, payload], "value": […]}`."""
    result: Reading = {}
    for record in records:
        schema, value = record["value"]
        table = record["topic"].rpartition(".")[2]
        if value is None or table == "sentinel":
            continue
        one = result.setdefault(f"{mode}/{table}", {"snapshot": {}, "stream": {}, "changes": []})
        one["key"] = record["key"][0]
        if value["op"] in ("r", "c"):
            one["schema" if value["op"] == "r" else "schema_stream"] = _columns(schema)
            part = one["snapshot" if value["op"] == "r" else "stream"]
            for column, content in value["after"].items():
                part.setdefault(column, []).append(_short(content))
        else:
            rows = {
                name: value[name] and {c: _short(v) for c, v in value[name].items()} for name in ("before", "after")
            }
            one["changes"].append({"op": value["op"], **rows})
    return result


def _short(content: Any) -> Any:
    """A long value as its beginning and its digest."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if "@" in text:
        # Java's name of an object that has no text; it differs from run to run.
        text = _IDENTITY.sub("@", text)
        content = json.loads(text)
    if len(text) < _LONG:
        return content
    return f"{text[:40]}… {len(text)} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _columns(envelope: dict[str, Any]) -> dict[str, Any]:
    after = next(field["schema"] for field in envelope["fields"] if field["name"] == "after")
    return {field["name"]: field["schema"] for field in after["fields"]}
