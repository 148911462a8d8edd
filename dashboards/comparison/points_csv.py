"""The confirmed points of a comparison as CSV."""

from __future__ import annotations

import csv
import io
import json

from dashboards.comparison.json_types import json_types
from dashboards.comparison.model import ComparedPoint, Comparison
from trainables.scoring.metric_names import METRICS

_SPLITS = ("validation", "test")
_FIRST = ("label", "strategy", "role", "names", "on_front", "on_joint_front")
_COST = ("cost", "cost_low", "cost_high")
_LAST = ("training_seeds", "points", "run_ids", "commands")


def points_csv(comparison: Comparison) -> str:
    """A row a point: its cost, metrics of both splits that any point has, and as JSON what there is for each
    training seed: parameters, runs, commands.
    """
    points = comparison.points
    metrics = [
        (split, name)
        for split in _SPLITS
        for name in METRICS
        if any(name in getattr(point, split) for point in points)
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*_FIRST, *_COST, *(f"{split}_{name}" for split, name in metrics), *_LAST])
    for point in points:
        values = [getattr(point, split).get(name, "") for split, name in metrics]
        writer.writerow([*_own(point), *values, *_of_seeds(point, comparison)])
    return buffer.getvalue()


def _own(point: ComparedPoint) -> list[object]:
    cost = point.cost
    names = "; ".join(point.names)
    marks = [point.on_front, point.on_joint_front]
    return [point.label, point.strategy, point.role, names, *marks, cost.value, cost.low, cost.high]


def _of_seeds(point: ComparedPoint, comparison: Comparison) -> list[str]:
    lists = (comparison.seeds, point.points, point.run_ids, point.commands)
    return [json.dumps(json_types(one), allow_nan=False) for one in lists]
