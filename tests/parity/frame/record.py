"""`make goldens`: asks the oracle every case of the corpora, or of those named, and writes its answers down.

The areas `rest`, `postgres_stream`, `postgres_signals` and `postgres_types` are recorded when they are named: the first needs Java and Maven, for it runs a
worker of Kafka Connect with a broker; the others start a PostgreSQL server."""

from __future__ import annotations

import sys

from tests.parity.frame import corpora
from tests.parity.frame.oracle import Oracle
from tests.parity.postgres.keys import main as record_keys
from tests.parity.postgres.record import main as record_types
from tests.parity.rest.record import main as record_rest
from tests.parity.signals.record import main as record_signals
from tests.parity.stream.record import main as record_stream


def main(names: list[str]) -> None:
    if names == ["rest"]:
        record_rest()
        return
    if names == ["postgres_stream"]:
        record_stream([])
        return
    if names == ["postgres_signals"]:
        record_signals([])
        return
    if names == ["postgres_keys"]:
        record_keys()
        return
    if names == ["postgres_types"]:
        record_types()
        return
    known = corpora.areas()
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"no corpus named {', '.join(unknown)}; there are: {', '.join(known)}")
    if missing := [name for name in names if not corpora.can_be_asked(name)]:
        sys.exit(f"set HEADRACE_ORACLE_JARS to record {', '.join(missing)}; see tests/parity/README.md, Script engines")
    with Oracle() as oracle:
        for area in names or filter(corpora.can_be_asked, known):
            asked = corpora.cases(area).values()
            corpora.write_goldens(area, [(case, oracle.ask(corpora.request(case))) for case in asked])
            print(f"{area}: {len(asked)} cases recorded")


main(sys.argv[1:])
