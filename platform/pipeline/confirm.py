"""Step 4 of a sweep: the front and the baselines, measured again on the test split.

A baseline is confirmed at the paper's point and at its best point of a grid on the validation split,
so that a searched strategy is not compared with an unsearched baseline alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from platform.backend.candidates import Candidate
from platform.backend.confirmed_run import Answers
from platform.backend.measure import measure_all, missing_records
from platform.backend.session import Session
from platform.backend.stopwatch import seconds_alone
from platform.pipeline.choice import Choice, choose
from platform.pipeline.objectives import objectives_of
from platform.pipeline.study import accuracy_and_cost, complete, within_bounds
from platform.planning.setup import Setup
from platform.planning.study_names import POINT

import optuna
from optuna.trial import FrozenTrial

import search_spaces
from dashboards.pareto import front
from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import (
    SeedGroups,
    paired_over_seeds,
    summary,
    summary_over_seeds,
)
from trainables.scoring.cost_metrics import BY_SECONDS
from trainables.scoring.metric_names import ACCURACY, NFE, SECONDS_ALONE
from trainables.scoring.statistics import holm
from trainables.strategies import schedule_of


class ConfirmationFailed(RuntimeError):
    """Nothing of the front could be measured on the test split."""


@dataclass(frozen=True)
class Confirmation:
    """The points that a sweep reports, which of them it names, their answers by label, and the labels of
    those that could not be measured, or could not be chosen from all that a baseline's grid has.
    """

    points: list[ReportedPoint]
    choice: Choice
    answers: Mapping[str, Answers]
    missing: tuple[str, ...] = ()


def confirm(session: Session, study: optuna.Study) -> Confirmation:
    """Measure the front, the paper's point and the baselines on the test split, test the first two
    against the baselines, and choose. A point that fails is reported and left out.

    Raises:
        ConfirmationFailed: nothing of the front is left.
    """
    metric = session.setup.metric
    with session.cluster.crew.kept():
        planned = front_points(session.setup, study) + baseline_points([session])
        candidates = [Candidate(point.strategy, point.point) for point in planned]
        validation = measure_all(session, candidates, "validation")
        test = measure_all(session, candidates, "test")
    labels = [point.label for point in planned]
    points = [
        replace(point, validation=summary(v, metric), test=summary(t, metric))
        for point, v, t in zip(planned, validation, test, strict=True)
        if v and t
    ]
    if all(point.role == "baseline" for point in points):
        raise ConfirmationFailed("no point of the front could be measured again: see above")
    if session.setup.cost == BY_SECONDS:
        points = _timed(session, points)
    points = with_tests(points, {n: [t] for n, t in zip(labels, test, strict=True)})
    measured = dict(zip(labels, validation, strict=True))
    choice = choose(points, measured, objectives_of(session.setup))
    left_out = [p.label for p, v, t in zip(planned, validation, test, strict=True) if not (v and t)]
    answers = {
        label: Answers(tuple(v), tuple(t))
        for label, v, t in zip(labels, validation, test, strict=True)
    }
    return Confirmation(points, choice, answers, (*left_out, *_incomplete_baselines(session)))


def _timed(session: Session, points: Sequence[ReportedPoint]) -> list[ReportedPoint]:
    """The points with the seconds that each takes alone, timed anew one after the other: those of the search
    were timed on another actor, maybe long ago.
    """
    candidates = [Candidate(point.strategy, point.point) for point in points]
    times = [{SECONDS_ALONE: seconds} for seconds in seconds_alone(session, candidates)]
    return [
        replace(point, validation={**point.validation, **time}, test={**point.test, **time})
        for point, time in zip(points, times, strict=True)
    ]


def _incomplete_baselines(session: Session) -> list[str]:
    """Baselines of which not every point of the grid could be measured on validation, with how many lack."""
    setup = session.setup
    T, kind = setup.task.recipe.T, setup.facts.kind
    names = [name for name in setup.baselines if name != setup.plan.strategy]
    lacks = {
        name: len(missing_records(setup, [Candidate(name, point) for point in grid], "validation"))
        for name in names
        for grid in [search_spaces.load(name).grid(T, kind)]
    }
    return [f"{name}, {lack} of its points on validation" for name, lack in lacks.items() if lack]


def front_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that no other beats in accuracy at as little cost, by rising cost: of those that keep to the
    bounds of the search, of all complete ones where none does.
    """
    trials = within_bounds(study) or complete(study)
    return [trials[index] for index in front([accuracy_and_cost(trial) for trial in trials])]


