"""Writes the tables of docs/performance.md from the results: `make performance`, or `python benchmarks/performance.py [--check]`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. `--check` changes nothing and fails when a table is not what the results
say. Results are `results/*.jsonl`; those of the Python implementation are in `results/python`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
RESULTS = HERE / "results"
_TABLE = re.compile(r"(<!-- table: ([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NONE = "–"

Case = Mapping[str, Any]
Cases = Mapping[str, Case]


def load(folder: Path) -> dict[str, Case]:
    """The cases of a folder by their names."""
    cases: dict[str, Case] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            case = json.loads(line)
            cases[case["case"]] = case
    return cases


def filled(page: str, cases: Cases, python: Cases) -> str:
    """The page with its tables made anew. KeyError for the name of a table that is none."""

    def table(match: re.Match[str]) -> str:
        return match.group(1) + TABLES[match.group(2)](cases, python) + match.group(3)

    return _TABLE.sub(table, page)


# ---- numbers ------------------------------------------------------------------------------------
def at(case: Case | None, path: str) -> Any:
    """`metrics.rows` of a case; None when it is not there."""
    value: Any = case
    for part in path.split(".", 1):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def shown(value: Any, digits: int | None = None) -> str:
    """A number for people: thousands apart, no more digits than say something."""
    if value is None:
        return _NONE
    if isinstance(value, str):
        return value
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def rows(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a sentence when there is nothing to show."""
    if not lines:
        return "Not measured yet.\n"
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, marks, *lines))


def columns(*wanted: tuple[str, str]) -> Callable[[Case], list[str]]:
    return lambda case: [shown(at(case, path)) for _, path in wanted]


def listing(names: Sequence[tuple[str, str]], *wanted: tuple[str, str]) -> Callable[[Cases, Cases], str]:
    """A table of cases: (case, what to call it), then (heading, path of the number)."""

    def make(cases: Cases, python: Cases) -> str:
        numbers = columns(*wanted)
        lines = [[title, *numbers(cases[name])] for name, title in names if name in cases]
        return rows(["", *(heading for heading, _ in wanted)], lines)

    return make


# ---- tables -------------------------------------------------------------------------------------
_RATES = {
    "catchup": "catchup_events_per_s",
    "catchup.schemas": "catchup_events_per_s",
    "snapshot": "snapshot_rows_per_s",
    "snapshot.two": "snapshot_rows_per_s",
    "snapshot.schemas": "snapshot_rows_per_s",
    "sink": "sink_rows_per_s",
    "sink.existing": "sink_rows_per_s",
    "sink.redis": "sink_rows_per_s",
    "pipeline.catchup": "catchup_events_per_s",
    "transform.none": "records_per_s",
    "transform.python": "records_per_s",
    "transform.chain": "records_per_s",
}
_TITLES = {
    "catchup": "PostgreSQL → log, changes that wait",
    "catchup.schemas": "the same, JSON with schemas",
    "snapshot": "snapshot → log, one connection",
    "snapshot.two": "the same, two connections",
    "snapshot.schemas": "one connection, JSON with schemas",
    "sink": "log → PostgreSQL, upsert of new rows",
    "sink.existing": "the same over existing rows",
    "sink.redis": "log → Redis, hashes",
    "pipeline.catchup": "PostgreSQL → log → PostgreSQL",
    "transform.none": "catch-up without transforms",
    "transform.python": "through a transform in Python",
    "transform.chain": "through three built-in transforms",
}


def machine(cases: Cases, python: Cases) -> str:
    for case in (*cases.values(), *python.values()):
        known = case["machine"]
        parts = [f"{known['cpu']}, {known['cores']} cores", f"{known['memory_gb']} GB", f"Linux {known['kernel']}"]
        parts += [f"Python {known['python']}"] + ([f"PostgreSQL {known['postgres']}"] if known.get("postgres") else [])
        return "; ".join(parts) + ".\n"
    return "Not measured yet.\n"


