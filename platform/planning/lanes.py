"""Which parts are trained side by side: lanes, each of which trains its parts one after the other.

A part begins once those that it starts from are there, whichever lane trains them. On a few cores small
networks are trained faster so than one after the other on all cores: an operation of theirs is too short to
be shared out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainables.task.recipe import Recipe
from trainables.training import stages

_LEAST_UPDATES = 200
"""What a lane's parts must make all together: its processes take a while to start, and have to share the CPUs
with those of the others.
"""


@dataclass(frozen=True)
class Lane:
    """Parts that are trained one after the other, and the CPU threads that each is trained with."""

    kinds: tuple[str, ...]
    threads: tuple[int, ...]


def lanes_of(
    wanted: Sequence[str], missing: Sequence[str], recipe: Recipe, most: int, threads: int
) -> list[Lane]:
    """The lanes that train the missing ones of some parts soonest, as far as their stages tell how long they
    take.

    A part that another one may be trained beside, if all are missing, has an even share of the threads, any
    other all of them. So what a part is trained with follows from what is wanted: a training that was cut off
    ends as one that was not, bit for bit.

    Args:
        wanted: kinds of parts, in an order in which they can be trained.
        missing: those that are to be trained, in that order.
        recipe: of all parts.
        most: how many lanes there may be, 1 or more.
        threads: CPU threads that all lanes have together.
    """
    used = len(_scheduled(wanted, recipe, most))
    while used > 1 and not _pays(_scheduled(wanted, recipe, used), recipe):
        used -= 1
    share = max(1, threads // max(1, used))
    counts = {kind: threads if _is_alone(kind, wanted) else share for kind in wanted}
    lanes = _scheduled(missing, recipe, max(1, used))
    return [Lane(tuple(lane), tuple(counts[kind] for kind in lane)) for lane in lanes]


def seconds_of(lanes: Sequence[Lane], seconds: Mapping[str, float]) -> float:
    """Seconds until lanes that begin together have trained all of their parts, each of which takes `seconds`.

    A part begins once the one before it in its lane has been trained, and those that it starts from.
    """
    waiting = [list(lane.kinds) for lane in lanes]
    kinds = {kind for lane in waiting for kind in lane}
    free, ends = [0.0] * len(lanes), dict[str, float]()
    while any(waiting):
        for number, lane in enumerate(waiting):
            needs = kinds.intersection(stages.parts_given(lane[0])) if lane else set()
            if lane and needs <= ends.keys():
                begin = max(free[number], *(ends[need] for need in needs), 0.0)
                free[number] = ends[lane[0]] = begin + seconds[lane[0]]
                lane.pop(0)
    return max(free, default=0.0)


def _scheduled(kinds: Sequence[str], recipe: Recipe, most: int) -> list[list[str]]:
    """The parts of each lane that has any. Each part in turn goes to the lane that can begin with it first,
    of several to the one that has waited least.
    """
    lanes: list[list[str]] = [[] for _ in range(most)]
    free, ends = [0.0] * most, dict[str, float]()
    for kind in kinds:
        ready = max((ends[need] for need in stages.parts_given(kind) if need in ends), default=0.0)
        lane = min(range(most), key=lambda i: (max(free[i], ready), -free[i], i))
        lanes[lane].append(kind)
        free[lane] = ends[kind] = max(free[lane], ready) + _length(kind, recipe)
    return [lane for lane in lanes if lane]


def _pays(lanes: list[list[str]], recipe: Recipe) -> bool:
    """Whether each lane has enough to do to be worth its start."""
    updates: list[int] = [sum(stages.load(kind).updates(recipe) for kind in lane) for lane in lanes]
    return min(updates) >= _LEAST_UPDATES


def _length(kind: str, recipe: Recipe) -> float:
    """How long a part's training takes, roughly, in forward passes of a denoiser."""
    stage = stages.load(kind)
    passes = sum(stage.forwards(recipe)) + stages.label_forwards(kind)
    return float(stage.updates(recipe) * passes)


def _is_alone(kind: str, kinds: Sequence[str]) -> bool:
    """Whether each of the other parts is trained before a part or after it, as they need each other."""
    return all(
        other == kind or other in _origins(kind, kinds) or kind in _origins(other, kinds)
        for other in kinds
    )


def _origins(kind: str, kinds: Sequence[str]) -> set[str]:
    """The parts among these that a part waits for, one by way of another too."""
    given = {need for need in stages.parts_given(kind) if need in kinds}
    return given.union(*(_origins(need, kinds) for need in given))
