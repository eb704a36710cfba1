"""`make goldens`: asks the oracle every case of the corpora, or of those named, and writes its answers down.

The area `rest`, recorded when it is named, needs Java and Maven: it runs a worker of Kafka Connect with a broker."""

from __future__ import annotations

import sys

from tests.parity.frame import corpora
from tests.parity.frame.oracle import Oracle
from tests.parity.rest.record import main as record_rest


def main(names: list[str]) -> None:
    if names == ["rest"]:
        record_rest()
        return
    known = corpora.areas()
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"no corpus named {', '.join(unknown)}; there are: {', '.join(known)}")
    with Oracle() as oracle:
        for area in names or known:
            asked = corpora.cases(area).values()
            corpora.write_goldens(area, [(case, oracle.ask(corpora.request(case))) for case in asked])
            print(f"{area}: {len(asked)} cases recorded")


main(sys.argv[1:])
