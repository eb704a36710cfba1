"""Says where two answers differ.

Left out: the texts of errors; the order of maps; the width of numbers where no schema gives one (Python has none). An error must come
at the same stage and be of the same kind.
"""

from __future__ import annotations

import json
from typing import Any

Form = dict[str, Any]
_KINDS = {
    "org.apache.kafka.common.config.ConfigException": "ConfigException",
    "org.apache.kafka.connect.errors.DataException": "DataException",
    "org.apache.kafka.connect.errors.SchemaBuilderException": "DataException",
    "org.apache.kafka.connect.errors.SchemaProjectorException": "DataException",
    "org.apache.kafka.connect.errors.RetriableException": "RetriableException",
}
_NUMBERS = ("i8", "i16", "i32", "i64", "f32", "f64")


def differences(theirs: Form, ours: Form) -> list[str]:
    """What differs, empty when nothing does. `ours` has the kinds of its errors (frame.ours)."""
    if "error" in theirs or "error" in ours:
        return _errors("", theirs, ours)
    if len(theirs["ok"]) != len(ours["ok"]):
        return [f"{len(theirs['ok'])} results theirs, {len(ours['ok'])} ours"]
    found: list[str] = []
    for index, (one, other) in enumerate(zip(theirs["ok"], ours["ok"], strict=True)):
        found += _results(f"[{index}]", one, other)
    return found


def _results(place: str, theirs: Form, ours: Form) -> list[str]:
    if "error" in theirs or "error" in ours:
        return _errors(place, theirs, ours)
    if "batch" in ours:
        return [f"{place}: our batch method gives {_short(ours['batch'])}, our single one {_short(ours['ok'])}"]
    return differences_of(place, settled(theirs["ok"]), settled(ours["ok"]))


def _errors(place: str, theirs: Form, ours: Form) -> list[str]:
    if "error" not in theirs or "error" not in ours:
        return [f"{place}: theirs {_outcome(theirs)}, ours {_outcome(ours)}"]
    one, other = theirs["error"], ours["error"]
    if one["stage"] != other["stage"]:
        return [
            f"{place}: theirs fails at {one['stage']} ({one['message']}), ours at {other['stage']} ({other['message']})"
        ]
    wanted = _KINDS.get(one["class"], "HeadraceError")
    if wanted not in other["kinds"]:
        return [f"{place}: theirs is {one['class']}: {one['message']}; ours is {other['class']}: {other['message']}"]
    return []


def _outcome(answer: Form) -> str:
    if "error" in answer:
        return f"fails with {answer['error']['class']}: {answer['error']['message']}"
    return f"gives {_short(answer['ok'])}"


def settled(result: Any) -> Any:
    """A result with what does not count made equal: a record's or datum's schemaless numbers and map orders."""
    if not isinstance(result, dict):
        return result
    if "topic" in result:
        headers = [[name, settled(data)] for name, data in result["headers"]]
        return {**result, "key": settled(result["key"]), "value": settled(result["value"]), "headers": headers}
    if "schema" in result:
        return {"schema": _schema(result["schema"]), "value": _value(result["value"], result["schema"])}
    return result


def _schema(schema: Any) -> Any:
    if schema is None:
        return None
    made = dict(schema)
    if "default" in made:
        made["default"] = _value(made["default"], schema)
    for name in ("keys", "values"):
        if name in made:
            made[name] = _schema(made[name])
    if "fields" in made:
        made["fields"] = [{"name": f["name"], "schema": _schema(f["schema"])} for f in made["fields"]]
    return made


def _value(value: Any, schema: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kind, content = next(iter(value.items()))
    if kind in _NUMBERS and schema is None:
        return {"int" if kind[0] == "i" else "float": content}
    if kind == "list":
        item = schema.get("values") if schema else None
        return {"list": [_value(one, item) for one in content]}
    if kind == "map":
        keys, values = (schema.get("keys"), schema.get("values")) if schema else (None, None)
        pairs = [[_value(k, keys), _value(v, values)] for k, v in content]
        return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0], sort_keys=True))}
    if kind == "struct":
        own = value.get("of", schema)
        made = {"struct": [_value(v, f["schema"]) for f, v in zip(own["fields"], content, strict=True)]}
        return {**made, "of": _schema(value["of"])} if "of" in value else made
    return value


def differences_of(place: str, theirs: Any, ours: Any) -> list[str]:
    """The paths below which the two differ."""
    if json.dumps(theirs, sort_keys=True) == json.dumps(ours, sort_keys=True):
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found: list[str] = []
        for name in {**theirs, **ours}:
            if name in theirs and name in ours:
                found += differences_of(f"{place}.{name}", theirs[name], ours[name])
            else:
                found.append(
                    f"{place}.{name}: only {'theirs: ' if name in theirs else 'ours: '}{_short({**theirs, **ours}[name])}"
                )
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line
            for i, pair in enumerate(zip(theirs, ours, strict=True))
            for line in differences_of(f"{place}[{i}]", *pair)
        ]
    return [f"{place}: theirs {_short(theirs)}, ours {_short(ours)}"]


def _short(form: Any) -> str:
    text = json.dumps(form, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
