"""JDBC URLs and what becomes of them."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from headrace.errors import ConfigException
from headrace.foundation.redaction import redact
from headrace.sources.sql.connector import SqlSourceConnector
from headrace.systems.sql import parse_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jdbc:postgresql://h:1/db", "postgresql+psycopg://u:***@h:1/db"),
        ("jdbc:postgresql://h/db?user=x&password=y", "postgresql+psycopg://u:***@h/db"),
        ("jdbc:postgresql:db", "postgresql+psycopg://u:***@localhost/db"),
        ("jdbc:mysql://h:3306/db?useSSL=false", "mysql+pymysql://u:***@h:3306/db"),
        ("jdbc:mariadb://h/db", "mariadb+pymysql://u:***@h/db"),
        ("jdbc:sqlite:/a/b.db", "sqlite:////a/b.db"),
        ("jdbc:sqlserver://h:1433;databaseName=db;encrypt=true", "mssql+pymssql://u:***@h:1433/db"),
        ("jdbc:oracle:thin:@h:1521:XE", "oracle+oracledb://u:***@h:1521/XE"),
        ("jdbc:oracle:thin:@//h:1521/svc", "oracle+oracledb://u:***@h:1521"),
        ("postgresql://h/db", "postgresql+psycopg://u:***@h/db"),
        ("mysql+mysqldb://h/db", "mysql+mysqldb://u:***@h/db"),
    ],
)
def test_urls(text: str, shown: str) -> None:
    target = parse_url(text, *((None, None) if "sqlite" in text else ("u", "p")))
    assert target.shown == shown


def test_parameters_of_postgresql() -> None:
    target = parse_url("jdbc:postgresql://h/db?ssl=true&currentSchema=a%20b&ApplicationName=me&loginTimeout=3")
    assert target.arguments == {
        "application_name": "me",
        "connect_timeout": "3",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "sslmode": "verify-full",
        "options": "-c timezone=UTC -c datestyle=ISO -c search_path=a\\ b",
    }


@pytest.mark.parametrize(
    "text",
    ["jdbc:unheard:x", "jdbc:postgresql://a,b/db", "jdbc:postgresql://h:port/db", "nonsense", "jdbc:oracle:oci:@x"],
)
def test_refused_urls(text: str) -> None:
    with pytest.raises(ConfigException) as refused:
        parse_url(text)
    assert (refused.value.code, refused.value.field) == ("SQL_URL_INVALID", "connection.url")


def test_where_the_service_of_oracle_goes() -> None:
    assert dict(parse_url("jdbc:oracle:thin:@//h:1521/svc").url.query) == {"service_name": "svc"}


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:postgresql://u:hun/ter2@h/db",
        "jdbc:postgresql://u:hunter2@127.0.0.1:1/db",
        "postgresql+psycopg://u@127.0.0.1:1/db?password=hunter2",
        "jdbc:mysql://h/db?trustCertificateKeyStorePassword=hunter2",
        "jdbc:oracle:thin:scott/hunter2@//h:1521/svc",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    props = {"connection.url": url, "mode": "bulk", "topic.prefix": "t"}
    errors = str([value.errors for value in SqlSourceConnector().validate(props)])
    assert "SQL_" in errors
    assert "hun" not in errors


def test_the_password_in_a_url_is_hidden_in_logs_and_traces() -> None:
    parse_url("jdbc:postgresql://u:p%40ss-in-url@h/db?sslpassword=of-the-key")
    assert redact("with p@ss-in-url and of-the-key") == "with [hidden] and [hidden]"


def test_a_missing_driver_is_told() -> None:
    props = {"connection.url": "jdbc:oracle:thin:@h:1521:XE", "mode": "bulk", "topic.prefix": "t"}
    errors = {value.name: value.errors for value in SqlSourceConnector().validate(props) if value.errors}
    assert "SQL_DRIVER_MISSING" in errors["connection.url"][0]


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    props: dict[str, Any] = {"connection.url": "jdbc:sqlite:x", "mode": "bulk", "topic.prefix": "t"}
    errors = {value.name: value.errors for value in SqlSourceConnector().validate(props) if value.errors}
    assert "SQL_NOT_INSTALLED" in errors["connection.url"][0]
    with pytest.raises(ConfigException):
        SqlSourceConnector().start(props)
