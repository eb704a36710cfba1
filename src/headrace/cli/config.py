"""`headrace config check`: every key of a connector's or worker's file accounted for, offline or by a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from headrace.cli import exits, output
from headrace.cli.check import Finding, Verdict, error_entries, judge, worst
from headrace.cli.explain import Lookup, connector_key, worker_key
from headrace.cli.files import CONNECTOR_CLASS, read_connector
from headrace.cli.options import auth_option, cacert_option, open_client
from headrace.config import ConfigDef
from headrace.config.references import find_references
from headrace.config.rendering import config_info_to_json
from headrace.errors import ConfigException, HeadraceError
from headrace.runtime.framework_config import connector_def
from headrace.runtime.validation import validate
from headrace.runtime.worker_config import asks_for_kafka, parse_worker_config, worker_def
from headrace.spi.plugins import CONNECTORS, PluginKind, PluginRegistry

_CONVERTER_KINDS = {
    "key.converter": PluginKind.CONVERTER,
    "value.converter": PluginKind.CONVERTER,
    "header.converter": PluginKind.HEADER_CONVERTER,
}


@click.group()
def config() -> None:
    """Configuration files."""


@config.command()
@click.argument("file", metavar="FILE")
@click.option("--url", "-u", help="Let this cluster validate (by default the plugins installed here do).")
@auth_option
@cacert_option
@click.option(
    "--worker",
    "worker_file",
    metavar="WORKER.PROPERTIES",
    help="The worker the connector is for: its config providers and policies.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 when keys are unknown or ignored.")
@click.option("--quiet", "-q", is_flag=True, help="Only what is refused, unknown or ignored.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(
    file: str,
    url: str | None,
    auth: str | None,
    cacert: str | None,
    worker_file: str | None,
    strict: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say of each key of FILE whether it is used, defaulted, ignored, unknown or refused, and why.

    FILE is a connector (JSON or properties) or a worker's properties. Exit code: 0 fine, 1 warnings with --strict, 2 errors.
    """
    found = read_connector(file)
    given = {**({"name": found.name} if found.name else {}), **found.config}
    worker = _texts(read_connector(worker_file).config) if worker_file else {}
    if asks_for_kafka(worker):
        worker["log.implementation"] = "kafka"
    if CONNECTOR_CLASS not in given and "name" not in given:
        findings = check_worker(_texts(given))
    elif url is not None:
        findings = check_by_cluster(given, url, auth, cacert)
    else:
        findings = check_connector(given, worker)
    _print(findings, quiet=quiet, as_json=as_json)
    match worst(findings):
        case None:
            return exits.OK
        case Verdict.REFUSED:
            return exits.USAGE
        case _:
            return exits.OTHER if strict else exits.OK


def check_connector(given: Mapping[str, str | None], worker: Mapping[str, str]) -> list[Finding]:
    """By the plugins installed here; connectors may look at the systems their configuration names."""
    registry = PluginRegistry.discover(_folders(worker))

    def lookup(prefix: str, class_name: str) -> list[str] | None:
        try:
            return list(registry.load(_CONVERTER_KINDS[prefix], class_name).config().names())
        except HeadraceError:
            return None  # the class itself is refused already

    try:
        entry = registry.find(CONNECTORS, given.get(CONNECTOR_CLASS) or "")
        kind = entry.kind
        entries = validate(registry, worker, given).configs
    except HeadraceError as error:
        kind, entries = PluginKind.SOURCE, error_entries([(error.field or CONNECTOR_CLASS, _text(error))])
        return _without_connector(given, entries)
    findings = _judge(given, entries, kind, lookup, has_clients=asks_for_kafka(worker), own=entry.load().config())
    return [_with_references(finding, worker) for finding in findings]


def _with_references(finding: Finding, worker: Mapping[str, str]) -> Finding:
    """Say of a value whose reference nobody replaces that it is taken literally, as Connect does."""
    providers = [name.strip() for name in worker.get("config.providers", "").split(",")]
    unknown = [item.provider for item in find_references(finding.value or "") if item.provider not in providers]
    if not unknown or finding.verdict is Verdict.DEFAULTED:
        return finding
    text = (
        f"taken literally, for there is no config provider {unknown[0]}: --worker names the worker's file that has it"
    )
    return replace(finding, reason=f"{text}; {finding.reason}" if finding.reason else text)


