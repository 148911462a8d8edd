"""The point that the hypervolume of a sweep is measured from, for each cost that a search may go by."""

from __future__ import annotations

from platform.backend.measure import Candidate, measure_all
from platform.backend.session import Session

import search_spaces
from dashboards.pareto import Reference, shared_reference
from trainables.evaluation.summary import summary
from trainables.scoring.cost_metrics import BY_NFE

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
    names = "noisy", "enhanced"
    points = [Candidate(name, search_spaces.load(name).paper_point(T, kind)) for name in names]
    measured = measure_all(session, points, "validation")
    if not all(measured):
        raise NoReference(f"{' and '.join(names)} are needed to compare {setup.cost.title} with")
    least, trajectory = (summary(group)[setup.cost.name] for group in measured)
    return Reference(counted.accuracy, _TRAJECTORIES * trajectory, least)
