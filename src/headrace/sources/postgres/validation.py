"""validate: what the declaration cannot see. Relations between keys first, then the server is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.cdc.filters import compile_patterns
from headrace.config import ConfigType, ConfigValue
from headrace.config.parsing import ParseError, parse_value
from headrace.errors import ConfigException, HeadraceError
from headrace.sources.postgres import post_processors, preflight, publishing
from headrace.sources.postgres.config import LIST_PAIRS, REGEX_LISTS, PostgresConfig, config_def, placeholder_bytes
from headrace.sources.postgres.connections import Connections
from headrace.sources.postgres.keys import REFUSED_UNLESS_DEFAULT
from headrace.sources.postgres.reselect import ReselectSettings
from headrace.sources.postgres.signals import beside_settings
from headrace.systems.postgres import map_error, publications, slots

_NOT_EMPTY = ("message.key.columns", "replica.identity.autoset.values", "skipped.operations")
REFUSED_CHOICES = {
    "snapshot.mode": {
        "custom": "custom snapshot modes are not supported",
        "never": "use no_data",
        "recovery": "PostgreSQL has no schema history to recover",
    },
    "time.precision.mode": {"structured": "structured temporal values are not supported"},
    "snapshot.query.mode": {"custom": "use snapshot.select.statement.overrides"},
    "snapshot.locking.mode": {"custom": "custom locking is not supported"},
}


def validate(props: Mapping[str, str], values: Sequence[ConfigValue], *, connect: bool = True) -> None:
    """Add errors to the values of the keys they are about. `values` is what the declaration's own validation gave."""
    found = {value.name: value for value in values}
    _refusals(props, found)
    _relations(props, found)
    if connect and not any(value.errors for value in values):
        _server(props, found)


def _add(found: Mapping[str, ConfigValue], key: str | None, text: str) -> None:
    target = found.get(key or "") or found["database.hostname"]
    target.add_error(text if target.name == key or key is None else f"{key}: {text}")


def _refusals(props: Mapping[str, str], found: Mapping[str, ConfigValue]) -> None:
    for key, reason in REFUSED_UNLESS_DEFAULT.items():
        if not props.get(key):
            continue
        declared = config_def().get(key)
        assert declared is not None
        if _differs(props[key], declared.default, declared.type):
            _add(found, key, f"Invalid value {_shown(props[key], declared.type)} for configuration {key}: {reason}.")
    if props.get("plugin.name", "").strip().lower() == "decoderbufs":
        _add(
            found,
            "plugin.name",
            "Invalid value decoderbufs for configuration plugin.name: decoderbufs needs a server extension and is not supported; use"
            " pgoutput.",
        )
    for key, choices in REFUSED_CHOICES.items():
        reason = choices.get(str(props.get(key, "")).strip().lower(), "")
        if reason:
            found[key].errors[:] = [f"Invalid value {props[key]} for configuration {key}: {reason}."]


def _differs(text: str, default: Any, type: ConfigType) -> bool:
    try:
        return bool(parse_value(type, text) != parse_value(type, default))
    except ParseError:
        return True


def _shown(text: str, type: ConfigType) -> str:
    return "[hidden]" if type is ConfigType.PASSWORD else text


def _relations(props: Mapping[str, str], found: Mapping[str, ConfigValue]) -> None:
    def check(key: str, action: Callable[[], object]) -> None:
        try:
            action()
        except ConfigException as error:
            _add(found, error.field or key, error.message)
        except ValueError as error:
            _add(found, key, f"Invalid value {props.get(key)} for configuration {key}: {error}")

    for key in _NOT_EMPTY:
        if key in props and not (props[key] or "").strip():
            _add(found, key, f"Invalid value for configuration {key}: it is empty; leave the key out instead.")
    for include, exclude in LIST_PAIRS:
        if props.get(include) and props.get(exclude):
            _add(found, exclude, f"{include} and {exclude} are both set; only one of them may be.")
    for key in REGEX_LISTS:
        check(key, lambda key=key: compile_patterns(key, props.get(key)))  # type: ignore[misc]
    config = PostgresConfig(dict(props), {name: value.value for name, value in found.items()})
    check("message.key.columns", config.message_keys)
    check("topic.naming.strategy", config.naming)
    check("slot.stream.params", config.stream_options)
    check(post_processors.KEY, lambda: _post_processors(props))
    check("replica.identity.autoset.values", config.identities)
    check("snapshot.select.statement.overrides", config.select_overrides)
    check("column.include.list", config.masks)
    check("signal.enabled.channels", lambda: beside_settings.check(config))
    check(
        "unavailable.value.placeholder",
        lambda: placeholder_bytes(props.get("unavailable.value.placeholder", "")),
    )
    batch, queue = found["max.batch.size"].value, found["max.queue.size"].value
    if isinstance(batch, int) and isinstance(queue, int) and queue <= batch:
        _add(
            found,
            "max.queue.size",
            f"Invalid value {queue} for configuration max.queue.size: Must be greater than max.batch.size ({batch}).",
        )
    for tag in found["custom.metric.tags"].value or []:
        if "=" not in tag:
            _add(
                found, "custom.metric.tags", f"Invalid value {tag} for configuration custom.metric.tags: not name=value"
            )


def _post_processors(props: Mapping[str, str]) -> None:
    for one in post_processors.declared(props):
        ReselectSettings.of(one)


def _server(props: Mapping[str, str], found: Mapping[str, ConfigValue]) -> None:
    config = PostgresConfig.parse(props)
    application = f"headrace {props.get('name', '')}"
    target = config.target(application)
    connections = Connections(config, target)
    try:
        sql = connections.sql
        problems: list[HeadraceError] = preflight.server_problems(sql)
        slot = slots.slot(sql, config["slot.name"])
        publication = publications.publication(sql, config["publication.name"])
        more = (
            preflight.slot_problem(sql, slot, target.dbname, application),
            publishing.publication_problem(config, publication),
        )
        problems += [problem for problem in more if problem is not None]
        for problem in problems:
            _add(found, problem.field, str(problem))
    except HeadraceError as error:
        _add(found, error.field, str(error))
    except Exception as error:
        mapped = map_error(error, target)
        _add(found, mapped.field, str(mapped))
    finally:
        connections.close()