def check_by_cluster(given: Mapping[str, str | None], url: str, auth: str | None, cacert: str | None) -> list[Finding]:
    with open_client(url, auth, cacert) as client:

        def lookup(prefix: str, class_name: str) -> list[str] | None:
            try:
                return [key["name"] for key in client.plugin_config(class_name)]
            except HeadraceError:
                return None

        try:
            entries = client.validate(given).raw["configs"]
        except HeadraceError as error:
            if exits.exit_code(error) == exits.UNREACHABLE_EXIT:
                raise
            return _without_connector(given, error_entries([(CONNECTOR_CLASS, _text(error))]))
        names = {entry["value"]["name"] for entry in entries}
        kind = PluginKind.SINK if "topics" in names else PluginKind.SOURCE
        return _judge(given, entries, kind, lookup, has_clients=True)


def _judge(
    given: Mapping[str, str | None],
    entries: list[dict[str, Any]],
    kind: PluginKind,
    lookup: Lookup,
    *,
    has_clients: bool,
    own: ConfigDef | None = None,
) -> list[Finding]:
    """`own`: the connector's declaration, where it is at hand."""
    other = PluginKind.SOURCE if kind is PluginKind.SINK else PluginKind.SINK
    explain = connector_key(
        given,
        other_direction=connector_def(other).names(),
        worker_keys=worker_def().names(),
        lookup=lookup,
        has_clients=has_clients,
        patterns=own.patterns() if own is not None else (),
    )
    declared = [*connector_def(kind), *own] if own is not None else []
    return judge(given, entries, explain, no_effect={key.name: key.no_effect for key in declared if key.no_effect})


def _without_connector(given: Mapping[str, str | None], entries: list[dict[str, Any]]) -> list[Finding]:
    """Without its class nothing can be said of a connector's own keys, only of the framework's."""
    framework = {name for kind in CONNECTORS for name in connector_def(kind).names()}

    def explain(key: str) -> tuple[Verdict, str | None]:
        return (Verdict.USED, None) if key in framework else (Verdict.UNKNOWN, "the connector's class is not known")

    return judge(given, entries, explain)


def check_worker(given: Mapping[str, str]) -> list[Finding]:
    """A standalone worker's properties; the REST server's settings are part of them."""
    from headrace.rest.settings import check_settings, rest_def

    registry = PluginRegistry.discover(_folders(given))
    errors: list[tuple[str, str]] = []

    def lookup(prefix: str, class_name: str) -> list[str] | None:
        try:
            return list(registry.load(_CONVERTER_KINDS[prefix], class_name).config().names())
        except HeadraceError:
            return None

    for name, kind in _CONVERTER_KINDS.items():
        if given.get(name):
            try:
                registry.load(kind, given[name])
            except HeadraceError as error:
                errors.append((name, _text(error)))
    entries: list[dict[str, Any]] = []
    for definition in (worker_def(), rest_def()):
        values = definition.validate(given)
        entries += [config_info_to_json(value, definition.get(value.name)) for value in values]
    if not any(entry["value"]["errors"] for entry in entries):
        try:
            parse_worker_config(given)
        except ConfigException as error:
            errors.append((error.field or "worker", _text(error)))
    errors += [(error.field or "listeners", _text(error)) for error in check_settings(given)]
    connector_keys = {name for kind in CONNECTORS for name in connector_def(kind).names()}
    explain = worker_key(
        given,
        connector_keys=connector_keys,
        lookup=lookup,
        has_clients=asks_for_kafka(given),
        patterns=worker_def().patterns(),
    )
    return judge(given, [*entries, *error_entries(errors)], explain)


def _folders(worker: Mapping[str, str]) -> list[str]:
    return [item.strip() for item in worker.get("plugin.path", "").split(",") if item.strip()]


def _texts(given: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in given.items() if value is not None}


def _text(error: HeadraceError) -> str:
    return f"{error.message} {error.remedy}" if error.remedy else error.message


def _print(findings: list[Finding], *, quiet: bool, as_json: bool) -> None:
    if quiet:
        findings = [item for item in findings if item.verdict not in (Verdict.USED, Verdict.DEFAULTED)]
    if as_json:
        shown = [
            {"key": item.key, "verdict": item.verdict.value, "value": _shown(item), "reason": item.reason}
            for item in findings
        ]
        output.print_json(shown)
        return
    rows = [(item.verdict.value, item.key, _shown(item), item.reason or "") for item in findings]
    output.print_table(("verdict", "key", "value", "reason"), rows, empty="Nothing to complain about.")


def _shown(item: Finding) -> str | None:
    return None if item.value is None else output.shown_value(item.key, item.value)
