"""The points that are measured under other degradations: those that sweeps confirmed, else the paper's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from platform.planning.setup import Setup, setup_of
from typing import Any

import search_spaces
from dashboards.points import ReportedPoint
from trainables import strategies

UNSWEPT = ("parallel", "alternating", "nested", "guided", "didicm-cp")
"""The strategies whose paper's points are measured where no sweep of the condition is finished; those of them
that are for the signals.
"""


def points_of(setup: Setup, names: Sequence[str], every: bool) -> list[ReportedPoint]:
    """Points of a condition with the baselines, the ones that are compared first.

    A strategy that was swept is measured at the point that its sweep found best on validation, a baseline
    at the best that any of the sweeps confirmed, and others at the paper's point. What a sweep is, and
    whether it is finished, is told by its folder: it has the same preset, seed and shares.

    Args:
        setup: of the condition.
        names: the strategies; if empty, those that were swept, or else `UNSWEPT`.
        every: whether all points that sweeps confirmed follow.
    """
    summaries, known = _summaries(setup), strategies.names(setup.facts.answers)
    swept_names = [name for name in summaries if name not in setup.baselines]
    chosen = names or swept_names or [name for name in UNSWEPT if name in known]
    points = [
        _best(summaries[name]) if name in summaries else _paper_point(setup, name)
        for name in chosen
    ]
    rest = [name for name in setup.baselines if name not in chosen]
    points += [_baseline(setup, name, summaries) for name in rest]
    if every:
        swept = [summaries[name] for name in chosen if name in summaries]
        confirmed = [p for summary in swept for p in (*summary["front"], *summary["baselines"])]
        points += [_reported(values) for values in confirmed]
    by_label: dict[str, ReportedPoint] = {}
    for point in points:
        by_label.setdefault(point.label, point)
    return list(by_label.values())


def _summaries(setup: Setup) -> dict[str, Mapping[str, Any]]:
    """The summaries of the finished sweeps of a setup's condition, by strategy."""
    summaries = {}
    for name in strategies.names(setup.facts.answers):
        path = setup_of(replace(setup.plan, strategy=name)).folder / "summary.json"
        if path.is_file():
            summaries[name] = json.loads(path.read_text())
    return summaries


def _best(summary: Mapping[str, Any]) -> ReportedPoint:
    """The point that a sweep found best on validation."""
    (values,) = (values for values in summary["front"] if values["label"] == summary["best"])
    return _reported(values)


def _baseline(setup: Setup, name: str, summaries: Mapping[str, Mapping[str, Any]]) -> ReportedPoint:
    """A baseline at the point that sweeps found best on validation, else the paper's."""
    if name in summaries:
        return _best(summaries[name])
    confirmed = (values for summary in summaries.values() for values in summary["baselines"])
    mine = [values for values in confirmed if values["strategy"] == name]
    best = [values for values in mine if values["label"] == f"{name} (best)"]
    return _reported((best or mine)[0]) if mine else _paper_point(setup, name)


def _paper_point(setup: Setup, name: str) -> ReportedPoint:
    """A strategy at the paper's point."""
    point = search_spaces.load(name).paper_point(setup.task.recipe.T, setup.facts.kind)
    role = "baseline" if name in setup.baselines else "paper"
    return ReportedPoint(f"{name} (paper)" if point else name, name, role, point)


def _reported(values: Mapping[str, Any]) -> ReportedPoint:
    """A point of a sweep's summary, without what was measured of it."""
    return ReportedPoint(values["label"], values["strategy"], values["role"], values["point"])
