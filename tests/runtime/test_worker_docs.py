"""The worker's page names every setting."""

from pathlib import Path

from headrace.runtime.worker_config import worker_def


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "worker.md").read_text()
    assert [key.name for key in worker_def() if f"| `{key.name}` |" not in page] == []
