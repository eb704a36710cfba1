"""Transforms and predicates: Connect's single message transforms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from headrace.data import ConnectRecord
from headrace.data.batch import Block
from headrace.spi.component import Component

if TYPE_CHECKING:
    from headrace.native._core import Mask

R = TypeVar("R", bound=ConnectRecord)


class Transform(Component, Generic[R]):
    """Changes records on their way: after the source and before its converter, or after the sink's converter.

    `apply` is the definition; a transform that can do better over many records overrides `apply_batch` as well, and
    must give the same results in the same order.
    """

    @abstractmethod
    def apply(self, record: R) -> R | None:
        """The record to go on with (the same object, changed, or a new one), or None to drop it.

        Called once per record, in order, from the task's thread; again for the same record when it raised
        RetriableException and errors.retry.timeout allows. Any other exception is the record's failure and handled
        by errors.tolerance. A record's schema objects are shared: make a new schema instead of changing one.
        """

    def apply_batch(self, records: Sequence[R]) -> list[R | None]:
        """One result per record, in order (None = dropped). If it raises, nothing is taken from it: the framework
        falls back to `apply` record by record, to find the one at fault."""
        return [self.apply(record) for record in records]

    def apply_block(self, block: Block) -> list[Block] | None:
        """The same for rows that are still columns: the blocks that come of it, their rows with the ordinals they had, rows that are
        dropped left out. None for a block this transform does not do that way: its rows then come as records. What it
        gives must be equal, record for record, to what `apply` gives; whatever it raises counts as None."""
        return None


class Predicate(Component, Generic[R]):
    """Decides whether a transform applies to a record."""

    @abstractmethod
    def test(self, record: R) -> bool:
        """True when the condition holds. Called as `Transform.apply` is; must not change the record."""

    def test_block(self, block: Block) -> Mask | None:
        """The rows of a block for which `test` holds; None where that is not known without records."""
        return None
