"""The ack ledger: which source offsets may be committed.

Per source partition, an offset is committable when its records and all records submitted before it are durable: the longest
durable prefix. Acknowledgements may come in any order. Pure: no clock, no thread, no I/O; the caller guards it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
O = TypeVar("O")  # noqa: E741


class Ticket(Generic[K, O]):
    """A run of records of one source partition that become durable together; `offset` is where to go on after the last."""

    __slots__ = ("acked", "count", "offset", "partition")

    def __init__(self, partition: K, offset: O, count: int) -> None:
        self.partition = partition
        self.offset = offset
        self.count = count
        self.acked = False


class AckLedger(Generic[K, O]):
    """Tickets in order of submission, per source partition."""

    def __init__(self) -> None:
        self._waiting: dict[K, deque[Ticket[K, O]]] = {}
        self._active = 0

    @property
    def active_records(self) -> int:
        """Records submitted and not yet durable."""
        return self._active

    def submit(self, partition: K, offset: O, count: int = 1) -> Ticket[K, O]:
        """Enter a run of `count` records (0 or more) that ends at `offset`."""
        ticket: Ticket[K, O] = Ticket(partition, offset, count)
        queue = self._waiting.get(partition)
        if queue is None:
            queue = self._waiting[partition] = deque()
        queue.append(ticket)
        self._active += count
        return ticket

    def ack(self, tickets: Iterable[Ticket[K, O]]) -> None:
        """Their records are durable, or were dropped on purpose. A second ack of a ticket changes nothing."""
        for ticket in tickets:
            if not ticket.acked:
                ticket.acked = True
                self._active -= ticket.count

    def committable(self, assuming: Iterable[Ticket[K, O]] = ()) -> dict[K, Ticket[K, O]]:
        """Per source partition that can move, the last ticket of its longest acked prefix; its offset may be committed.

        `assuming`: tickets to be counted as acked, for a log that commits them in the same step as the offsets."""
        assumed = {id(ticket) for ticket in assuming}
        result: dict[K, Ticket[K, O]] = {}
        for partition, queue in self._waiting.items():
            for ticket in queue:
                if not ticket.acked and id(ticket) not in assumed:
                    break
                result[partition] = ticket
        return result

    def confirm(self, committed: Mapping[K, Ticket[K, O]]) -> None:
        """The offsets of these tickets, as `committable` gave them and all acked by now, are stored: forget them and what
        lies before them."""
        for partition, last in committed.items():
            queue = self._waiting.get(partition)
            while queue:
                if queue.popleft() is last:
                    break
            if not queue:
                self._waiting.pop(partition, None)
