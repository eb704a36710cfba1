"""Builds the Rust core into the package where cargo is found; without it the package is pure Python and runs on the twins.

`HEADRACE_BUILD_NATIVE`: `auto` (default), `require` (no package without the core), `off`. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_CHOICES = ("auto", "require", "off")


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for wheels and editable installs; a source distribution carries the Rust sources."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        wanted = os.environ.get("HEADRACE_BUILD_NATIVE", "auto")
        if wanted not in _CHOICES:
            raise RuntimeError(f"HEADRACE_BUILD_NATIVE is {wanted!r}; give one of {', '.join(_CHOICES)}.")
        cargo = shutil.which("cargo")
        if wanted == "off" or (wanted == "auto" and cargo is None):
            why = "HEADRACE_BUILD_NATIVE is off" if wanted == "off" else "cargo was not found"
            self.app.display_warning(
                f"headrace is built without its Rust core ({why}): it runs on its slower Python twins."
            )
            return
        if cargo is None:
            raise RuntimeError("HEADRACE_BUILD_NATIVE is require, and cargo was not found: install Rust (rustup.rs).")
        library = self._build(cargo)
        name = "_core.pyd" if sys.platform == "win32" else "_core.abi3.so"
        if version == "editable":
            place = Path(self.root, "src", "headrace", "native", name)
            # Replaced as a whole: a running process has the old one mapped.
            fresh = place.with_name(name + ".new")
            shutil.copyfile(library, fresh)
            fresh.replace(place)
        else:
            build_data["force_include"][str(library)] = f"headrace/native/{name}"
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform}"

    def _build(self, cargo: str) -> Path:
        native = Path(self.root, "native")
        target = Path(os.environ.get("CARGO_TARGET_DIR", native / "target"))
        command = [cargo, "build", "--release", "--locked", "--manifest-path", str(native / "Cargo.toml")]
        done = subprocess.run([*command, "-p", "headrace-native", "--target-dir", str(target)], check=False)
        if done.returncode:
            raise RuntimeError(
                "The Rust core could not be built; what cargo says is above. "
                "Set HEADRACE_BUILD_NATIVE=off to install on the Python twins."
            )
        names = {"win32": "_core.dll", "darwin": "lib_core.dylib"}
        return target / "release" / names.get(sys.platform, "lib_core.so")
