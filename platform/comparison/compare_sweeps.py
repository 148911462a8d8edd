"""The comparison of the sweeps of one setting, from what MLflow has of them: everything that is shown, as
numbers and sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from platform.comparison.found import found
from platform.comparison.importance import importance
from platform.comparison.matched import Field, as_good, named, tests
from platform.comparison.only_right import only_right
from platform.comparison.pooling import (
    Pooled,
    StrategyPoints,
    interval_over_seeds,
    points_of_strategies,
    without_odd_answers,
)
from platform.comparison.procedures import (
    FRONT_BUDGETS,
    TEST_BUDGETS,
    Axis,
    budgets,
    pooled_points,
    thinned,
)
from platform.comparison.recorded import RecordedSweep
from platform.comparison.remarks import comparable, remarks

import numpy as np

from dashboards.comparison.model import (
    ComparedPoint,
    ComparedStrategy,
    ComparedTrial,
    Comparison,
    Setting,
)
from dashboards.pareto import (
    Reference,
    front,
    growth,
    joint_front,
    reference_of_costs,
    shared_reference,
)
from trainables.core.errors import UsageError
from trainables.core.noise import seed_of
from trainables.scoring.cost_metrics import COMPARED_COSTS
from trainables.scoring.metric_names import (
    ACCURACY,
    METRIC_OF_KIND,
    NFE,
)

_AXES = {cost.name: cost.axis for cost in COMPARED_COSTS.values()}


def compare(sweeps: Sequence[RecordedSweep], cost: str, max_cost: float = 0) -> Comparison:
    """Compare the sweeps of one setting.

    Points are chosen on validation samples and compared on test samples, see `pooling` for several training
    seeds. The hypervolumes of calls are from the dataset's reference, those of another cost from the largest
    cost that any trial or confirmed point of any strategy here has, down to the least.

    Args:
        sweeps: one or more, no two of the same strategy and training seed.
        cost: on the horizontal axes, the name of one of `COMPARED_COSTS`.
        max_cost: the most that a user would pay, in the units of `cost`; 0 where that was not told.

    Raises:
        UsageError: there are no sweeps, they are of several settings, or none of their points has this cost.
    """
    setting = _setting(sweeps)
    axis = Axis(cost, METRIC_OF_KIND[setting.kind], float(max_cost))
    usable = comparable(sweeps, cost)
    if not any(p.reported.strategy == sweep.strategy for sweep in usable for p in sweep.points):
        raise UsageError(
            f"no confirmed point of these sweeps of {setting.title} has {cost} on both splits: sweep again "
            "with this release, or compare by another cost"
        )
    even = without_odd_answers(usable)
    confirmed = points_of_strategies(even)
    along = budgets(confirmed.values(), axis, FRONT_BUDGETS)
    shown = {name: pooled_points(points, axis, along) for name, points in confirmed.items()}
    field = Field(confirmed, shown)
    names = named(field, axis)
    matched = _test_budgets(along, axis)
    pairs = tests(field, axis, names, matched)
    reference = _reference(setting, usable, cost)
    return Comparison(
        setting=setting,
        seeds=tuple(sorted({sweep.seed for sweep in sweeps})),
        metric=axis.metric,
        cost=cost,
        cost_title=_AXES[cost],
        reference=reference,
        strategies=_strategies(usable, field, axis, reference, as_good(field, axis, names.best)),
        pairs=pairs,
        found=found(field, axis, names, pairs, matched),
        only_right=only_right(field),
        notes=remarks(sweeps, usable, even, confirmed, cost),
    )


def _setting(sweeps: Sequence[RecordedSweep]) -> Setting:
    """The one setting of all sweeps."""
    settings = {sweep.setting for sweep in sweeps}
    if len(settings) != 1:
        raise UsageError(
            f"one or more sweeps of one setting are compared, but these are of {len(settings)} settings"
        )
    return settings.pop()


def _test_budgets(along: Sequence[float], axis: Axis) -> list[float]:
    """The budgets that strategies are tested at: some of those along the front, and `max_cost`."""
    told = [axis.max_cost] if axis.max_cost > 0 else []
    return sorted({*thinned([b for b in along if b not in told], TEST_BUDGETS), *told})


def _reference(setting: Setting, sweeps: Sequence[RecordedSweep], cost: str) -> Reference:
    """What hypervolumes are measured from, one for all strategies."""
    if cost == NFE and setting.T > 0:
        return shared_reference(setting.classes, setting.T, setting.kind)
    trials = [t.validation[cost] for sweep in sweeps for t in sweep.trials]
    points = [p.reported.test[cost] for sweep in sweeps for p in sweep.points]
    return reference_of_costs(setting.classes, [*trials, *points])


def _strategies(
    sweeps: Sequence[RecordedSweep],
    field: Field,
    axis: Axis,
    reference: Reference,
    good: Mapping[str, Mapping[str, str | None]],
) -> tuple[ComparedStrategy, ...]:
    """All that is shown of each strategy."""
    places = {
        name: [(p.reported.test[ACCURACY], p.cost.value) for p in points]
        for name, points in field.shown.items()
    }
    joint = joint_front(places)
    strategies = []
    for name, points in field.shown.items():
        own = sorted((s for s in sweeps if s.strategy == name), key=lambda sweep: sweep.seed)
        line = set(front(places[name]))
        compared = tuple(
            _compared(point, index in line, (name, index) in joint)
            for index, point in enumerate(points)
        )
        growths = {s.seed: tuple(growth(_trial_places(s, axis.cost), reference)) for s in own}
        last = [volumes[-1] for volumes in growths.values() if volumes]
        strategies.append(
            ComparedStrategy(
                strategy=name,
                swept=bool(own),
                points=compared,
                trials=tuple(trial for sweep in own for trial in _trials(sweep, axis.cost)),
                seed_fronts=_seed_fronts(field.confirmed[name], axis.cost),
                hypervolume=interval_over_seeds(last, 0, 1) if last else None,
                growth=growths,
                importance=importance(
                    [s.trials for s in own], np.random.default_rng(seed_of(name))
                ),
                as_good=good[name],
            )
        )
    return tuple(strategies)


def _compared(point: Pooled, on_front: bool, on_joint_front: bool) -> ComparedPoint:
    """A point as it is shown."""
    picks = [point.picks[seed] for seed in sorted(point.picks)]
    return ComparedPoint(
        label=point.label,
        strategy=point.reported.strategy,
        role=point.reported.role,
        points=tuple(pick.reported.point for pick in picks),
        run_ids=tuple(pick.run_id for pick in picks),
        commands=tuple(pick.command for pick in picks),
        cost=point.cost,
        validation=point.reported.validation,
        test=point.reported.test,
        on_front=on_front,
        on_joint_front=on_joint_front,
        names=point.names,
    )


def _seed_fronts(points: StrategyPoints, cost: str) -> dict[int, tuple[tuple[float, float], ...]]:
    """The undominated (cost, accuracy) of the confirmed points at each training seed, on test samples."""
    fronts = {}
    for seed, at_seed in points.by_seed.items():
        places = [(p.reported.test[ACCURACY], p.reported.test[cost]) for p in at_seed]
        fronts[seed] = tuple((places[i][1], places[i][0]) for i in front(places))
    return fronts


def _trial_places(sweep: RecordedSweep, cost: str) -> list[tuple[float, float]]:
    """(accuracy, cost) of a sweep's trials, in the order of their numbers."""
    trials = sorted(sweep.trials, key=lambda trial: trial.number)
    return [(trial.validation[ACCURACY], trial.validation[cost]) for trial in trials]


def _trials(sweep: RecordedSweep, cost: str) -> list[ComparedTrial]:
    """A sweep's trials as they are shown, in the order of their numbers."""
    return [
        ComparedTrial(
            sweep.seed, t.number, t.validation[ACCURACY], t.validation[cost], t.point, t.run_id
        )
        for t in sorted(sweep.trials, key=lambda trial: trial.number)
    ]
