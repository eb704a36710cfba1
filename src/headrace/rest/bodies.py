"""What clients send. Connect's Jackson mapping, observed: a body that cannot be mapped is a 500, not a 400; numbers and booleans in a
configuration keep their literal text (`1.50` stays `1.50`); unknown top-level fields are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.rest.http import HttpError
from headrace.runtime.herder import TargetState

_INITIAL_STATES = {"RUNNING": TargetState.STARTED, "PAUSED": TargetState.PAUSED, "STOPPED": TargetState.STOPPED}


class _Number(str):
    """The literal text of a JSON number."""


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """The body of POST /connectors; `initial_state` None when not given."""

    name: str
    config: dict[str, str | None]
    initial_state: TargetState | None


def create_request(body: bytes) -> CreateRequest:
    fields = _object(_parse_texts(body), ("name", "config", "initial_state"))
    if fields.get("config") is None:
        raise _unmappable("config is missing")
    name = _text(fields.get("name"), "name") or ""
    state = _text(fields.get("initial_state"), "initial_state")
    if state is not None and state.upper() not in _INITIAL_STATES:
        raise _unmappable(f"initial_state {state} is none of {', '.join(_INITIAL_STATES)}")
    return CreateRequest(
        name.strip(), _string_map(fields["config"], "config"), None if state is None else _INITIAL_STATES[state.upper()]
    )


def config_map(body: bytes) -> dict[str, str | None]:
    """A flat configuration; None where JSON has null."""
    return _string_map(_parse_texts(body), "the body")


def offsets_request(body: bytes) -> list[dict[str, Any]]:
    """The `offsets` of PATCH /connectors/{n}/offsets, each {"partition": {...}, "offset": {...} | None}."""
    fields = _object(_parse(body), ("offsets",))
    offsets = fields.get("offsets")
    if offsets is not None and not isinstance(offsets, list):
        raise _unmappable("offsets is no array")
    if not offsets:
        raise HttpError(400, "Partitions and offsets need to be provided for an alter offsets request.")
    return [_offset(item) for item in offsets]


def _offset(item: Any) -> dict[str, Any]:
    fields = _object(item, ("partition", "offset"))
    for name, value in fields.items():
        if value is not None and not isinstance(value, dict):
            raise _unmappable(f"{name} is no object")
    if fields.get("partition") is None:
        raise HttpError(400, "Every element of offsets needs a partition.")
    return {"partition": fields["partition"], "offset": fields.get("offset")}


def signal_request(body: bytes) -> tuple[str | None, str, str | None]:
    """The id, type and data of POST /connectors/{n}/signals; the data as JSON text."""
    fields = _object(_parse(body), ("id", "type", "data"))
    id, type, data = fields.get("id"), fields.get("type"), fields.get("data")
    if not isinstance(type, str) or not type:
        raise HttpError(400, "A signal needs a type.")
    if id is not None and not isinstance(id, str):
        raise HttpError(400, "The id of a signal is a text.")
    if isinstance(data, str):
        # Also as the signalling table has it.
        return id, type, data
    if data is not None and not isinstance(data, dict):
        raise HttpError(400, "The data of a signal are an object.")
    return id, type, None if data is None else json.dumps(data, ensure_ascii=False)


def log_level(body: bytes) -> str:
    """The `level` of PUT /admin/loggers/{name}."""
    level = _string_map(_parse_texts(body), "the body").get("level")
    if level is None:
        raise HttpError(400, "Desired 'level' parameter was not specified in request.")
    return level


def _parse_texts(body: bytes) -> Any:
    return _parse(body, _Number)


def _parse(body: bytes, number: type[_Number] | None = None) -> Any:
    if not body.strip():
        raise _unmappable("there is no body")
    try:
        # A round trip through UTF-8 refuses half surrogates, which no store or answer could carry.
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _unmappable(f"it is not JSON ({error})") from None
    return value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON value")


def _object(value: Any, known: Iterable[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unmappable("an object is expected")
    for key in value:
        if key not in known:
            raise _unmappable(f'unrecognized field "{key}"')
    return value


def _string_map(value: Any, what: str) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise _unmappable(f"{what} is no object")
    return {key: _text(item, key) for key, item in value.items()}


def _text(value: Any, name: str) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return str.__str__(value)
        case _:
            raise _unmappable(f"the value of {name} is no text, number or boolean")


def _unmappable(reason: str) -> HttpError:
    return HttpError(500, f"The request body cannot be used: {reason}.")
