"""Flame graphs: what the profilers write is read right, drawn small, and a profiler is put on the task's process."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from headrace.errors import ConnectException
from headrace.testing.bench import flame, perf_script, run_profile_bench
from headrace.testing.bench.profilers import profilers, without_waits

FOLDED = """\
main (task.py:1);poll (/somewhere/src/headrace/sources/postgres/task.py:79);decode (<generated decode>:1) 30
main (task.py:1);encode (headrace/converters/json/encoder.py:186) 50
main (task.py:1);poll (/somewhere/src/headrace/sources/postgres/task.py:79) 20

not a stack
"""
SCRIPT = """\
\t          24a345 builtin_sum+0x375 (/opt/python/lib/libpython3.11.so.1.0)
\t          1a7331 _PyEval_EvalFrameDefault+0x51 (/opt/python/lib/libpython3.11.so.1.0)
\t           27249 __libc_start_call_main+0x79 (/usr/lib/x86_64-linux-gnu/libc.so.6)

\t    ffffffff81a copy_to_user+0x10 ([kernel.kallsyms])
\t    ffffffff81b __x64_sys_recvfrom+0x20 ([kernel.kallsyms])
\t    ffffffff81c entry_SYSCALL_64_after_hwframe+0x20 ([kernel.kallsyms])
\t           27249 recv+0x79 (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t           11111 headrace_core::pgoutput::decode::h0123456789abcdef+0x1f (/there/_core.abi3.so)
\t           22222 [unknown] (/there/some lib (deleted))

"""


def test_folded_stacks_are_read_without_the_folders_of_a_machine() -> None:
    stacks = flame.parse(FOLDED)
    poll = "poll (headrace/sources/postgres/task.py:79)"
    assert stacks == {
        ("main (task.py:1)", poll, "decode (<generated decode>:1)"): 30,
        ("main (task.py:1)", "encode (headrace/converters/json/encoder.py:186)"): 50,
        ("main (task.py:1)", poll): 20,
    }
    root = flame.fold(stacks)
    assert (root.count, root.calls["main (task.py:1)"].calls[poll].count) == (100, 50)


def test_a_stack_counts_for_the_innermost_part_that_is_known() -> None:
    groups = (("read", r"sources/"), ("encode", r"converters/"))
    assert flame.self_shares(flame.parse(FOLDED), groups) == {"read": 0.5, "encode": 0.5}
    assert flame.self_shares({("a", "b"): 1}, groups) == {"other": 1.0}


def test_perfs_text_is_read_with_the_interpreter_as_one_frame() -> None:
    assert perf_script.parse(SCRIPT) == {
        ("__libc_start_call_main (libc.so.6)", "CPython"): 1,
        (
            "[some lib (deleted)]",
            "headrace_core::pgoutput::decode (_core.abi3.so)",
            "recv (libc.so.6)",
            "recvfrom [k]",
            "copy_to_user [k]",
        ): 1,
    }


def test_threads_that_wait_do_not_count() -> None:
    waits = ["Condition.wait (threading.py:295)", "SocketIO.readinto (socket.py:692)", "Event.wait (threading.py:611)"]
    work = ("run (a.py:1)", "receive (headrace/systems/postgres/wire.py:5)")
    assert without_waits({work: 3} | {("run (a.py:1)", wait): 9 for wait in waits}) == {work: 3}


def test_a_drawing_is_small_and_shows_the_wide_frames() -> None:
    stacks = {
        ("outer <&>", f"frame {n}", f"leaf {n} of a long name that repeats and repeats"): 1 + n**3 for n in range(600)
    }
    svg = flame.draw(flame.fold(stacks), "title <&>", "said", most_bytes=50_000)
    assert len(svg.encode()) <= 50_000
    texts = [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("title")]
    assert "outer <&>: 100.0 %" in texts
    assert any(text.startswith("frame 599:") for text in texts)
    assert not any(text.startswith("frame 0:") for text in texts)


_STAND_IN = """
import signal, sys
pid, out = (sys.argv[sys.argv.index(name) + 1] for name in ("--pid", "--output"))
comm = open(f"/proc/{pid}/comm").read().strip()
def end(*_):
    open(out, "w").write(f"outer;{comm} 7")
    sys.exit()
signal.signal(signal.SIGINT, end)
while True:
    signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_profiler_is_put_on_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "py-spy"
    program.write_text(f"#!{sys.executable} -S\n{_STAND_IN}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    # Enough for the task to be found at work.
    (case,) = run_profile_bench(100_000, folder=tmp_path / "out", only=["catchup"])
    assert case["case"] == "profile.catchup"
    assert case["shares_percent"] == {"python": {"other": 100.0}}
    svg = (tmp_path / "out" / "catchup.python.svg").read_text()
    assert "hr-src task-0" in svg
    assert "7 samples" in svg


def test_without_a_profiler_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConnectException, match="make profile"):
        profilers(tmp_path)
