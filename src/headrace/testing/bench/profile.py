"""`headrace bench profile`: what a task's process spends its time on, on each path, as a flame graph.

A profiler looks at the process many times a second, from when the task runs until the last record has arrived. It costs time itself: rates
are measured without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from headrace.native import IMPLEMENTATION
from headrace.testing.bench import flame
from headrace.testing.bench.backlog import Backlog, Variant
from headrace.testing.bench.catchup import SCHEMALESS, WITH_SCHEMAS, OrdersWork
from headrace.testing.bench.figures import Case, Run, chosen, say
from headrace.testing.bench.machine import machine
from headrace.testing.bench.profilers import Profiler, PySpy, profilers
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.sink import SinkBench
from headrace.testing.bench.snapshot import snapshot_once
from headrace.testing.bench.transform import VARIANTS
from headrace.testing.servers import RedisServer

_PYTHON: Final = (
    ("the log", r"headrace/log/"),
    ("talk to PostgreSQL", r"systems/postgres/|psycopg"),
    ("talk to Redis", r"systems/redis/"),
    ("transforms", r"runtime/chain|headrace/transforms/|upper_status"),
    ("converters", r"headrace/converters/|runtime/record_(en|de)coder"),
    ("rows and events", r"headrace/sources/|headrace/native/|headrace/cdc/|headrace/data/|<generated"),
    ("sink: encode", r"headrace/sinks/"),
    ("task loop", r"headrace/runtime/"),
)
"""Parts of the work by Python's frames, the innermost that is known."""
_NATIVE: Final = (
    ("kernel: receive", r"^recv\w* \[k\]"),
    ("kernel: send", r"^send\w* \[k\]"),
    (
        "kernel: write files",
        r"^(p?write\w*|fdatasync|fsync|sync_file_range|fallocate|ftruncate|p?readv?64?|lseek) \[k\]",
    ),
    ("kernel: wait", r"^(futex|poll|ppoll|select|epoll_\w+|clock_nanosleep) \[k\]"),
    ("kernel: memory", r"^(mmap|munmap|madvise|mremap|brk) \[k\]|page_fault"),
    ("kernel: other", r"\[k\]$"),
    ("SQLite", r"sqlite"),
    ("libpq, TLS, other extensions", r"libpq|libssl|libcrypto|\.cpython-|hiredis|lz4|zstd|libz"),
    ("Rust core", r"\(_core\.abi3"),
    ("CPython", r"^CPython$"),
    ("C library", r"libc\.so|libm\.so"),
)
"""Parts of the work by native frames, the innermost that is known."""


def run_profile_bench(rows: int = 1_000_000, *, folder: Path, only: Sequence[str] = ()) -> list[Case]:
    """Flame graphs `<path>.python.svg` and `<path>.native.svg` in `folder` for each path, and a case `profile.<path>` with the shares of
    its parts. ConnectException PROFILE_NO_TOOL when there is nothing to look with."""
    wanted = chosen((*_BEFORE, *_STREAMS), only)
    folder.mkdir(parents=True, exist_ok=True)
    shares: dict[str, dict[str, dict[str, float]]] = {name: {} for name in wanted}
    with TemporaryDirectory(prefix="headrace-profile-") as kept:
        for tool in profilers(Path(kept)):
            _run(tool, wanted, rows)
            for name in wanted:
                shares[name][tool.name] = _drawn(name, tool, folder)
    return [
        {
            "case": f"profile.{name}",
            "implementation": IMPLEMENTATION,
            "machine": machine(),
            "metrics": {"rows": rows},
            "shares_percent": found,
        }
        for name, found in shares.items()
    ]


def _run(tool: Profiler, wanted: Sequence[str], rows: int) -> None:
    with ExitStack() as stack:
        rig = Rig(stack)
        work = OrdersWork(rig, rows)
        say(f"{tool.name}: loading {work.rows} rows")
        work.create()
        rig.watch = tool.watching
        for name in wanted:
            if name in _BEFORE:
                say(name)
                _BEFORE[name](rig, work)
        if variants := [_STREAMS[name] for name in wanted if name in _STREAMS]:
            Backlog(rig, work, variants, 1, limits=False).run()


def _drawn(name: str, tool: Profiler, folder: Path) -> dict[str, float]:
    stacks = tool.stacks(_SEEN_AS.get(name, name))
    title = f"{name}: the task's process, {IMPLEMENTATION}"
    svg = flame.draw(flame.fold(stacks), title, f"{sum(stacks.values())} samples; {tool.told}")
    (folder / f"{name}.{tool.name}.svg").write_text(svg)
    groups = _PYTHON if isinstance(tool, PySpy) else _NATIVE
    return {part: round(100 * share, 1) for part, share in flame.self_shares(stacks, groups).items()}


_SEEN_AS: Final = {"sink": "pg", "sink.redis": "rds"}
"""Names of sink connectors: a process shows no more than a few characters of one."""


# ---- paths --------------------------------------------------------------------------------------
def _snapshot(rig: Rig, work: OrdersWork) -> Run:
    return snapshot_once(rig, work, work.rows, SCHEMALESS, 1)


def _sink(rig: Rig, work: OrdersWork) -> Run:
    bench = SinkBench(rig, work, work.rows)
    run = bench.upsert(_SEEN_AS["sink"], existing=False)
    bench.worker.close()
    return run


def _redis(rig: Rig, work: OrdersWork) -> Run:
    with RedisServer() as server:
        bench = SinkBench(rig, work, work.rows)
        run = bench.redis(server, _SEEN_AS["sink.redis"])
        bench.worker.close()
    return run


_BEFORE: Final[Mapping[str, Callable[[Rig, OrdersWork], Run]]] = {
    "snapshot": _snapshot,
    "sink": _sink,
    "sink.redis": _redis,
}
_STREAMS: Final[Mapping[str, Variant]] = {
    "catchup": Variant("catchup", SCHEMALESS),
    "catchup.schemas": Variant("catchup.schemas", WITH_SCHEMAS),
    **{name: VARIANTS[name] for name in ("transform.python", "transform.chain")},
}
