"""What samplings of the same samples have in common, computed once: their beginnings.

Two schedules that begin with the same moves, on the same corrupted signals and with the same noise,
are in the same state after them: the first trajectory of `nested` does not depend on when its signal
is refreshed, two iterations of `alternating` are the first two of five, one chain is the first of
eight. So the engine keeps its state wherever no trajectory is under way, and a later run goes on
from there.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from torch import Tensor

from trainables.sampling.meter import MeterReading
from trainables.sampling.moves import Move, NewChain, Start

_NOTHING = b""
_BYTES_APIECE = 4096
"""What a batch or a beginning is taken to hold beside its tensors: names, levels, counts."""

_Place = tuple[Hashable, bytes]


@dataclass(frozen=True)
class Prefix:
    """The engine's state after some moves, never changed again, and what it took to get there."""

    state: Any
    spent: MeterReading


@dataclass
class SharedBatch:
    """Corrupted signals with all that is known of them, and of the samplings that began on them.

    `of_corrupted` holds what depends on x_cor alone, its classifier output and its encodings, each
    with the FLOPs it took.
    """

    x_cor: Tensor
    store: PrefixCache | None = None
    key: Hashable = None
    of_corrupted: dict[str, tuple[Any, float]] = field(default_factory=dict)

    def longest(self, names: Mapping[int, bytes]) -> tuple[int, Prefix | None]:
        """The longest of these beginnings that is known, and how many moves it is."""
        return (0, None) if self.store is None else self.store.longest(self.key, names)

    def keep(self, name: bytes, begun: Prefix) -> None:
        """Remember the state after the beginning of that name."""
        if self.store is not None:
            self.store.keep(self, name, begun)

    def learn(self, network: str, value: Any, flops: float) -> None:
        """Remember what a network makes of x_cor."""
        self.of_corrupted[network] = value, flops
        if self.store is not None:
            self.store.weigh(self)


def names_of(moves: Sequence[Move]) -> dict[int, bytes]:
    """A name of each beginning that another schedule may have too, by how many moves it is: those
    after which something starts. Names are the same where all moves are.
    """
    names, so_far = {}, hashlib.blake2b(digest_size=16)
    for number, move in enumerate(moves):
        if number and isinstance(move, Start | NewChain):
            names[number] = so_far.digest()
        so_far.update(repr(move).encode())
    return names


class PrefixCache:
    """Batches and beginnings of one strategy's samplings, the longest unused forgotten first.

    A beginning holds its batch, so a batch is never forgotten before its beginnings: whenever one of
    these is used, so is the batch.

    Args:
        budget: bytes that may be kept. A tensor counts once, by the memory that it keeps alive.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[_Place, Prefix | SharedBatch] = OrderedDict()
        self._memory: dict[_Place, dict[int, int]] = {}
        self._holders: Counter[int] = Counter()
        self.held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def batch(self, key: Hashable, corrupt: Callable[[], Tensor]) -> SharedBatch:
        """The corrupted signals of that key, made by `corrupt` where they are not known."""
        known = self._kept.get((key, _NOTHING))
        if isinstance(known, SharedBatch):
            self._kept.move_to_end((key, _NOTHING))
            return known
        made = SharedBatch(corrupt(), self, key)
        self._kept[key, _NOTHING] = made
        self.weigh(made)
        return made

    def longest(self, key: Hashable, names: Mapping[int, bytes]) -> tuple[int, Prefix | None]:
        """See `SharedBatch.longest`."""
        for number in sorted(names, reverse=True):
            found = self._kept.get((key, names[number]))
            if isinstance(found, Prefix):
                self._kept.move_to_end((key, names[number]))
                self._kept.move_to_end((key, _NOTHING))
                return number, found
        return 0, None

    def keep(self, batch: SharedBatch, name: bytes, begun: Prefix) -> None:
        """See `SharedBatch.keep`; nothing is kept of a batch that is forgotten."""
        place = batch.key, name
        if self._kept.get((batch.key, _NOTHING)) is batch and place not in self._kept:
            self._kept[place] = begun
            self._hold(place, _memory_of(begun.state))
            self._kept.move_to_end((batch.key, _NOTHING))
            self._forget()

    def weigh(self, batch: SharedBatch) -> None:
        """Count what the batch holds by now, if it is kept."""
        place = batch.key, _NOTHING
        if self._kept.get(place) is batch:
            self._hold(place, _memory_of((batch.x_cor, batch.of_corrupted)))
            self._forget()

    def _hold(self, place: _Place, memory: dict[int, int]) -> None:
        """Count this memory as that of what is kept in a place, in the stead of what was counted."""
        earlier = self._memory.get(place)
        self._memory[place] = memory
        self.held += _BYTES_APIECE if earlier is None else 0
        for storage, size in memory.items():
            self.held += 0 if self._holders[storage] else size
            self._holders[storage] += 1
        self._release(earlier or {})

    def _forget(self) -> None:
        while self.held > self._budget:
            place, _ = self._kept.popitem(last=False)
            self.held -= _BYTES_APIECE
            self._release(self._memory.pop(place))

    def _release(self, memory: dict[int, int]) -> None:
        for storage, size in memory.items():
            self._holders[storage] -= 1
            if not self._holders[storage]:
                del self._holders[storage]
                self.held -= size


def _memory_of(value: Any) -> dict[int, int]:
    """The bytes of the memory that a value keeps alive by its tensors, by the memory's address."""
    storages = (tensor.untyped_storage() for tensor in _tensors(value))
    return {storage.data_ptr(): storage.nbytes() for storage in storages if storage.nbytes()}


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested dataclasses, mappings and sequences."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif is_dataclass(value):
        yield from _tensors([getattr(value, one.name) for one in fields(value)])
