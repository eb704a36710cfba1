"""Secrets out of texts: whatever contains a registered value shows `[hidden]` in its place.

A secret may be a common word (`postgres`), which also stands in the code's own names. Those are no secrets: in a trace, the
file, line and function of a frame, the line of source shown with it and the name of an exception's class are left alone, but
only where they are verifiably that. All else, above all every message, is redacted.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sys
import sysconfig
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
_SHORTEST: Final = 4
_FRAME: Final = re.compile(r'[ |+-]*File "([^"\n]+)", line (\d+), in ([\w.<>]+)')
_BAR: Final = re.compile(r"[ |]*")
_CLASS: Final = re.compile(r"([A-Za-z_][\w.]*)(?=:|$)")
_CODE_FOLDERS: Final = tuple(
    os.path.join(folder, "")
    for folder in {
        str(Path(__file__).parents[1]),
        *(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")),
    }
)

_secrets: list[str] = []
_lock = threading.Lock()


def hide(secrets: Iterable[str]) -> None:
    """Redact these texts from now on, also as they look in a URL, in JSON and in Python's repr. Texts below four characters are
    left out: they would blot everything."""
    forms: set[str] = set()
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST:
            forms |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]}
            forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    with _lock:
        # The longest first: one that is part of another must not leave the other's rest.
        _secrets[:] = sorted(forms.union(_secrets), key=lambda text: (-len(text), text))


def redact(text: str) -> str:
    """`text` with all hidden values replaced."""
    for secret in tuple(_secrets):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def redact_trace(text: str) -> str:
    """A trace with all hidden values replaced, but for the names of our own and installed code; see the module's docstring."""
    secrets = tuple(_secrets)
    for secret in secrets:
        if "\n" in secret:
            text = text.replace(secret, HIDDEN)
    if not any(secret in text for secret in secrets):
        return text
    lines = text.split("\n")
    source = ""
    for number, line in enumerate(lines):
        frame = _FRAME.fullmatch(line)
        if frame is not None and _is_code(frame[1], frame[3]):
            source = linecache.getline(frame[1], int(frame[2])).strip()
            continue
        if not (source and line.strip(" |") == source):
            lines[number] = _redact_line(line)
        source = ""
    return "\n".join(lines)


def _is_code(path: str, function: str) -> bool:
    if not path.startswith(_CODE_FOLDERS) or ".." in path:
        return False
    name = function.rpartition(".")[2].strip("<>")
    return any(name in line for line in linecache.getlines(path)) or name in (
        "module",
        "listcomp",
        "genexpr",
        "dictcomp",
    )


def _redact_line(line: str) -> str:
    start = _BAR.match(line)
    assert start is not None
    named = _CLASS.match(line, start.end())
    if named is None or not _is_class(named[1]):
        return redact(line)
    return line[: named.end()] + redact(line[named.end() :])


def _is_class(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return isinstance(getattr(sys.modules.get(module), attribute, None), type)
