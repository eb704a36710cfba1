"""Counts per part, and tables, for the summary at the end of a test run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Part:
    """What was compared in one part: cases, and the results (records, data, events) in them."""

    cases: int = 0
    results: int = 0
    equal: int = 0
    explained: int = 0
    unexplained: int = 0


@dataclass
class Counts:
    """Of one test run; `notes` are titled texts shown below the table."""

    parts: dict[str, Part] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def add(self, part: str, *, results: int, differs: bool, explained: bool) -> None:
        """One more case."""
        counted = self.parts.setdefault(part, Part())
        counted.cases += 1
        counted.results += results
        if not differs:
            counted.equal += 1
        elif explained:
            counted.explained += 1
        else:
            counted.unexplained += 1

    def merge(self, part: str, more: Part) -> None:
        """What was counted elsewhere."""
        counted = self.parts.setdefault(part, Part())
        for name in ("cases", "results", "equal", "explained", "unexplained"):
            setattr(counted, name, getattr(counted, name) + getattr(more, name))

    def table(self) -> list[str]:
        """Lines to print, the sum last."""
        names = ("cases", "results", "equal", "explained", "unexplained")
        width = max([len("part"), *map(len, self.parts)])
        rows = [(name, [getattr(part, column) for column in names]) for name, part in sorted(self.parts.items())]
        rows.append(("all", [sum(row[1][i] for row in rows) for i in range(len(names))]))
        head = f"{'part':{width}}" + "".join(f"{name:>13}" for name in names)
        return [head, *(f"{name:{width}}" + "".join(f"{n:13,}" for n in numbers) for name, numbers in rows)]
