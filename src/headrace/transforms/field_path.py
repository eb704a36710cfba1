"""Paths to fields: one name (V1), or names joined by dots with backticks around names that hold dots (V2).

Source: KIP-821, org.apache.kafka.connect.transforms.field.SingleFieldPath.
"""

from __future__ import annotations

from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import one_of
from headrace.data import Field, Schema
from headrace.errors import ConfigException, DataException
from headrace.transforms.base import require_map

SYNTAX: Final = ConfigDef().define(
    "field.syntax.version",
    ConfigType.STRING,
    "V1",
    one_of("V1", "V2", ignore_case=True),
    Importance.HIGH,
    "How fields are named: V1, a name at the root; V2, names joined by dots, with backticks around a name that holds dots "
    "(`` `foo.bar`.baz ``).",
)
"""The key that says which syntax a path is in; embed it."""
_NESTED: Final = "nested field access"


def parse_path(text: str, version: str, field: str) -> list[str]:
    """The names of a path; none for an empty V2 path. ConfigException (with `field`) for a backtick without its other."""
    if version.upper() == "V1":
        return [text]
    steps: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "`":
            step, at = _quoted(text, at, field)
        else:
            end = text.find(".", at)
            end = len(text) if end < 0 else end
            step, at = text[at:end], end + 1
        steps.append(step)
    if text.endswith("."):
        steps.append("")
    return steps


def _quoted(text: str, start: int, field: str) -> tuple[str, int]:
    """The name in backticks that begins at `start`, and where the next begins. Only a backtick before a dot or at the end
    closes, unless a backslash is before it."""
    name: list[str] = []
    begin = at = start + 1
    while True:
        at = text.find("`", at)
        if at < 0:
            raise _unpaired(text, start, field)
        escaped = text[at - 1] == "\\"
        if at == len(text) - 1:
            if escaped:
                raise _unpaired(text, start, field)
            return "".join([*name, text[begin:at]]), at + 1
        if text[at + 1] != ".":
            at += 1
        elif escaped:
            name.append(text[begin : at - 1] + "`")
            at = begin = at + 1
        else:
            return "".join([*name, text[begin:at]]), at + 2


def _unpaired(text: str, start: int, field: str) -> ConfigException:
    return ConfigException(
        f"Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick at position {start} to escape it",
        field=field,
    )


def find_field(schema: Schema, steps: list[str]) -> list[Field] | None:
    """The fields along a path; None when one is not there. DataException for a step into what is no struct."""
    found: list[Field] = []
    current = schema
    for step in steps:
        field = current.field(step)
        if field is None:
            return None
        found.append(field)
        current = field.schema
    return found


def find_value(value: dict[Any, Any], steps: list[str]) -> Any:
    """What a schemaless map holds at a path; None when something on the way is missing. DataException for a step into what
    is no map."""
    current: Any = value
    for step in steps[:-1]:
        current = current.get(step)
        if current is None:
            return None
        current = require_map(current, _NESTED)
    return current.get(steps[-1])


def step_into(value: Any, schema: Schema) -> Any:
    """The values of a nested struct, or of its schema's default; None when there is neither."""
    if value is None:
        value = schema.default
    if value is None:
        return None
    try:
        return value.values
    except AttributeError:
        raise DataException(f"Only Struct objects supported for [{_NESTED}], found: {type(value).__name__}") from None
