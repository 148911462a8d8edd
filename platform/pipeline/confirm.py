"""Step 4 of a sweep: the front and the baselines, measured again on the test split.

A baseline is confirmed at the paper's point and at its best point of a grid on the validation split,
so that a searched strategy is not compared with an unsearched baseline alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.cli.console import Console
from platform.pipeline.choice import Choice, choose
from platform.pipeline.study import POINT, accuracy_and_nfe, complete
from platform.planning.plan import BASELINES, Plan

import optuna
from optuna.trial import FrozenTrial

import search_spaces
from dashboards.pareto import front
from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import ACCURACY, NFE
from trainables.scoring.statistics import holm
from trainables.strategies import schedule_of


class ConfirmationFailed(RuntimeError):
    """Nothing of the front could be measured on the test split."""


@dataclass(frozen=True)
class Confirmation:
    """The points that a sweep shows, and which of them are spoken of."""

    points: list[ReportedPoint]
    choice: Choice


def confirm(plan: Plan, cluster: Cluster, console: Console, study: optuna.Study) -> Confirmation:
    """Measure the front, the paper's point and the baselines on the test split, test the first two
    against the baselines, and choose. A point that fails is reported and left out.

    Raises:
        ConfirmationFailed: nothing of the front is left.
    """
    chosen = front_points(plan, study) + baseline_points(plan, cluster, console)
    candidates = [Candidate(shown.strategy, shown.point) for shown in chosen]
    validation = measure_all(plan, cluster, console, candidates, "validation")
    test = measure_all(plan, cluster, console, candidates, "test")
    labels = [shown.label for shown in chosen]
    points = [
        replace(shown, validation=summary(v, plan.metric), test=summary(t, plan.metric))
        for shown, v, t in zip(chosen, validation, test, strict=True)
        if v and t
    ]
    if all(shown.role == "baseline" for shown in points):
        raise ConfirmationFailed("no point of the front could be measured again: see above")
    points = tested(points, dict(zip(labels, test, strict=True)))
    return Confirmation(points, choose(points, dict(zip(labels, validation, strict=True))))


def front_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials that no other beats in accuracy at as few calls, by rising NFE."""
    trials = complete(study)
    return [trials[index] for index in front([accuracy_and_nfe(trial) for trial in trials])]


def front_points(plan: Plan, study: optuna.Study) -> list[ReportedPoint]:
    """The front of the study's complete trials, and the paper's point, by rising NFE."""
    paper = search_spaces.load(plan.strategy).paper_point(plan.task.recipe.T, plan.facts.kind)
    paper_moves = schedule_of(plan.strategy, paper)
    found = []
    for trial in front_trials(study):
        point = trial.user_attrs[POINT]
        if schedule_of(plan.strategy, point) != paper_moves:
            label = f"{plan.strategy} #{trial.number}"
            found.append(ReportedPoint(label, plan.strategy, "front", point))
    return [*found, ReportedPoint(f"{plan.strategy} (paper)", plan.strategy, "paper", paper)]


def baseline_points(plan: Plan, cluster: Cluster, console: Console) -> list[ReportedPoint]:
    """Each baseline at the paper's point and, where that is another, at its best on validation."""
    T, kind = plan.task.recipe.T, plan.facts.kind
    grids = {
        name: search_spaces.load(name).grid(T, kind) for name in BASELINES if name != plan.strategy
    }
    candidates = [Candidate(name, point) for name, points in grids.items() for point in points]
    runs = measure_all(plan, cluster, console, candidates, "validation")
    scores = {i: summary(measured) for i, measured in enumerate(runs) if measured}
    shown = []
    for name in grids:
        paper = search_spaces.load(name).paper_point(T, kind)
        own = [i for i in scores if candidates[i].strategy == name]
        if not own:
            continue
        best = candidates[max(own, key=lambda i: (scores[i][ACCURACY], -scores[i][NFE]))].point
        if not paper:
            shown.append(ReportedPoint(name, name, "baseline", paper))
            continue
        shown.append(ReportedPoint(f"{name} (paper)", name, "baseline", paper))
        if schedule_of(name, best) != schedule_of(name, paper):
            shown.append(ReportedPoint(f"{name} (best)", name, "baseline", best))
    return shown


def tested(
    points: list[ReportedPoint], measured: Mapping[str, list[Measurement]]
) -> list[ReportedPoint]:
    """The points with paired tests of each that is no baseline against every baseline; all of these
    are corrected together, by Holm, for their number.
    """
    ours = [p.label for p in points if p.role != "baseline"]
    rivals = [p.label for p in points if p.role == "baseline"]
    pairs = [(own, rival) for own in ours for rival in rivals]
    results = [paired(measured[own], measured[rival]) for own, rival in pairs]
    tests: dict[str, dict[str, dict[str, float]]] = {p.label: {} for p in points}
    for (own, rival), result, p_holm in zip(
        pairs, results, holm([result.p_value for result in results]), strict=True
    ):
        tests[own][rival] = asdict(result) | {"p_holm": p_holm}
    return [replace(shown, tests=tests[shown.label]) for shown in points]
