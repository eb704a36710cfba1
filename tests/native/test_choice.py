"""Which implementation does the work per row."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headrace.errors import ConfigException
from headrace.native import IMPLEMENTATION, choose, core


def test_the_best_there_is_unless_one_is_forced() -> None:
    forced = os.environ.get("HEADRACE_IMPL")
    assert (forced or ("python" if core is None else "rust")) == IMPLEMENTATION
    assert choose("python") == ("python", None)
    assert choose(None) == choose("")


def test_what_cannot_be_had_is_told_with_what_was_tried() -> None:
    with pytest.raises(ConfigException) as caught:
        choose("fortran")
    assert caught.value.code == "NATIVE_UNAVAILABLE"
    assert caught.value.field == "HEADRACE_IMPL"
    assert "fortran" in caught.value.message
    assert "python" in caught.value.message


def test_rust_is_never_replaced_in_silence(tmp_path: object) -> None:
    code = (
        "import sys; sys.modules['headrace.native._core'] = None\n"
        "from headrace.errors import ConfigException\n"
        "try:\n    import headrace.native\n"
        "except ConfigException as error:\n    print(error.code, 'headrace.native._core' in error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HEADRACE_IMPL": "rust"}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["NATIVE_UNAVAILABLE", "True"], done.stderr
