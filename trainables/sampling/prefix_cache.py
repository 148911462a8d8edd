"""A cache of what runs on the same samples have in common: the prefixes of their schedules.

Two schedules that begin with the same moves, on the same corrupted signals and with the same noise,
are in the same state after these moves: the first trajectory of `nested` does not depend on when its
signal is refreshed, two iterations of `alternating` are the first two of five, one chain is the first
of eight, and whether the logits answer or the classifier on the sampled signal changes no more than the
last moves. So the engine caches its state wherever every trajectory is complete and a trajectory, a chain
or an answer comes next, and a later run goes on from the longest prefix in the cache.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass

from torch import Tensor

from trainables.models.base import Encoding, mapped
from trainables.sampling.meter import MeterReading
from trainables.sampling.moves import (
    Answer,
    Move,
    NewChain,
    NewChainUnlessSettled,
    Start,
    StartOverUnlessSettled,
)

_EMPTY_PREFIX = b""
"""The name of the prefix without a move, under which a batch itself is cached."""
_ENTRY_OVERHEAD = 4096
"""Bytes that an entry is taken to need besides its tensors: names, levels, counts."""

_BEGINNINGS = Start | NewChain | NewChainUnlessSettled | StartOverUnlessSettled
"""Moves that a prefix ends before."""

_EntryKey = tuple[Hashable, bytes]
"""The batch's key and the prefix's name."""


@dataclass(frozen=True)
class Prefix:
    """The engine's state after the first moves of a schedule, and what sampling up to there cost.

    Args:
        state: a `trainables.sampling.state.State`, which is never changed again.
        reading: calls, FLOPs and seconds.
    """

    state: object
    reading: MeterReading


@dataclass
class SharedBatch:
    """Corrupted signals, with the outputs and prefixes that all runs on them share.

    Args:
        x_cor: the corrupted signals, (B, *signal shape).
        cache: where prefixes are kept; None to keep none.
        key: what identifies the batch in the cache.
        outputs: by network, what depends on x_cor alone (the classifier's output, the encodings of
            x_cor), each with the FLOPs it took.
    """

    x_cor: Tensor
    cache: PrefixCache | None = None
    key: Hashable = None
    outputs: dict[str, tuple[Encoding, float]] = field(default_factory=dict)

    def longest_prefix(self, names: Mapping[int, bytes]) -> tuple[int, Prefix | None]:
        """The longest cached prefix among these names, and how many moves it has; (0, None) if there
        is none.
        """
        return (0, None) if self.cache is None else self.cache.longest_prefix(self.key, names)

    def of_rows(self, rows: Tensor) -> SharedBatch:
        """The batch of some of the samples (n,), with the outputs for them; it has no cache."""
        outputs = {
            network: (mapped(output, lambda values: values[rows]), flops)
            for network, (output, flops) in self.outputs.items()
        }
        return SharedBatch(self.x_cor[rows], outputs=outputs)

    def add_prefix(self, name: bytes, prefix: Prefix) -> None:
        """Cache a prefix under its name."""
        if self.cache is not None:
            self.cache.add_prefix(self, name, prefix)

    def add_output(self, network: str, output: Encoding, flops: float) -> None:
        """Keep what a network computes from x_cor, and the FLOPs it took."""
        self.outputs[network] = output, flops
        if self.cache is not None:
            self.cache.update_batch(self)


def prefix_names(moves: Sequence[Move]) -> dict[int, bytes]:
    """Names of a schedule's prefixes by their number of moves, equal where all moves are equal.

    Only prefixes that a trajectory, a chain or the first answer of several comes after are named: these
    may be another schedule's too.
    """
    names, running_hash = {}, hashlib.blake2b(digest_size=16)
    for number, move in enumerate(moves):
        is_answer = isinstance(move, Answer) and not isinstance(moves[number - 1], Answer)
        begins = isinstance(move, _BEGINNINGS)
        if number and (is_answer or begins):
            names[number] = running_hash.digest()
        running_hash.update(repr(move).encode())
    return names


class PrefixCache:
    """Batches and prefixes of one strategy's runs; the least recently used are evicted first.

    A prefix holds its batch, so a batch is never evicted before its prefixes: whenever one of these is
    used, so is the batch.

    Args:
        budget: bytes that the cache may hold. A tensor counts once, by the memory that it keeps alive.

    Attributes:
        size: bytes that the cache holds.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._entries: OrderedDict[_EntryKey, Prefix | SharedBatch] = OrderedDict()
        self._memory: dict[_EntryKey, dict[int, int]] = {}
        self._storage_users: Counter[int] = Counter()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def batch(self, key: Hashable, corrupt: Callable[[], Tensor]) -> SharedBatch:
        """The batch of that key; `corrupt` makes its corrupted signals where it is not cached."""
        cached = self._entries.get((key, _EMPTY_PREFIX))
        if isinstance(cached, SharedBatch):
            self._entries.move_to_end((key, _EMPTY_PREFIX))
            return cached
        batch = SharedBatch(corrupt(), self, key)
        self._entries[key, _EMPTY_PREFIX] = batch
        self.update_batch(batch)
        return batch

    def longest_prefix(
        self, key: Hashable, names: Mapping[int, bytes]
    ) -> tuple[int, Prefix | None]:
        """See `SharedBatch.longest_prefix`."""
        for number in sorted(names, reverse=True):
            prefix = self._entries.get((key, names[number]))
            if isinstance(prefix, Prefix):
                self._entries.move_to_end((key, names[number]))
                self._entries.move_to_end((key, _EMPTY_PREFIX))
                return number, prefix
        return 0, None

    def add_prefix(self, batch: SharedBatch, name: bytes, prefix: Prefix) -> None:
        """See `SharedBatch.add_prefix`; no prefix is added to a batch that was evicted."""
        entry = batch.key, name
        if self._entries.get((batch.key, _EMPTY_PREFIX)) is batch and entry not in self._entries:
            self._entries[entry] = prefix
            self._set_memory(entry, _memory_of(prefix.state))
            self._entries.move_to_end((batch.key, _EMPTY_PREFIX))
            self._evict()

    def update_batch(self, batch: SharedBatch) -> None:
        """Count the memory that the batch holds now, if it is cached."""
        entry = batch.key, _EMPTY_PREFIX
        if self._entries.get(entry) is batch:
            self._set_memory(entry, _memory_of((batch.x_cor, batch.outputs)))
            self._evict()

    def _set_memory(self, entry: _EntryKey, memory: dict[int, int]) -> None:
        """Count this memory as the entry's, instead of what was counted for it before."""
        earlier = self._memory.get(entry)
        self._memory[entry] = memory
        self.size += _ENTRY_OVERHEAD if earlier is None else 0
        for storage, size in memory.items():
            self.size += 0 if self._storage_users[storage] else size
            self._storage_users[storage] += 1
        self._release(earlier or {})

    def _evict(self) -> None:
        """Evict entries until the cache holds no more than its budget."""
        while self.size > self._budget:
            entry, _ = self._entries.popitem(last=False)
            self.size -= _ENTRY_OVERHEAD
            self._release(self._memory.pop(entry))

    def _release(self, memory: dict[int, int]) -> None:
        """Count this memory for one entry less; what no entry holds is no longer counted at all."""
        for storage, size in memory.items():
            self._storage_users[storage] -= 1
            if not self._storage_users[storage]:
                del self._storage_users[storage]
                self.size -= size


def _memory_of(value: object) -> dict[int, int]:
    """The bytes of the memory that a value keeps alive by its tensors, by the memory's address."""
    storages = (tensor.untyped_storage() for tensor in _tensors(value))
    return {storage.data_ptr(): storage.nbytes() for storage in storages if storage.nbytes()}


def _tensors(value: object) -> Iterator[Tensor]:
    """All tensors in nested dataclasses, mappings and sequences."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif is_dataclass(value):
        yield from _tensors([getattr(value, attribute.name) for attribute in fields(value)])
