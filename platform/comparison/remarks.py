"""What people should know of a comparison: what is left out of it, and what its intervals are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from platform.comparison.pooling import StrategyPoints
from platform.comparison.recorded import RecordedPoint, RecordedSweep

from trainables.scoring.metric_names import ACCURACY, METRIC_OF_KIND

_MOST_NAMES = 5  # that a remark lists


def comparable(sweeps: Sequence[RecordedSweep], cost: str) -> list[RecordedSweep]:
    """The sweeps without trials and points that have not both accuracy and this cost, points on both splits:
    they have no place in the plane that is compared, or cannot be chosen.
    """

    def has(metrics: Mapping[str, float]) -> bool:
        return ACCURACY in metrics and cost in metrics

    return [
        replace(
            sweep,
            points=tuple(
                p for p in sweep.points if has(p.reported.validation) and has(p.reported.test)
            ),
            trials=tuple(t for t in sweep.trials if has(t.validation)),
        )
        for sweep in sweeps
    ]


def remarks(
    sweeps: Sequence[RecordedSweep],
    usable: Sequence[RecordedSweep],
    even: Sequence[RecordedSweep],
    confirmed: Mapping[str, StrategyPoints],
    cost: str,
) -> tuple[str, ...]:
    """What is to be known, a sentence each.

    Args:
        sweeps: as recorded.
        usable: what is left of them that has accuracy and the cost.
        even: what is left of these with answers that can be paired.
        confirmed: the points of each strategy.
        cost: the name of the cost metric.
    """
    seeds = sorted({sweep.seed for sweep in sweeps})
    return (
        *_over_seeds(sweeps, seeds, confirmed),
        *_without_points(sweeps, confirmed),
        *_without_cost(sweeps, usable, cost),
        *_without_answers(usable),
        *_odd(usable, even),
    )


def _over_seeds(
    sweeps: Sequence[RecordedSweep], seeds: Sequence[int], confirmed: Mapping[str, StrategyPoints]
) -> list[str]:
    """What intervals and tests are over, and strategies that lack training seeds."""
    samples = METRIC_OF_KIND[sweeps[0].setting.kind].samples
    if len(seeds) == 1:
        return [
            f"Trained at one seed, {seeds[0]}: intervals and tests are over test {samples}, and hold for "
            "these networks; another training may rank otherwise."
        ]
    told = ", ".join(map(str, seeds))
    lines = [
        f"Over training seeds {told}: a point is what is chosen at each of them on validation {samples}, and "
        f"intervals and tests are over seeds and test {samples}."
    ]
    lacking: dict[tuple[int, ...], list[str]] = {}
    for name, points in confirmed.items():
        if set(points.seeds) != set(seeds):
            lacking.setdefault(points.seeds, []).append(name)
    return lines + [
        f"{_names(names)}: at training seed{'s' if len(has) > 1 else ''} {', '.join(map(str, has))} alone; "
        "what is shown is over these, and tests are over those that both sides have."
        for has, names in lacking.items()
    ]


def _without_points(
    sweeps: Sequence[RecordedSweep], confirmed: Mapping[str, StrategyPoints]
) -> list[str]:
    """Strategies of which a sweep is recorded, but no point that could be compared."""
    names = [sweep.strategy for sweep in sweeps if sweep.strategy not in confirmed]
    return [f"{_names(names)}: swept, but without a point to compare."] if names else []


def _without_cost(
    sweeps: Sequence[RecordedSweep], usable: Sequence[RecordedSweep], cost: str
) -> list[str]:
    """Points and trials that have no place."""
    pairs = list(zip(sweeps, usable, strict=True))
    points = [
        p.reported.label
        for all_, left in pairs
        for p in all_.points
        if all(p is not one for one in left.points)
    ]
    trials = sum(len(all_.trials) - len(left.trials) for all_, left in pairs)
    lines = (
        [f"{_names(points)}: left out, without accuracy or {cost} on both splits."]
        if points
        else []
    )
    if trials:
        lines.append(f"{trials} trials have no {cost} and are left out.")
    return lines


def _without_answers(usable: Sequence[RecordedSweep]) -> list[str]:
    """Points whose answers on test samples are not recorded."""
    labels = [p.reported.label for p in _points(usable) if not p.test]
    if not labels:
        return []
    return [
        f"{_names(labels)}: the answers to test samples are not recorded (by an earlier release), so drawn, "
        "but not tested; the same sweep, typed again, records them."
    ]


def _odd(usable: Sequence[RecordedSweep], even: Sequence[RecordedSweep]) -> list[str]:
    """Points that answered other samples than most."""
    both = zip(_points(usable), _points(even), strict=True)
    labels = [before.reported.label for before, after in both if before.test and not after.test]
    if not labels:
        return []
    return [
        f"{_names(labels)}: measured on another number of test samples or sampling seeds than most are, so "
        "drawn, but not tested."
    ]


def _points(sweeps: Sequence[RecordedSweep]) -> list[RecordedPoint]:
    """The points of all sweeps."""
    return [point for sweep in sweeps for point in sweep.points]


def _names(labels: Iterable[str]) -> str:
    """Labels, each once, the first few of many."""
    names = list(dict.fromkeys(labels))
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} others" if rest > 0 else "")
