"""Flame graphs: stacks with their counts, folded and drawn as SVG without a script, small enough to be kept. Pure.

A frame's width is its share of all samples; the call goes from the bottom up. Hovering shows the name and the share. Frames too narrow
to read are left out, the narrower first, until the file is small enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

Stacks = Mapping[tuple[str, ...], int]
"""Frames from the outermost to the innermost → samples."""
WIDTH: Final = 1200
_ROW: Final = 16
_TOP: Final = 46
_CHARACTER: Final = 6.6
_COLOURS: Final = {"python": "#8fb8de", "native": "#e8a36a", "kernel": "#c9c9c9"}


@dataclass
class Frame:
    """`count`: samples in it and in what it calls."""

    name: str
    count: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """python, native or kernel, by the way the frame is named."""
        if self.name.endswith("[k]"):
            return "kernel"
        own = re.search(r"\.py(:\d+)?\)$|^all$|^CPython$|<generated|<string>|<frozen", self.name)
        return "python" if own else "native"


def parse(text: str) -> dict[tuple[str, ...], int]:
    """Folded stacks, one a line: `frame;frame;frame count`. Lines that are none are passed over."""
    stacks: dict[tuple[str, ...], int] = {}
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        if frames and count.isdigit():
            stack = tuple(short(frame) for frame in frames.split(";"))
            stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def short(frame: str) -> str:
    """A frame's name without folders that say where it was built, and without Rust's hashes."""
    frame = re.sub(r"::h[0-9a-f]{16}\b", "", frame)

    def place(match: re.Match[str]) -> str:
        path = match.group(1)
        for root in ("headrace/", "native/"):
            if (at := f"/{path}".rfind(f"/{root}")) >= 0:
                return f"({path[at:]}{match.group(2) or ''})"
        return f"({path.rpartition('/')[2]}{match.group(2) or ''})"

    return re.sub(r"\(([^()]*?)(:\d+)?\)$", place, frame)


def fold(stacks: Stacks) -> Frame:
    """One tree of all stacks."""
    root = Frame("all")
    for stack, count in stacks.items():
        frame = root
        frame.count += count
        for name in stack:
            frame = frame.calls.setdefault(name, Frame(name))
            frame.count += count
    return root


def draw(root: Frame, title: str, subtitle: str, *, most_bytes: int = 140_000) -> str:
    """The SVG. Frames of less than a share of the width are left out, the share doubled until the text is short enough."""
    share = 0.0008
    while True:
        svg = _svg(root, title, subtitle, share * max(root.count, 1))
        if len(svg.encode()) <= most_bytes:
            return svg
        share *= 1.5


def self_shares(stacks: Stacks, groups: Iterable[tuple[str, str]]) -> dict[str, float]:
    """The share of samples by the first of `groups` (name, regular expression over a frame) that a stack's innermost frames meet: asked from
    the innermost outward, all groups for each frame; `other` for none."""
    rules = [(name, re.compile(pattern)) for name, pattern in groups]
    total = sum(stacks.values()) or 1
    shares: dict[str, float] = {}
    for stack, count in stacks.items():
        found = next((name for frame in reversed(stack) for name, rule in rules if rule.search(frame)), "other")
        shares[found] = shares.get(found, 0.0) + count / total
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _svg(root: Frame, title: str, subtitle: str, fewest: float) -> str:
    boxes: list[tuple[int, float, Frame]] = []
    deepest = 0
    waiting: list[tuple[Frame, int, float]] = [(root, 0, 0.0)]
    scale = WIDTH / max(root.count, 1)
    while waiting:
        frame, depth, left = waiting.pop()
        boxes.append((depth, left, frame))
        deepest = max(deepest, depth)
        for call in sorted(frame.calls.values(), key=lambda call: -call.count):
            if call.count >= fewest:
                waiting.append((call, depth + 1, left))
            left += call.count * scale
    height = _TOP + (deepest + 1) * _ROW + 8
    styles = "".join(f".{kind}{{fill:{colour}}}" for kind, colour in _COLOURS.items())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
        f"<style>rect{{stroke:#fff;stroke-width:.5}}{styles}</style>",
        f'<text x="4" y="18" font-size="15">{escape(title)}</text><text x="4" y="36">{escape(subtitle)}</text>',
    ]
    for depth, left, frame in boxes:
        width = frame.count * scale
        top = height - 8 - (depth + 1) * _ROW
        share = 100 * frame.count / max(root.count, 1)
        label = _label(frame.name, width)
        text = f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(label)}</text>' if label else ""
        parts.append(
            f"<g><title>{escape(frame.name)}: {share:.1f} %</title>"
            f'<rect class="{frame.kind}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_ROW}"/>{text}</g>'
        )
    return "\n".join(parts) + "\n</svg>\n"


def _label(name: str, width: float) -> str:
    room = int((width - 4) / _CHARACTER)
    return "" if room < 3 else name if len(name) <= room else name[: room - 1] + "…"
