"""What the charts of a page draw of a comparison, as JSON types: numbers in percent, trials as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.colors import JOINT, style_of
from dashboards.comparison._swatch import SYMBOLS
from dashboards.comparison.json_types import json_types
from dashboards.comparison.model import (
    ComparedPoint,
    ComparedStrategy,
    ComparedTrial,
    Comparison,
    Interval,
)
from dashboards.comparison.words import cost_name, cost_text, limits, measured
from dashboards.points import describe, percent
from trainables.scoring.metric_names import Metric

_DIGITS = 6  # of a trial's number

Json = dict[str, object]


def charts(comparison: Comparison) -> object:
    """All that the charts of the comparison draw."""
    metric, strategies = comparison.metric, list(enumerate(comparison.strategies))
    return json_types(
        {
            "metric": metric.title,
            "axis": metric.axis,
            "rises": metric.rises,
            "samples": metric.samples,
            "cost": cost_name(comparison),
            "costTitle": comparison.cost_title,
            "limits": limits(comparison),
            "joint": JOINT,
            "strategies": [_strategy(strategy) for _, strategy in strategies],
            "points": [
                _point(number, point, comparison)
                for number, strategy in strategies
                for point in strategy.points
                if measured(point.test, metric)
            ],
            "seedFronts": [
                one for number, strategy in strategies for one in _fronts(number, strategy, metric)
            ],
            "growth": [one for number, strategy in strategies for one in _growth(number, strategy)],
            "trials": [
                _trials(number, strategy.trials, metric)
                for number, strategy in strategies
                if strategy.trials
            ],
        }
    )


def _strategy(strategy: ComparedStrategy) -> Json:
    style = style_of(strategy.strategy)
    return {
        "name": strategy.strategy,
        "color": style.color,
        "symbol": SYMBOLS[style.marker],
        "swept": strategy.swept,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return [interval.value, interval.low, interval.high] if interval else None


def _point(number: int, point: ComparedPoint, comparison: Comparison) -> Json:
    return {
        "label": point.label,
        "strategy": number,
        "role": point.role,
        "cost": _ends(point.cost),
        "value": _ends(measured(point.test, comparison.metric)),
        "names": point.names,
        "front": point.on_front,
        "joint": point.on_joint_front,
        "text": percent(point.test, comparison.metric),
        "costText": cost_text(point.cost),
        "parameters": [describe(one) for one in point.points],
        "runs": point.run_ids,
        "commands": point.commands,
        "seeds": comparison.seeds,
    }


def _fronts(number: int, strategy: ComparedStrategy, metric: Metric) -> list[Json]:
    """Each training seed's front."""
    return [
        {
            "strategy": number,
            "seed": seed,
            "costs": [cost for cost, _ in places],
            "values": [100 * metric.of(accuracy) for _, accuracy in places],
        }
        for seed, places in strategy.seed_fronts.items()
    ]


def _growth(number: int, strategy: ComparedStrategy) -> list[Json]:
    """Each training seed's hypervolume where it grows, and after the last trial."""
    found: list[Json] = []
    for seed, volumes in strategy.growth.items():
        kept = [
            place
            for place, volume in enumerate(volumes)
            if place in (0, len(volumes) - 1) or volume != volumes[place - 1]
        ]
        places = [place + 1 for place in kept]
        values = [volumes[place] for place in kept]
        found.append({"strategy": number, "seed": seed, "places": places, "values": values})
    return found


def _trials(number: int, trials: Sequence[ComparedTrial], metric: Metric) -> Json:
    """Trials as columns, which are a third of the letters of a list of them."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.point))
    return {
        "strategy": number,
        "seeds": [trial.seed for trial in trials],
        "numbers": [trial.number for trial in trials],
        "values": [_short(100 * metric.of(trial.accuracy)) for trial in trials],
        "costs": [_short(trial.cost) for trial in trials],
        "runs": [trial.run_id for trial in trials],
        "names": names,
        "parameters": [[_parameter(trial.point, name) for trial in trials] for name in names],
    }


def _parameter(point: Mapping[str, object], name: str) -> object:
    value = point.get(name)
    return _short(value) if isinstance(value, float) else value


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