def summary(cases: Cases, python: Cases) -> str:
    lines = []
    for name, title in _TITLES.items():
        case, peer = cases.get(name), cases.get(f"peer.{name}")
        if case is None or name.startswith("transform"):
            continue
        metrics = case["metrics"]
        lines.append(
            [
                title,
                shown(metrics[_RATES[name]]),
                shown(metrics["connector_cpu_s_per_million"]),
                shown(metrics.get("source_task_peak_pss_mb", metrics.get("sink_task_peak_pss_mb"))),
                shown(case.get("ratio_to_limit")),
                shown(at(peer, "peer_metrics." + _RATES[name])),
                shown(at(peer, "ratio_to_peer")),
                shown(at(peer, "peer_metrics.connector_cpu_s_per_million")),
                shown(case.get("noise_ratio")),
            ]
        )
    head = ["path", "per second", "CPU-s per million", "task, MB", "÷ limit"]
    return rows([*head, "peer, per second", "÷ peer", "peer, CPU-s per million", "noise"], lines)


def implementations(cases: Cases, python: Cases) -> str:
    lines = []
    for name, title in _TITLES.items():
        ours, twin = cases.get(name), python.get(name)
        if ours is None or twin is None:
            continue
        fast, slow = ours["metrics"], twin["metrics"]
        rate, cost = _RATES[name], "connector_cpu_s_per_million"
        line = [title, fast[rate], slow[rate], fast[rate] / slow[rate], fast[cost], slow[cost]]
        lines.append([shown(value) for value in line])
    return rows(["path", "rust, per second", "python, per second", "ratio", "rust, CPU-s", "python, CPU-s"], lines)


def settings(cases: Cases, python: Cases) -> str:
    lines = []
    for name, case in cases.items():
        if name.startswith("settings."):
            metrics = case["metrics"]
            rate = next(metrics[rate] for rate in dict.fromkeys(_RATES.values()) if rate in metrics)
            memory = metrics.get("source_task_peak_pss_mb", metrics.get("sink_task_peak_pss_mb"))
            values = [rate, metrics["connector_cpu_s_per_million"], memory, case.get("noise_ratio")]
            lines.append([f"`{name.partition('.')[2]}`", *(shown(value) for value in values)])
    return rows(["setting", "per second", "CPU-s per million", "task, MB", "noise"], lines)


def profiles(cases: Cases, python: Cases) -> str:
    lines = []
    for name, case in cases.items():
        if not name.startswith("profile."):
            continue
        path = name.partition(".")[2]
        for tool, shares in case["shares_percent"].items():
            parts = ", ".join(f"{part} {share:g} %" for part, share in shares.items() if share >= 1)
            lines.append([f"[{path}, {tool}](../benchmarks/profiles/{path}.{tool}.svg)", parts])
    return rows(["profile of the task", "samples in"], lines).replace("---:", "---")


def peer_versions(cases: Cases, python: Cases) -> str:
    for case in cases.values():
        if peer := case.get("peer"):
            settings = [f"`{key}={value}`" for side in ("source", "sink") for key, value in peer[side].items()]
            return (
                f"Java {peer['java']}, Kafka and Connect {peer['kafka']}, Debezium {peer['debezium']}, its JDBC sink"
                f" {peer['debezium_jdbc']}; `plugin.discovery={peer['plugin_discovery']}`, heap `{peer['worker_heap']}`; "
                + ", ".join(settings)
                + ".\n"
            )
    return "Not measured yet.\n"


_STREAM = (
    ("events/s", "metrics.catchup_events_per_s"),
    ("task, CPU-s", "metrics.source_cpu_s_per_million"),
    ("walsender, CPU-s", "metrics.walsender_cpu_s_per_million"),
    ("task, MB", "metrics.source_task_peak_pss_mb"),
    ("pg_recvlogical, events/s", "limit_metrics.recvlogical_events_per_s"),
    ("its walsender, CPU-s", "limit_metrics.recvlogical_walsender_cpu_s_per_million"),
    ("raw reader, events/s", "limit_metrics.lazy_read_events_per_s"),
    ("its walsender, CPU-s", "limit_metrics.lazy_read_walsender_cpu_s_per_million"),
    ("our time ÷ pg_recvlogical's", "wall_ratio_to_limit"),
    ("walsender ÷ pg_recvlogical's", "walsender_cpu_ratio_to_limit"),
)


def _titled(*names: str) -> list[tuple[str, str]]:
    return [(name, _TITLES[name]) for name in names]


