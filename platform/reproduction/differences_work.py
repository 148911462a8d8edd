"""The doing of `differences`: parts are trained, points measured and recorded, on the cluster's actors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from platform.backend.candidates import Candidate
from platform.backend.measure import measure_all
from platform.backend.session import Session, TrackedSession
from platform.cli.console import Bar
from platform.pipeline.prepare import prepare
from platform.reproduction.differences import Arm, Difference, differences_of, kinds
from typing import Any

from dashboards.points import ReportedPoint
from trainables.evaluation.measurement import measurement_config
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.published.choice import TRAININGS, Choice
from trainables.published.evaluator import config_of
from trainables.published.storage import storage_of
from trainables.scoring.metric_names import STAGE_REPRODUCE
from trainables.scoring.statistics import holm

_POLL_SECONDS = 0.5
_Call = tuple[str, tuple[Any, ...]]  # a method of the actor with its arguments


@dataclass(frozen=True)
class DifferenceResult:
    """What a choice of the published code does, measured on the test split.

    Args:
        dataset, corruption: names of the data.
        difference: the choice, and what it is compared with.
        ours: metrics without it.
        theirs: metrics with it.
        test: the paired test on the same images, of the accuracy with it less that without it; `p_holm`
            is corrected for all tests of a dataset and corruption.
        images: how many test images were measured.
        seeds: at how many seeds.
    """

    dataset: str
    corruption: str
    difference: Difference
    ours: Mapping[str, float]
    theirs: Mapping[str, float]
    test: Mapping[str, float]
    images: int
    seeds: int

    def as_json(self) -> dict[str, Any]:
        """The result in JSON types."""
        return asdict(self)


def results_of_setup(session: TrackedSession) -> list[DifferenceResult]:
    """Train what is missing, measure both sides of every comparison on the test split, record them."""
    setup, plan, tracker = session.setup, session.setup.plan, session.tracker
    prepare(session, kinds())
    _train(session)
    differences = differences_of(setup.task.recipe.T)
    arms = list(dict.fromkeys(arm for d in differences for arm in (d.ours, d.theirs)))
    measurements = _measure(session, arms)
    name = f"differences {plan.condition} {plan.preset} seed {plan.seed}"
    tracker.open(name, STAGE_REPRODUCE, {"split": "test"}, {})
    for arm in arms:
        tracker.confirmed(_reported(arm, differences, measurements[arm]))
    tracker.finish("FINISHED")
    tests = [
        asdict(paired(measurements[difference.theirs], measurements[difference.ours]))
        for difference in differences
    ]
    p_values = holm([test["p_value"] for test in tests])
    return [
        DifferenceResult(
            setup.facts.title,
            plan.condition,
            difference,
            summary(measurements[difference.ours]),
            summary(measurements[difference.theirs]),
            {**test, "p_holm": p_holm},
            len(measurements[difference.ours][0].correct),
            len(measurements[difference.ours]),
        )
        for difference, test, p_holm in zip(differences, tests, p_values, strict=True)
    ]


def _reported(
    arm: Arm, differences: Sequence[Difference], measurements: Sequence[Measurement]
) -> ReportedPoint:
    """A side of a comparison as it is recorded."""
    names = [d.name for d in differences if d.theirs == arm]
    label, role = (names[0], "published") if names else (f"{arm.strategy}, ours", "paper")
    return ReportedPoint(label, arm.strategy, role, arm.parameters(), test=summary(measurements))


def _train(session: Session) -> None:
    """Train the parts of every training of the published code that the storage lacks."""
    setup = session.setup
    missing = [name for name in TRAININGS if _is_missing(session, name)]
    if not missing:
        return
    session.console.line(f"          to train as published: {', '.join(missing)}")
    histories = {
        name: Path(setup.storage.root) / "training" / f"published-{name}.json" for name in missing
    }
    for history in histories.values():
        history.unlink(missing_ok=True)
    calls = [("train", (name, str(histories[name]))) for name in missing]
    with session.console.bar("starting Ray") as bar:
        _run(session, calls, lambda done: _show_training(bar, histories))


def _is_missing(session: Session, training: str) -> bool:
    """Whether a part of a training is missing in the storage."""
    parts = storage_of(session.setup.storage, Choice(training=training)).parts
    return not all(parts.has(kind, session.setup.task) for kind in TRAININGS[training])


def _left(training: str, report: Mapping[str, Any]) -> float:
    """How many parts of a training are left after its last report, the one in training in share."""
    kinds = TRAININGS[training]
    share: float = report["update"] / report["updates"]
    return len(kinds) - kinds.index(report["kind"]) - share


def _show_training(bar: Bar, histories: Mapping[str, Path]) -> None:
    """Show the last report of the training that has most left to train."""
    reports = {
        name: json.loads(path.read_text()) for name, path in histories.items() if path.exists()
    }
    if reports:
        name, report = max(reports.items(), key=lambda pair: _left(*pair))
        text = f"training {report['kind']} as published ({name}), update"
        bar.update(report["update"], report["updates"], text)


def _measure(session: Session, arms: Sequence[Arm]) -> dict[Arm, list[Measurement]]:
    """The measurements of every arm on the test split, one a seed."""
    setup = session.setup
    ours = [arm for arm in arms if arm.choice == Choice()]
    theirs = [arm for arm in arms if arm.choice != Choice()]
    candidates = [Candidate(arm.strategy, arm.point) for arm in ours]
    measurements = dict(zip(ours, measure_all(session, candidates, "test"), strict=True))
    samplings = setup.job("test", 1).samplings()
    calls: list[_Call] = [
        ("measure", (arm.choice, arm.strategy, dict(arm.point), sampling))
        for arm in theirs
        for sampling in samplings
        if _record(session, arm, sampling) is None
    ]
    if calls:
        with session.console.bar("starting Ray") as bar:
            text = "measuring choices of the published code, runs"
            _run(session, calls, lambda done: bar.update(done, len(calls), text))
    for arm in theirs:
        records = [_record(session, arm, sampling) for sampling in samplings]
        measurements[arm] = [record for record in records if record is not None]
    return measurements


def _record(session: Session, arm: Arm, sampling: Any) -> Measurement | None:
    """An arm's measurement at one sampling; None where the records have none."""
    setup = session.setup
    config = measurement_config(setup.task, arm.strategy, arm.point, sampling)
    return storage_of(setup.storage, arm.choice).records.find(config_of(config, arm.choice))


def _run(session: Session, calls: Iterable[_Call], show: Callable[[int], None]) -> None:
    """Run calls on actors, each actor one at a time; `show` is told again and again how many are done.

    Raises:
        RayError: a call failed.
    """
    import ray

    from trainables.workers.published import PublishedBench

    setup, waiting = session.setup, list(calls)[::-1]
    allocation = session.cluster.allocation(setup)
    job = replace(setup.job("test", allocation.threads), gpu_share=allocation.gpu_share)
    remote = ray.remote(num_cpus=1, num_gpus=allocation.gpu_request)(PublishedBench)
    idle = [remote.remote(job) for _ in range(min(allocation.actors, len(waiting)))]
    actors: dict[Any, Any] = {}  # of each call under way, the actor
    done = 0
    while waiting or actors:
        while waiting and idle:
            actor, (method, arguments) = idle.pop(), waiting.pop()
            actors[getattr(actor, method).remote(*arguments)] = actor
        finished, _ = ray.wait(list(actors), timeout=_POLL_SECONDS)
        for call in finished:
            idle.append(actors.pop(call))
            ray.get(call)
            done += 1
        show(done)
