"""What `config check` says of each key: used, defaulted, ignored, unknown or refused. Pure: facts in, verdicts out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """In the order in which they are shown."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    IGNORED = "ignored"
    USED = "used"
    DEFAULTED = "defaulted"


@dataclass(frozen=True, slots=True)
class Finding:
    """`value`: given or default text, None when there is none; `reason`: why, or what to use instead."""

    key: str
    verdict: Verdict
    value: str | None
    reason: str | None = None


Explain = Callable[[str], tuple[Verdict, str | None] | None]
"""Of a key that no definition covers: verdict and reason; None when nothing is known of it."""


def judge(
    config: Mapping[str, str | None],
    entries: Iterable[Mapping[str, Any]],
    explain: Explain,
    known: Iterable[str] = (),
    no_effect: Mapping[str, str] | None = None,
) -> list[Finding]:
    """A finding for each key given, each key that is missing and each that takes a default.

    `entries`: {"definition", "value"} as in a validation's answer. `known`: further names to suggest for unknown keys.
    `no_effect`: declared keys that are accepted and do nothing, and why.
    """
    definitions: dict[str, Mapping[str, Any]] = {}
    errors: dict[str, list[str]] = {}
    for entry in entries:
        definition, value = entry["definition"], entry["value"]
        if definition is not None:
            definitions[definition["name"]] = definition
        if value["errors"]:
            errors.setdefault(value["name"], []).extend(value["errors"])
    names = [*definitions, *known]
    findings = [
        _given(key, value, definitions, errors.get(key), explain, names, no_effect or {})
        for key, value in config.items()
    ]
    findings += [
        Finding(key, Verdict.REFUSED, None, "; ".join(texts)) for key, texts in errors.items() if key not in config
    ]
    findings += [
        Finding(key, Verdict.DEFAULTED, str(definition["default_value"]))
        for key, definition in definitions.items()
        if key not in config and key not in errors and definition["default_value"] not in (None, "")
    ]
    order = list(Verdict)
    return sorted(findings, key=lambda finding: order.index(finding.verdict))


def _given(
    key: str,
    value: str | None,
    definitions: Mapping[str, Any],
    errors: list[str] | None,
    explain: Explain,
    names: list[str],
    no_effect: Mapping[str, str],
) -> Finding:
    if errors:
        return Finding(key, Verdict.REFUSED, value, "; ".join(errors))
    if key in no_effect:
        return Finding(key, Verdict.IGNORED, value, no_effect[key])
    if key in definitions:
        return Finding(key, Verdict.USED, value)
    explained = explain(key)
    if explained is not None:
        return Finding(key, explained[0], value, explained[1])
    return Finding(key, Verdict.UNKNOWN, value, nearest(key, names))


def nearest(key: str, names: Iterable[str]) -> str | None:
    """`did you mean …?` with the closest known name, None when nothing is near."""
    found = difflib.get_close_matches(key, list(dict.fromkeys(names)), n=1, cutoff=0.75)
    return f"did you mean {found[0]}?" if found else None


def error_entries(errors: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """(key, text) pairs in the form of entries without definition."""
    return [{"definition": None, "value": {"name": key, "errors": [text]}} for key, text in errors]


def worst(findings: Sequence[Finding]) -> Verdict | None:
    """REFUSED, else UNKNOWN or IGNORED, else None: nothing to complain about."""
    bad = (Verdict.REFUSED, Verdict.UNKNOWN, Verdict.IGNORED)
    return next((verdict for verdict in bad if any(item.verdict is verdict for item in findings)), None)
