"""What a group tells its worker, and what it wants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headrace.runtime.distributed.protocol import SubProtocol
from headrace.runtime.distributed.work import Configured, Work


@dataclass(frozen=True, slots=True)
class Membership:
    """A worker's place in its group since the last rebalance. `work`: all that it has to run; `leader_url`: where REST requests for the
    leader go."""

    member: str
    generation: int
    protocol: SubProtocol
    leader: str
    leader_url: str
    work: Work

    @property
    def leads(self) -> bool:
        return self.member == self.leader


class GroupWorker(Protocol):
    """The worker behind a member of the group. What these calls raise ends the membership."""

    @property
    def url(self) -> str:
        """Where the other workers reach this one."""

    def configured(self) -> Configured:
        """What has been read of the config topic."""

    async def catch_up(self, timeout_s: float) -> bool:
        """Read the config topic to its end; False when it was not reached in time."""

    async def run(self, membership: Membership) -> None:
        """Start what is in `membership.work` and does not run; it has everything that may run. Cancelled when the membership is lost
        meanwhile: `stop` follows."""

    async def stop(self, work: Work) -> None:
        """Stop these; what does not run counts as stopped. When it returns others may start them."""
