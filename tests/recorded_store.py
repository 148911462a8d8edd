"""Sweeps as the tracker records them, for tests of comparisons: their answers are made up."""

from dataclasses import replace
from pathlib import Path
from platform.backend.confirmed_run import Answers
from platform.backend.tracking import Tracker
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary

SIZE = 40
SAMPLINGS = 2
BASELINES = (("noisy", 0, 20), ("enhanced (paper)", 10, 26), ("retrained", 0, 30))


def measured(calls, right):
    """Measurements of a point: so many of `SIZE` answers are right at each sampling seed."""
    cost = {"nfe": float(calls), "gflops": 0.5 * calls, "seconds_per_sample": 0.01 * calls}
    correct = "1" * right + "0" * (SIZE - right)
    return tuple(
        Measurement({"seed": s}, {"steps": calls}, correct, cost) for s in range(SAMPLINGS)
    )


def confirmed(label, calls, right, role="front"):
    """A confirmed point of so many calls, and its answers, of which one less is right on test samples."""
    answers = Answers(measured(calls, right), measured(calls, right - 1))
    point = {"steps": calls, "eta": 0.5, "answer": "y"} if calls else {}
    metrics = summary(answers.validation), summary(answers.test)
    return ReportedPoint(label, label.split()[0], role, point, *metrics), answers


def plan_in(folder, uri, strategy="nested", **changes):
    """A plan of a sweep of digits that records to this store."""
    plan = Plan(strategy, "digits", "gn30", "smoke", 2, 0, 1, 0.0, str(folder), uri)
    return replace(plan, **changes)


def record_sweep(plan, *points, status="FINISHED", trials=2, files=()):
    """Record a sweep: its trials, these confirmed points (label, calls, right answers) and the paper's, and
    the baselines; returns its tracker.
    """
    tracker = Tracker(setup_of(plan))
    tracker.begin()
    for number in range(trials):
        metrics = summary(measured(4 + number, 30 + number))
        tracker.trial(number, {"steps": 4 + number, "eta": 0.5, "answer": "y"}, metrics, 1.0)
    strategy = plan.strategy
    pairs = [confirmed(f"{strategy} #{number}", *rest) for number, *rest in points]
    pairs += [confirmed(f"{strategy} (paper)", 50, 31, "paper")]
    pairs += [confirmed(*baseline, "baseline") for baseline in BASELINES]
    answers = {reported.label: given for reported, given in pairs}
    tracker.confirmation([reported for reported, _ in pairs], answers)
    for path in files:
        tracker.artifact(Path(path), Path(path).parent)
    tracker.finish(status)
    return tracker
