"""The worker's settings that the REST server looks at, declared once; and a check of them all without serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.errors import ConfigException
from headrace.rest.app import ADMIN_LISTENERS_KEY, TASKS_CONFIG_KEY
from headrace.rest.auth import BASIC_AUTH, CREDENTIALS_KEY, EXTENSIONS_KEY, auth_from_settings
from headrace.rest.headers import HEADERS_KEY, METHODS_KEY, ORIGIN_KEY, parse_extra_headers
from headrace.rest.listeners import DEFAULT_LISTENERS, LISTENERS_KEY, parse_listeners
from headrace.rest.tls import PREFIX, TLS_KEYS, tls_from_settings

_LOW = Importance.LOW


def rest_def() -> ConfigDef:
    """Every key; the TLS keys stand here without and with the prefix `listeners.https.`."""
    definition = (
        ConfigDef()
        .define(
            LISTENERS_KEY,
            ConfigType.LIST,
            DEFAULT_LISTENERS,
            None,
            _LOW,
            "Addresses; http or https; port 0 takes a free one.",
        )
        .define(
            ADMIN_LISTENERS_KEY,
            ConfigType.LIST,
            None,
            None,
            _LOW,
            "Addresses of /admin; unset: with the rest; empty: nowhere.",
        )
        .define(EXTENSIONS_KEY, ConfigType.LIST, [], None, _LOW, f"Only {BASIC_AUTH}: HTTP Basic for all paths.")
        .define(
            CREDENTIALS_KEY, ConfigType.STRING, None, None, _LOW, "Properties file of user=password for HTTP Basic."
        )
        .define(
            ORIGIN_KEY,
            ConfigType.STRING,
            "",
            None,
            _LOW,
            "Origins browsers may call from: exact, *, globs or patterns.",
        )
        .define(METHODS_KEY, ConfigType.STRING, "", None, _LOW, "Verbs browsers may use from other origins.")
        .define(HEADERS_KEY, ConfigType.STRING, "", None, _LOW, "Headers of every answer: '[action] name:value', …")
        .define(TASKS_CONFIG_KEY, ConfigType.BOOLEAN, False, None, _LOW, "Serve tasks-config, which Kafka 4 dropped.")
    )
    for key, (type, text) in TLS_KEYS.items():
        for prefix in ("", PREFIX):
            definition.define(prefix + key, type, None, None, _LOW, text)
    return definition


def check_settings(settings: Mapping[str, str]) -> list[ConfigException]:
    """Every reason why a server with these settings would not start; nothing is bound."""
    checks: list[Callable[[], object]] = [
        lambda: auth_from_settings(settings),
        lambda: parse_extra_headers(settings.get(HEADERS_KEY, "")),
    ]
    errors: list[ConfigException] = []
    try:
        if any(listener.scheme == "https" for listener in parse_listeners(settings)):
            checks.append(lambda: tls_from_settings(settings))
    except ConfigException as error:
        errors.append(error)
    for check in checks:
        try:
            check()
        except ConfigException as error:
            errors.append(error)
    return errors
