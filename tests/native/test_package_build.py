"""The package's build: when the Rust core is in the wheel, and that the wheel says so."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="cargo is stood in for by a shell script")


class Told:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, text: str) -> None:
        self.warnings.append(text)


def hook(root: Path, told: Told, target: str = "wheel") -> Any:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NativeBuildHook(str(root), {}, None, None, str(root), target, told)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the hook: what it says of the wheel, and what it warned of. `cargo`: what stands in for it, None for none."""

    def run(wanted: str | None, cargo: str | None, *, version: str = "standard", target: str = "wheel") -> Any:
        monkeypatch.delenv("HEADRACE_BUILD_NATIVE", raising=False)
        if wanted is not None:
            monkeypatch.setenv("HEADRACE_BUILD_NATIVE", wanted)
        monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "target"))
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        monkeypatch.setenv("PATH", str(tools) if cargo is None else f"{tools}:/usr/bin:/bin")
        (tools / "cargo").unlink(missing_ok=True)
        if cargo is not None:
            (tools / "cargo").write_text(f"#!/bin/sh\n{cargo}\n")
            (tools / "cargo").chmod(0o755)
        told, data = Told(), {"force_include": {}, "pure_python": True}
        (tmp_path / "src/headrace/native").mkdir(parents=True, exist_ok=True)
        hook(tmp_path, told, target).initialize(version, data)
        return data, told.warnings

    return run


LIBRARY = "lib_core.dylib" if sys.platform == "darwin" else "lib_core.so"
BUILT = f"mkdir -p $CARGO_TARGET_DIR/release && echo core > $CARGO_TARGET_DIR/release/{LIBRARY}"


@pytest.mark.parametrize(("wanted", "cargo"), [("off", BUILT), ("off", None), ("auto", None), (None, None)])
def test_without_the_core_it_is_a_wheel_for_all_and_says_so(build: Any, wanted: str | None, cargo: str | None) -> None:
    data, warnings = build(wanted, cargo)
    assert data == {"force_include": {}, "pure_python": True}
    assert "without its Rust core" in warnings[0]


@pytest.mark.parametrize("wanted", ["require", "auto", None])
def test_with_the_core_the_wheel_is_for_this_platform_only(build: Any, tmp_path: Path, wanted: str | None) -> None:
    data, warnings = build(wanted, BUILT)
    assert list(data["force_include"].values()) == ["headrace/native/_core.abi3.so"]
    assert data["pure_python"] is False
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert data["tag"] == f"cp311-abi3-{platform}"
    assert not warnings


def test_an_editable_install_gets_the_core_in_place(build: Any, tmp_path: Path) -> None:
    data, _ = build("require", BUILT, version="editable")
    assert not data["force_include"]
    assert [path.name for path in (tmp_path / "src/headrace/native").iterdir()] == ["_core.abi3.so"]


@pytest.mark.parametrize(
    ("wanted", "cargo", "said"),
    [("require", None, "install Rust"), ("yes", BUILT, "give one of"), ("auto", "exit 3", "HEADRACE_BUILD_NATIVE=off")],
)
def test_what_cannot_be_built_says_what_to_do(build: Any, wanted: str, cargo: str | None, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        build(wanted, cargo)


def test_a_source_distribution_needs_no_cargo(build: Any) -> None:
    assert build("require", None, target="sdist") == ({"force_include": {}, "pure_python": True}, [])
