"""Records Kafka Connect's answers to the script: `python -m tests.parity.rest.record`, or `make goldens AREA=rest`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.parity.rest.drive import comparable, drive
from tests.parity.rest.jvm_worker import JvmWorker

GOLDEN = Path(__file__).parents[1] / "golden" / "rest.json"
LINES = "one\ntwo\nthree\n"


def main() -> None:
    """Jars are kept in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace-parity"
    cache.mkdir(parents=True, exist_ok=True)
    source, target = cache / "in.txt", cache / "out.txt"
    source.write_text(LINES)
    with JvmWorker(cache) as url:
        answers = drive(url, source, target)
    rows = [
        f"{json.dumps(step)}: {json.dumps(comparable(answer), sort_keys=True, ensure_ascii=False)}"
        for step, answer in sorted(answers.items())
    ]
    GOLDEN.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    print(f"{len(rows)} answers in {GOLDEN.name}")


if __name__ == "__main__":
    main()
