"""`headrace new` makes packages that install, pass their tests and give a first record in a real worker."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.cli.scaffold import KINDS
from tests.support import wait_until


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_package_is_in_order(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "My-shop", "--dir", str(tmp_path)]) == 0
    package = tmp_path / "my-shop"
    run("-m", "ruff", "check", "--isolated", "--select", "E,F,I,UP,B", "--line-length", "120", ".", cwd=package)
    run("-m", "ruff", "format", "--isolated", "--check", "--line-length", "120", ".", cwd=package)
    assert not list(tmp_path.glob(".my-shop*"))


@pytest.mark.parametrize(
    ("kind", "files", "result"),
    [
        ("source", ["source.json", "out.json"], "out.txt"),
        ("sink", ["source.json", "sink.json"], "outbox/lines-0-0.json"),
        pytest.param("transform", ["source.json", "out.json"], "out.txt", marks=pytest.mark.parity),
        pytest.param("predicate", ["source.json", "out.json"], "out.txt", marks=pytest.mark.parity),
        pytest.param("converter", ["source.json", "out.json"], "out.txt", marks=pytest.mark.parity),
    ],
)
def test_from_nothing_to_the_first_record(kind: str, files: list[str], result: str, tmp_path: Path) -> None:
    """What the README says, but for where it is installed to."""
    name = f"first-{kind}"
    assert main(["new", kind, name, "--dir", str(tmp_path)]) == 0
    package, prefix = tmp_path / name, tmp_path / "prefix"
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-compile"]
    run("-m", "pip", "install", *options, "--prefix", prefix, ".", cwd=package)
    installed = Path(sysconfig.get_path("purelib", vars={"base": str(prefix), "platbase": str(prefix)}))
    env = {"PYTHONPATH": str(installed)}
    assert " passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package, env=env)
    properties = package / "worker.properties"
    properties.write_text(properties.read_text().replace(":8083", ":0"))
    code = "import sys; from headrace.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "standalone", properties.name, *files]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=package, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        wait_until(lambda: "The first record." in (package / result).read_text(), 30, "the first record")
    finally:
        worker.terminate()
        worker.wait(20)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("class", "word of Python"),
        ("match", "word of Python"),
        ("json", "module of Python"),
        ("headrace", "installed here already"),
        ("tests", "module of Python"),
        ("../shop", "begin with a letter"),
        ("my shop", "begin with a letter"),
        ("1st", "begin with a letter"),
        ("shop-", "begin with a letter"),
        ("", "begin with a letter"),
        ("ü", "begin with a letter"),
        ("a" * 61, "begin with a letter"),
    ],
)
def test_bad_names(name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "source", "--dir", str(tmp_path), "--", name]) == 6
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my-shop").write_text("mine")
    assert main(["new", "sink", "my_shop", "--dir", str(tmp_path)]) == 5
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "my-shop").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "sink", "my_shop", "--dir", "/proc"]) == 6
    assert "FOLDER_UNWRITABLE" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "found"), [("shop", "ShopSourceConnector"), ("shop-source", "ShopSourceConnector")])
def test_class_names(name: str, found: str, tmp_path: Path) -> None:
    assert main(["new", "source", name, "--dir", str(tmp_path)]) == 0
    assert f".{found}" in (tmp_path / name / "source.json").read_text()
