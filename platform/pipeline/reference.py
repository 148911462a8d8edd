"""The point that the hypervolume of a sweep is measured from, for each cost that a search may go by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from platform.backend.candidates import Candidate
from platform.backend.measure import measure_all
from platform.backend.session import Session
from platform.backend.stopwatch import seconds_alone

import search_spaces
from dashboards.pareto import Reference, shared_reference
from trainables.core.files import write_json
from trainables.evaluation.summary import summary
from trainables.scoring.cost_metrics import BY_NFE, BY_SECONDS

_MEASURED = "noisy", "enhanced"
"""The baselines that the reference is measured by: the cheapest first."""
_TRAJECTORIES = 10
"""Trajectories of all steps that the dearest of the paper's points has (alternating, D.4 and E.5)."""


class NoReference(RuntimeError):
    """The points that a reference is measured by cannot be measured."""


def reference_of(session: Session) -> Reference:
    """The reference of a sweep. Of NFE it is counted. Of another cost it is measured, by two baselines that
    every sweep of the task measures anyway: from the classifier alone, `noisy`, to ten times the trajectory
    of the signal, the paper's point of `enhanced`, which makes as many calls as the reference of NFE has.

    Raises:
        NoReference: one of the two cannot be measured.
    """
    setup = session.setup
    T, kind = setup.task.recipe.T, setup.facts.kind
    counted = shared_reference(setup.facts.classes, T, kind)
    if setup.cost == BY_NFE:
        return counted
    points = [Candidate(name, search_spaces.load(name).paper_point(T, kind)) for name in _MEASURED]
    least, trajectory = (
        _seconds(session, points) if setup.cost == BY_SECONDS else _recorded(session, points)
    )
    return Reference(counted.accuracy, _TRAJECTORIES * trajectory, least)


def _recorded(session: Session, points: Sequence[Candidate]) -> list[float]:
    """The cost of points as their records have it.

    Raises:
        NoReference: one of them cannot be measured.
    """
    cost, groups = session.setup.cost, measure_all(session, points, "validation")
    if not all(groups):
        raise NoReference(f"{' and '.join(_MEASURED)} are needed to compare {cost.title} with")
    return [summary(group)[cost.name] for group in groups]


def _seconds(session: Session, points: Sequence[Candidate]) -> list[float]:
    """The seconds of points; those of the sweep's first run, so that its hypervolumes have one reference."""
    file = session.setup.folder / "reference.json"
    if not file.exists() or session.setup.plan.fresh:
        write_json(file, dict(zip(_MEASURED, seconds_alone(session, points), strict=True)))
    seconds: dict[str, float] = json.loads(file.read_text())
    return [seconds[name] for name in _MEASURED]