def peer(cases: Cases, python: Cases) -> str:
    lines = []
    for name, case in cases.items():
        if not name.startswith("peer."):
            continue
        plain = name.partition(".")[2]
        rate, cost = _RATES[plain], "connector_cpu_s_per_million"
        ours, theirs, again = case["metrics"], case["peer_metrics"], case["again_metrics"]
        numbers = [ours[rate], theirs[rate], again[rate], case["ratio_to_peer"], ours[cost], theirs[cost]]
        numbers += [
            case["cpu_ratio_to_peer"],
            ours["all_peak_pss_mb"],
            theirs["worker_peak_pss_mb"],
            case["noise_ratio"],
        ]
        lines.append([_TITLES[plain], *(shown(value) for value in numbers)])
    head = ["path", "ours", "peer", "ours again", "÷ peer", "ours, CPU-s", "peer, CPU-s", "÷ peer"]
    return rows([*head, "ours, MB", "peer, MB", "A/A"], lines)


TABLES: dict[str, Callable[[Cases, Cases], str]] = {
    "machine": machine,
    "summary": summary,
    "peer": peer,
    "peer-versions": peer_versions,
    "implementations": implementations,
    "profiles": profiles,
    "settings": settings,
    "stream": listing(_titled("catchup", "catchup.schemas"), *_STREAM),
    "snapshot": listing(
        _titled("snapshot", "snapshot.two", "snapshot.schemas"),
        ("rows/s", "metrics.snapshot_rows_per_s"),
        ("task, CPU-s", "metrics.source_cpu_s_per_million"),
        ("server, CPU-s", "metrics.server_cpu_s_per_million"),
        ("task, MB", "metrics.source_task_peak_pss_mb"),
        ("first record after, s", "metrics.start_to_first_record_s"),
        ("our time ÷ COPY's", "wall_ratio_to_limit"),
    ),
    "sink": listing(
        _titled("sink", "sink.existing", "sink.redis"),
        ("rows/s", "metrics.sink_rows_per_s"),
        ("task, CPU-s", "metrics.sink_cpu_s_per_million"),
        ("server, CPU-s", "metrics.target_server_cpu_s_per_million"),
        ("task, MB", "metrics.sink_task_peak_pss_mb"),
        ("staged upsert, rows/s", "limit_metrics.staged_upsert_rows_per_s"),
        ("commands made before, rows/s", "limit_metrics.prebuilt_resp_rows_per_s"),
        ("÷ limit", "ratio_to_limit"),
    ),
    "pipeline": listing(
        [("pipeline.catchup", "source to target")],
        ("events/s to the target", "metrics.catchup_events_per_s"),
        ("to the log", "metrics.catchup_to_log_events_per_s"),
        ("source, CPU-s", "metrics.source_cpu_s_per_million"),
        ("sink, CPU-s", "metrics.sink_cpu_s_per_million"),
        ("walsender, CPU-s", "metrics.walsender_cpu_s_per_million"),
        ("target's server, CPU-s", "metrics.target_server_cpu_s_per_million"),
        ("all processes, MB", "metrics.all_peak_pss_mb"),
    ),
    "latency": listing(
        [("latency", "1,000 commits/s, settings nobody has touched")],
        ("p50, ms", "metrics.latency_p50_ms"),
        ("p95, ms", "metrics.latency_p95_ms"),
        ("p99, ms", "metrics.latency_p99_ms"),
        ("idle worker, % of a core", "metrics.idle_cpu_pct"),
    ),
    "transform": listing(
        _titled("transform.none", "transform.python", "transform.chain"),
        ("records/s", "metrics.records_per_s"),
        ("÷ without", "ratio_to_base"),
        ("task, CPU-s", "metrics.source_cpu_s_per_million"),
        ("task, MB", "metrics.source_task_peak_pss_mb"),
    ),
    "cliff": listing(
        [
            ("cliff.base", "orders: 10 columns, transactions of 100"),
            ("cliff.wide", "100 columns"),
            ("cliff.large", "values of 64 KB"),
            ("cliff.tiny", "transactions of one row"),
            ("cliff.huge", "one transaction"),
        ],
        ("rows", "metrics.changes"),
        ("stream, MB", "limit_metrics.stream_mb"),
        ("MB/s", "metrics.stream_mb_per_s"),
        ("÷ base", "ratio_to_base"),
        ("pg_recvlogical, MB/s", "limit_metrics.recvlogical_mb_per_s"),
        ("÷ base", "limit_ratio_to_base"),
        ("task, MB", "metrics.source_task_peak_pss_mb"),
    ),
}


def main(arguments: Sequence[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    made = filled(page, load(RESULTS), load(RESULTS / "python"))
    if "--check" in arguments:
        return int(made != page)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