def front_points(setup: Setup, study: optuna.Study) -> list[ReportedPoint]:
    """The front of the study's trials, by rising cost, then the paper's point."""
    strategy = setup.plan.strategy
    paper = search_spaces.load(strategy).paper_point(setup.task.recipe.T, setup.facts.kind)
    paper_moves = schedule_of(strategy, paper)
    points = []
    for trial in front_trials(study):
        point = trial.user_attrs[POINT]
        if schedule_of(strategy, point) != paper_moves:
            points.append(ReportedPoint(f"{strategy} #{trial.number}", strategy, "front", point))
    return [*points, ReportedPoint(f"{strategy} (paper)", strategy, "paper", paper)]


def baseline_points(sessions: Sequence[Session]) -> list[ReportedPoint]:
    """Each baseline at the paper's point and, where that is another, at its best on validation: over all
    training seeds, each of which has a session. Of equally accurate points that of fewest calls is best.
    """
    setup = sessions[0].setup
    T, kind = setup.task.recipe.T, setup.facts.kind
    names = [name for name in setup.baselines if name != setup.plan.strategy]
    candidates = [
        Candidate(name, point) for name in names for point in search_spaces.load(name).grid(T, kind)
    ]
    groups = measured_at_seeds(sessions, candidates, "validation")
    scores = {i: summary_over_seeds(group) for i, group in enumerate(groups) if group}
    points = []
    for name in names:
        paper = search_spaces.load(name).paper_point(T, kind)
        measured = [i for i in scores if candidates[i].strategy == name]
        if not measured:
            continue
        best = max(measured, key=lambda i: (scores[i][ACCURACY], -scores[i][NFE]))
        best_point = candidates[best].point
        if not paper:
            points.append(ReportedPoint(name, name, "baseline", paper))
            continue
        points.append(ReportedPoint(f"{name} (paper)", name, "baseline", paper))
        if schedule_of(name, best_point) != schedule_of(name, paper):
            points.append(ReportedPoint(f"{name} (best)", name, "baseline", best_point))
    return points


def measured_at_seeds(
    sessions: Sequence[Session],
    candidates: Sequence[Candidate],
    split: str,
    seeds: int | None = None,
) -> list[list[list[Measurement]]]:
    """Measurements of every candidate, a list a training seed, each of which has a session; an empty list
    where a candidate failed at one of them. `split` and `seeds` are those of `measure_all`.
    """
    runs = [measure_all(session, candidates, split, seeds) for session in sessions]
    groups = [list(group) for group in zip(*runs, strict=True)]
    return [group if all(group) else [] for group in groups]


def with_tests(
    points: list[ReportedPoint], measurements: Mapping[str, SeedGroups]
) -> list[ReportedPoint]:
    """The points with paired tests of each that is no baseline against every baseline; all of these
    are corrected together, by Holm, for their number.

    Args:
        points: what is reported, baselines among them.
        measurements: of each point on the test split, by the points' labels, a list a training seed.
    """
    searched = [point.label for point in points if point.role != "baseline"]
    baselines = [point.label for point in points if point.role == "baseline"]
    pairs = [(label, baseline) for label in searched for baseline in baselines]
    results = [
        paired_over_seeds(measurements[label], measurements[baseline]) for label, baseline in pairs
    ]
    p_values = holm([result.p_value for result in results])
    tests: dict[str, dict[str, dict[str, float]]] = {point.label: {} for point in points}
    for (label, baseline), result, p_holm in zip(pairs, results, p_values, strict=True):
        tests[label][baseline] = asdict(result) | {"p_holm": p_holm}
    return [replace(point, tests=tests[point.label]) for point in points]
