"""What samplings of the same samples have in common, computed once: their beginnings.

Two schedules that begin with the same moves, on the same corrupted signals and with the same noise,
are in the same state after them: the first trajectory of `nested` does not depend on when its signal
is refreshed, two iterations of `alternating` are the first two of five, one chain is the first of
eight. So the engine keeps its state wherever no trajectory is under way, and a later run goes on
from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from trainables.sampling.meter import Spent
from trainables.sampling.moves import Move

_ROOT = 0


@dataclass(frozen=True)
class Begun:
    """The engine's state after some moves, never changed again, and what it took to get there."""

    state: Any
    spent: Spent
    size: int


@dataclass
class SharedBatch:
    """Corrupted signals with all that is known of them, and of the samplings that began on them.

    `of_corrupted` holds what depends on x_cor alone, its classifier output and its encodings, each
    with the FLOPs it took.
    """

    x_cor: Tensor
    store: Beginnings | None = None
    key: Hashable = None
    of_corrupted: dict[str, tuple[Any, float]] = field(default_factory=dict)

    def longest(self, moves: Sequence[Move]) -> tuple[int, Begun | None]:
        """The longest beginning of these moves that is known, and how many moves it is."""
        return (0, None) if self.store is None else self.store.longest(self.key, moves)

    def keep(self, moves: Sequence[Move], begun: Begun) -> None:
        """Remember the state after these moves."""
        if self.store is not None:
            self.store.keep(self.key, moves, begun)


class Beginnings:
    """Batches and beginnings of one strategy's samplings, the longest unused forgotten first.

    Args:
        budget: bytes that may be kept.
    """

    def __init__(self, budget: int) -> None:
        self._budget, self._held = budget, 0
        self._nodes: dict[tuple[int, Move], int] = {}
        self._kept: OrderedDict[tuple[Hashable, int], Begun | SharedBatch] = OrderedDict()

    def batch(self, key: Hashable, corrupt: Callable[[], Tensor]) -> SharedBatch:
        """The corrupted signals of that key, made by `corrupt` where they are not known."""
        known = self._kept.get((key, _ROOT))
        if isinstance(known, SharedBatch):
            self._kept.move_to_end((key, _ROOT))
            return known
        made = SharedBatch(corrupt(), self, key)
        self._hold((key, _ROOT), made, made.x_cor.nbytes)
        return made

    def longest(self, key: Hashable, moves: Sequence[Move]) -> tuple[int, Begun | None]:
        """See `SharedBatch.longest`."""
        node, best, length = _ROOT, None, 0
        for number, move in enumerate(moves, start=1):
            following = self._nodes.get((node, move))
            if following is None:
                break
            node = following
            found = self._kept.get((key, node))
            if isinstance(found, Begun):
                self._kept.move_to_end((key, node))
                best, length = found, number
        return length, best

    def keep(self, key: Hashable, moves: Sequence[Move], begun: Begun) -> None:
        """See `SharedBatch.keep`."""
        node = _ROOT
        for move in moves:
            node = self._nodes.setdefault((node, move), len(self._nodes) + 1)
        if (key, node) not in self._kept:
            self._hold((key, node), begun, begun.size)

    def _hold(self, place: tuple[Hashable, int], value: Begun | SharedBatch, size: int) -> None:
        self._kept[place] = value
        self._held += size
        while self._held > self._budget and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._held -= dropped.size if isinstance(dropped, Begun) else dropped.x_cor.nbytes
