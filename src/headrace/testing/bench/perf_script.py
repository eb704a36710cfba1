"""From the text of `perf script` to stacks. Pure.

What cannot be read is put together: the interpreter's own frames become one, `CPython`, and of the kernel's only the system call and the
innermost function are kept.
"""

from __future__ import annotations

import re
from typing import Final

_FRAME: Final = re.compile(r"^\s+[0-9a-f]+\s+(.*?)\s+\(([^()]*(?:\([^()]*\))?[^()]*)\)$")
_OFFSET: Final = re.compile(r"\+0x[0-9a-f]+$")
_HASH: Final = re.compile(r"::h[0-9a-f]{16}$")
_INTERPRETER: Final = re.compile(r"libpython3|/python3(\.\d+)?$|_asyncio|_queue")
_KERNEL: Final = re.compile(r"^\[(kernel|guest\.kernel|vdso)")
_SYSTEM_CALL: Final = re.compile(r"^__(?:x64|arm64|se)_sys_(\w+)|^__do_sys_(\w+)|^sys_(\w+)")


def parse(text: str) -> dict[tuple[str, ...], int]:
    """Stacks from the outermost frame to the innermost, with their counts."""
    stacks: dict[tuple[str, ...], int] = {}
    frames: list[tuple[str, str]] = []
    for line in [*text.splitlines(), ""]:
        if match := _FRAME.match(line):
            frames.append((_HASH.sub("", _OFFSET.sub("", match.group(1))), match.group(2)))
        elif not line.strip() and frames:
            stack = _readable(frames[::-1])
            stacks[stack] = stacks.get(stack, 0) + 1
            frames = []
    return stacks


def _readable(frames: list[tuple[str, str]]) -> tuple[str, ...]:
    result: list[str] = []
    kernel: list[str] = []
    for name, place in frames:
        if _KERNEL.match(place):
            kernel.append(name)
            continue
        if _INTERPRETER.search(place):
            name = "CPython"
            if result and result[-1] == name:
                continue
        elif name == "[unknown]":
            name = f"[{place.rpartition('/')[2]}]"
            if result and result[-1] == name:
                continue
        else:
            name = f"{name} ({place.rpartition('/')[2]})"
        result.append(name)
    if kernel:
        call = next((found for name in kernel if (found := _SYSTEM_CALL.match(name))), None)
        if call is not None:
            result.append(f"{next(group for group in call.groups() if group)} [k]")
        result.append(f"{kernel[-1]} [k]")
    return tuple(result)
