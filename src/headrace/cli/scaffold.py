"""Makes packages from the templates beside this module."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from headrace.errors import AlreadyExistsException, ConfigException

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
_MAX_NAME: Final = 60
_STRING: Final = "org.apache.kafka.connect.storage.StringConverter"


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between kinds. `files`: template → path in the package's folder; `run`: the files of the command line."""

    group: str
    module: str
    suffix: str
    description: str
    run: str
    try_it: str
    files: dict[str, str] = field(default_factory=dict)


_LINES: Final = {"source.json": "source.json", "out.json": "out.json", "in.txt": "in.txt"}
_SEE: Final = "The worker reads `in.txt` line by line; the record is in `out.txt` after a moment. Add lines to `in.txt` while it runs."

KINDS: Final = {
    "source": Kind(
        "headrace.sources",
        "connector",
        "SourceConnector",
        "A source for headrace.",
        "source.json out.json",
        "The first record is in `out.txt` after a moment. Put more files into `inbox` while it runs, with names that sort behind: `0002.txt` …",
        {"source.json": "source.json", "out.json": "out.json", "first.txt": "inbox/0001.txt"},
    ),
    "sink": Kind(
        "headrace.sinks",
        "connector",
        "SinkConnector",
        "A sink for headrace.",
        "source.json sink.json",
        "The first record is in `outbox` after a moment. Add lines to `in.txt` while it runs.",
        {"source.json": "source.json", "sink.json": "sink.json", "in.txt": "in.txt", "gitignore": "outbox/.gitignore"},
    ),
    "transform": Kind(
        "headrace.transforms", "transform", "", "A transform for headrace.", "source.json out.json", _SEE, _LINES
    ),
    "predicate": Kind(
        "headrace.predicates",
        "predicate",
        "Predicate",
        "A predicate for headrace.",
        "source.json out.json",
        _SEE,
        _LINES,
    ),
    "converter": Kind(
        "headrace.converters",
        "converter",
        "Converter",
        "A converter for headrace.",
        "source.json out.json",
        _SEE,
        _LINES,
    ),
}
_COMMON: Final = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "worker.properties": "worker.properties",
}


def create(kind: str, name: str, folder: Path) -> Path:
    """Make the folder `<folder>/<name>`, all of it or nothing; returns it.

    ConfigException for a name that makes no package (NAME_INVALID) or a place that cannot be written to (FOLDER_UNWRITABLE);
    AlreadyExistsException when the folder exists."""
    chosen = KINDS[kind]
    _check_name(name)
    package = re.sub(r"[-_]+", "_", name).lower()
    distribution = package.replace("_", "-")
    _check_package(name, package)
    target = folder / distribution
    if target.exists() or target.is_symlink():
        raise AlreadyExistsException(f"{target} exists already.", field="NAME", remedy="Choose another name or --dir.")
    stem = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]+", name))
    if chosen.suffix:
        # my-shop and my-shop-source both give MyShopSourceConnector.
        stem = stem.removesuffix(kind.capitalize()) or stem
    class_name = stem + chosen.suffix
    full_name = f"{package}.{class_name}"
    values = {
        "kind": kind,
        "package": package,
        "distribution": distribution,
        "stem": stem,
        "class_name": class_name,
        "full_name": full_name,
        "group": chosen.group,
        "module": chosen.module,
        "description": chosen.description,
        "files": chosen.run,
        "try_it": chosen.try_it,
        "what": _what(kind),
        "value_converter": full_name if kind == "converter" else _STRING,
    }
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{distribution}-", dir=folder))
        try:
            _write(staging, kind, chosen, values)
            staging.chmod(0o755)
            staging.rename(target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise ConfigException(
            f"{target} cannot be made: {error.strerror}.",
            code="FOLDER_UNWRITABLE",
            field="--dir",
            remedy="Name a folder that you may write to.",
        ) from error
    return target


def _write(folder: Path, kind: str, chosen: Kind, values: dict[str, str]) -> None:
    templates = resources.files("headrace.cli") / "templates"
    package, module = values["package"], values["module"]
    plan: list[tuple[Traversable, str]] = [(templates / "common" / f"{t}.tmpl", p) for t, p in _COMMON.items()]
    plan.append((templates / "common" / "gitignore.tmpl", ".gitignore"))
    plan.append((templates / kind / "module.py.tmpl", f"src/{package}/{module}.py"))
    plan.append((templates / kind / "test.py.tmpl", f"tests/test_{package}.py"))
    plan += [(templates / kind / f"{t}.tmpl", p) for t, p in chosen.files.items() if t != "gitignore"]
    for template, path in plan:
        _put(folder / path, Template(template.read_text(encoding="utf-8")).substitute(values))
    if "gitignore" in chosen.files:
        _put(folder / chosen.files["gitignore"], "*\n!.gitignore\n")
    class_name = values["class_name"]
    _put(
        folder / "src" / package / "__init__.py",
        f'"""{values["description"]}"""\n\nfrom {package}.{module} import {class_name}\n\n__all__ = ["{class_name}"]\n',
    )
    _put(folder / "src" / package / "py.typed", "")


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _check_name(name: str) -> None:
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise _refused(name, "it must begin with a letter and have letters, digits and single - or _ between them only")


def _check_package(name: str, package: str) -> None:
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise _refused(name, f"{package} is a word of Python")
    if package in sys.stdlib_module_names or package in ("test", "tests"):
        raise _refused(name, f"{package} is a module of Python's own")
    if importlib.util.find_spec(package) is not None:
        raise _refused(name, f"a package {package} is installed here already")


def _refused(name: str, reason: str) -> ConfigException:
    return ConfigException(
        f"{name!r} cannot be the name of a package: {reason}.",
        code="NAME_INVALID",
        field="NAME",
        remedy="Choose a name such as my-shop.",
    )


def _what(kind: str) -> str:
    if kind in ("source", "sink"):
        return "the settings, the connector that plans the work, and the task that does it."
    return f"the settings and the {kind}."
