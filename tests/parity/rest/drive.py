"""Gives a worker the script's requests and writes down its answers, without what differs from run to run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.parity.rest.script import Step, steps

_HEADERS = ("content-type", "location", "allow")
_DEADLINE_S = 40.0


def drive(url: str, source: Path, target: Path) -> dict[str, dict[str, Any]]:
    """Step id → {"status", "headers", "body"}; AssertionError when a state is not reached."""
    names = {"$SOURCE": str(source), "$TARGET": str(target)}
    with httpx.Client(base_url=url, timeout=60) as client:
        return {step.id: _answer(client, step, names) for step in steps()}


def _answer(client: httpx.Client, step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    if step.wait is not None:
        _await(client, *step.wait)
    content, headers = step.raw, dict(step.headers)
    if step.body is not None:
        content = json.dumps(step.body)
        headers.setdefault("Content-Type", "application/json")
    for name, real in names.items():
        content = content.replace(name, real) if content is not None else None
    response = client.request(step.method, step.path, content=content, headers=headers)
    text = response.text
    for name, real in names.items():
        text = text.replace(real, name)
    kept = {
        name: response.headers[name].replace(str(client.base_url), "$URL/")
        for name in _HEADERS
        if name in response.headers
    }
    return {"status": response.status_code, "headers": kept, "body": _body(text)}


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return "<html>" if text.lstrip().lower().startswith(("<html", "<!doctype")) else text


def _await(client: httpx.Client, path: str, wanted: str | int) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        response = client.get(path)
        seen: Any = response.status_code
        if isinstance(wanted, str) and response.status_code == 200:
            body = response.json()
            if "connector" in body:
                seen = " ".join([body["connector"]["state"], *(task["state"] for task in body["tasks"])])
            else:
                [topics] = body.values()
                seen = " ".join(topics["topics"])
        if seen in (wanted.split("|") if isinstance(wanted, str) else [wanted]):
            return
        assert time.monotonic() < deadline, f"{path}: {seen}, not {wanted}"
        time.sleep(0.05)


def comparable(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal: everything but texts for people, versions, addresses and orders that mean nothing."""
    headers, body = dict(answer["headers"]), answer["body"]
    if headers.get("content-type", "").startswith("text/plain") and isinstance(body, str):
        body = sorted(re.split(r"[, ]+", body))
    if "allow" in headers:
        headers["allow"] = ",".join(sorted(re.split(r"[, ]+", headers["allow"])))
    if "content-type" in headers:
        headers["content-type"] = headers["content-type"].partition(";")[0]
    return {"status": answer["status"], "headers": headers, "body": _plain(body, ())}


_SORTED = ("recommended_values", "dependents")
_TEXTS = ("message", "trace", "documentation", "version", "commit", "kafka_cluster_id", "worker_id")
_CONVERTER_GROUPS = ("Serialization", "Schemas")


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        if str(value.get("name", "")).endswith("plugin.version"):
            value = {key: _VERSIONS if key in _VERSION_KEYS and item else item for key, item in value.items()}
        return {key: _leaf(key, item, (*path, key)) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return _listed([_plain(item, path) for item in value], path[-1] if path else "")
    return value


_VERSIONS = "<version>"
_VERSION_KEYS = ("default_value", "value", "recommended_values")


def _listed(items: list[Any], name: str) -> Any:
    if name == "errors":
        return len(items)
    if name == "recommended_values":
        return sorted(
            item
            for item in items
            if not item.startswith(("headrace.", "io.", "com.", "org.apache.kafka.connect.mirror"))
        )
    if name == "configs":
        # Connect lists a converter's keys in the order of a hash.
        fixed = [item for item in items if not _of_converter(item)]
        return fixed + sorted((item for item in items if _of_converter(item)), key=lambda item: item["value"]["name"])
    if name == "groups":
        return [item for item in items if item not in _CONVERTER_GROUPS] + sorted(set(items) & set(_CONVERTER_GROUPS))
    if items and isinstance(items[0], dict) and set(items[0]) >= {"class", "type"}:
        return [
            item for item in items if item["class"].startswith("org.apache.kafka.") and ".mirror." not in item["class"]
        ]
    return sorted(items, key=str) if name in _SORTED or all(isinstance(item, str) for item in items) else items


def _of_converter(item: Any) -> bool:
    name = item["value"]["name"]
    return ".converter." in name and not name.endswith("plugin.version")


def _leaf(key: str, value: Any, path: tuple[str, ...]) -> Any:
    if key in _TEXTS and isinstance(value, str):
        return "<text>"
    if key == "last_modified" and isinstance(value, int):
        return "<time>"
    return _plain(value, path)
