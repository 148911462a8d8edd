"""The rounds of a training: which batch each update draws, and after which rounds is reported."""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass

import torch

from trainables.core.noise import generator_of


@dataclass(frozen=True)
class Round:
    """A pool of `batches` batches, the first of which is number `first_batch`, and the updates that
    draw from it, the first of which is number `first_update`.
    """

    first_batch: int
    batches: int
    first_update: int
    order: list[int]
    """The batch of the pool that each update draws."""


def rounds_of(updates: int, uses: int, pool: int, seed: int, kind: str) -> list[Round]:
    """The rounds of a training of so many updates, `uses` of them with each batch.

    A pool is gone through `uses` times, each time in an order of its own; the last round ends with the
    last update.
    """
    total = math.ceil(updates / uses)
    rounds = []
    for first in range(0, total, pool):
        batches = min(pool, total - first)
        generator = generator_of("pool", seed, kind, first)
        passes = [torch.randperm(batches, generator=generator) for _ in range(uses)]
        order = torch.cat(passes).tolist()[: updates - first * uses]
        rounds.append(Round(first, batches, first * uses, order))
    return rounds


def reporting_rounds(lengths: list[int], epoch: float, least: int) -> set[int]:
    """Rounds, of so many updates each, after which is reported: those that end one of `least` even parts of
    the training, and where there are no more than `least` epochs, of so many updates, those that end one.

    What a report costs is mostly validation: one to two and a half updates' time. Of a training of a hundred
    short epochs it would be a tenth.
    """
    ends = list(itertools.accumulate(lengths))
    even = [ends[-1] * (i + 1) / least for i in range(least)]
    count = int(ends[-1] / epoch)
    epochs = [epoch * (i + 1) for i in range(count)] if count <= least else []
    return {bisect.bisect_left(ends, mark - 1e-9) for mark in even + epochs}
