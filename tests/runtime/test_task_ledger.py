"""The ack ledger against its definition: the longest durable prefix per source partition."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.runtime.ledger import AckLedger, Ticket

steps = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("ack"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("commit"), st.integers(0, 60), st.integers(0, 60)),
    ),
    max_size=80,
)


class Naive:
    """Every run ever submitted, per partition, and how far it was confirmed."""

    def __init__(self) -> None:
        self.runs: dict[int, list[Ticket[int, int]]] = {}
        self.confirmed: dict[int, int] = {}

    def committable(self, assumed: list[Ticket[int, int]]) -> dict[int, int]:
        result = {}
        for partition, runs in self.runs.items():
            length = 0
            while length < len(runs) and (runs[length].acked or runs[length] in assumed):
                length += 1
            if length > self.confirmed.get(partition, 0):
                result[partition] = runs[length - 1].offset
        return result


@settings(max_examples=300, deadline=None)
@given(steps)
def test_committable_is_the_longest_durable_prefix(script: list[tuple[str, int, int]]) -> None:
    ledger: AckLedger[int, int] = AckLedger()
    naive = Naive()
    tickets: list[Ticket[int, int]] = []
    for step, first, second in script:
        if step == "submit":
            ticket = ledger.submit(first, len(tickets), second)
            naive.runs.setdefault(first, []).append(ticket)
            tickets.append(ticket)
        elif step == "ack" and tickets:
            ledger.ack([tickets[first % len(tickets)]])
        elif step == "commit" and tickets:
            # As an atomic append does: asks with its own tickets assumed, then acks and confirms.
            own = [tickets[first % len(tickets)], tickets[second % len(tickets)]]
            moved = ledger.committable(own)
            assert {p: t.offset for p, t in moved.items()} == naive.committable(own)
            ledger.ack(own)
            ledger.confirm(moved)
            for partition, ticket in moved.items():
                naive.confirmed[partition] = naive.runs[partition].index(ticket) + 1
        assert {p: t.offset for p, t in ledger.committable().items()} == naive.committable([])
        assert ledger.active_records == sum(t.count for t in tickets if not t.acked)


def test_offsets_never_go_back() -> None:
    ledger: AckLedger[str, int] = AckLedger()
    one, two, three = (ledger.submit("p", n) for n in (1, 2, 3))
    ledger.ack([three])
    assert ledger.committable() == {}
    ledger.ack([one])
    assert _offsets(ledger) == {"p": 1}
    ledger.confirm(ledger.committable())
    assert _offsets(ledger) == {}
    ledger.ack([two])
    assert _offsets(ledger) == {"p": 3}


def _offsets(ledger: AckLedger[Any, Any]) -> dict[Any, Any]:
    return {partition: ticket.offset for partition, ticket in ledger.committable().items()}


def test_a_partition_that_is_settled_is_forgotten() -> None:
    ledger: AckLedger[str, int] = AckLedger()
    ledger.ack([ledger.submit("p", 1)])
    ledger.confirm(ledger.committable())
    assert ledger._waiting == {}
