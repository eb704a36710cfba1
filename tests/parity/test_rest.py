"""Every route, legal and illegal: our standalone worker's answers against those recorded from Kafka Connect's."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from tests.parity.frame.counts import Counts
from tests.parity.rest.compare import differences
from tests.parity.rest.drive import comparable, drive
from tests.parity.rest.explained import EXPLAINED
from tests.parity.rest.record import GOLDEN, LINES
from tests.runtime.worker_support import Worker

_JSON = "org.apache.kafka.connect.json.JsonConverter"


def test_answers_equal_kafka_connects(tmp_path: Path, counts: Counts) -> None:
    source = tmp_path / "in.txt"
    source.write_text(LINES)
    worker = Worker(
        tmp_path,
        key__converter=_JSON,
        value__converter=_JSON,
        header__converter="org.apache.kafka.connect.storage.SimpleHeaderConverter",
        key__converter__schemas__enable="false",
        value__converter__schemas__enable="false",
    )
    del worker.properties["plugin.path"]
    worker.start()
    try:
        ours = drive(worker.url, source, tmp_path / "out.txt")
    finally:
        worker.close()
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert sorted(golden) == sorted(ours), "the script has changed; run `make goldens AREA=rest`"
    wrong: list[str] = []
    needed: Counter[int] = Counter()
    for step, theirs in golden.items():
        found = list(differences(theirs, comparable(ours[step])))
        unexplained = []
        for place, one, other in found:
            reasons = [
                i
                for i, (ids, places, _) in enumerate(EXPLAINED)
                if re.fullmatch(ids, step) and re.fullmatch(places, place)
            ]
            needed.update(reasons)
            if not reasons:
                unexplained.append(f"    {place}: {json.dumps(one)[:300]}, ours {json.dumps(other)[:300]}")
        counts.add("rest", results=1, differs=bool(found), explained=bool(found) and not unexplained)
        if unexplained:
            wrong.append("\n".join([step, *unexplained]))
    assert not wrong, f"{len(wrong)} answers differ:\n" + "\n".join(wrong)
    idle = [EXPLAINED[i][0] for i in range(len(EXPLAINED)) if not needed[i]]
    assert not idle, f"these are equal now, take them out of EXPLAINED: {idle}"
