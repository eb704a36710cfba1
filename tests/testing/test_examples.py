"""The examples are what they say: packages that install, with entry points that load and settings as their READMEs list them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from tests.support import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("polling_source", "upsert_sink", "mapping_transform")


@pytest.mark.parametrize("name", NAMES)
def test_entry_points_and_settings(name: str) -> None:
    folder = EXAMPLES / name
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    readme = (folder / "README.md").read_text()
    for points in project["entry-points"].values():
        for class_name, target in points.items():
            module, _, attribute = target.partition(":")
            plugin = getattr(importlib.import_module(module), attribute)
            assert class_name == f"{name}.{attribute}"
            assert plugin.version() == project["version"]
            undocumented = [key.name for key in plugin.config() if f"`{key.name}`" not in readme]
            assert not undocumented
    for file in folder.glob("*.json"):
        assert json.loads(file.read_text())["config"]["connector.class"]


def test_an_installed_example_runs(tmp_path: Path) -> None:
    """The transform's README, in a real worker: two good records arrive, the bad one is a dead letter."""
    prefix, folder = tmp_path / "prefix", tmp_path / "here"
    folder.mkdir()
    for file in ("worker.properties", "source.json", "users.json", "users.txt"):
        (folder / file).write_text((EXAMPLES / "mapping_transform" / file).read_text().replace(":8083", ":0"))
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-compile"]
    package = str(EXAMPLES / "mapping_transform")
    install = [sys.executable, "-m", "pip", "install", *options, "--prefix", str(prefix), package]
    subprocess.run(install, check=True, timeout=100)
    installed = sysconfig.get_path("purelib", vars={"base": str(prefix), "platbase": str(prefix)})
    code = "import sys; from headrace.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "standalone", "worker.properties", "source.json", "users.json"]
    with (tmp_path / "worker.log").open("wb") as log:
        env = {**os.environ, "PYTHONPATH": installed}
        worker = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: len((folder / "out.txt").read_text().splitlines()) >= 2, 30, "two records")
    finally:
        worker.terminate()
        worker.wait(20)
    assert (folder / "out.txt").read_text().splitlines() == [
        "{id=1, name=Jane, email=jane@example.com, created_at=2024-05-06T05:08:09.123Z}",
        "{id=3, name=Joe, email=joe@example.com, created_at=2024-05-06T05:08:09.000Z}",
    ]
