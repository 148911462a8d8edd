"""The runs in MLflow, which the driver alone writes, in batches: a parent run a sweep, a child run a trial,
a run for each training and each confirmed point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from platform.backend.confirmed_run import (
    ANSWERS,
    Answers,
    answers_text,
    content_hash,
    metrics_of,
)
from platform.backend.patient_client import set_patience
from platform.backend.run_page import (
    confirm_name,
    description,
    search_description,
)
from platform.backend.run_tags import run_tags, search_tags
from platform.backend.run_writer import RunWriter
from platform.backend.saved_view import keep_view
from platform.backend.tracking_store import (
    client_of,
    experiment_of,
    failures_told,
    own_artifacts,
)
from platform.backend.trial_runs import TrialRuns
from platform.cli.interrupts import say
from platform.cli.next_steps import replay_command
from platform.planning.setup import Setup
from typing import TYPE_CHECKING, Any

from dashboards.points import ReportedPoint
from dashboards.runs import LABEL, PARENT, REPLAY, STRATEGY
from trainables.core.places import workspace
from trainables.core.progress import Progress, quiet
from trainables.scoring.metric_names import (
    HYPERVOLUME,
    NFE,
    STAGE_CONFIRM,
    STAGE_SWEEP,
    STAGE_TRAIN,
    on_split,
)
from trainables.training.part_store import key_of

if TYPE_CHECKING:
    pass

_CONTENT = "content"  # the tag with a hash of all that is recorded of a confirmed point
_DESCRIPTION = "mlflow.note.content"  # the tag with a run's description, in Markdown


class Tracker(TrialRuns):
    """A sweep's runs in MLflow.

    Args:
        setup: the sweep's.
        devices: the devices that it runs on, in words, for a tag; there is no tag if it is empty.
        waiting: gets a line when the store is away and waited for, and when it is back.

    Attributes:
        experiment: the id of the dataset's experiment.
        note: what people should know of the store and of where artifacts go, empty if there is
            nothing to say.
        parent: the id of the parent run, empty until it is opened.

    Raises:
        UsageError: the tracking store cannot be reached or written.
    """

    def __init__(
        self, setup: Setup, devices: str = "", waiting: Callable[[str], None] = say
    ) -> None:
        self._setup = setup
        notes: list[str] = []
        patience = setup.plan.tracking_patience
        self._client = client_of(
            setup.plan.tracking_uri, tell=notes.append, patience=patience, waiting=waiting
        )
        place = own_artifacts(
            setup.plan.tracking_uri, workspace(setup.plan.storage), setup.facts.title
        )
        with failures_told(setup.plan.tracking_uri):
            self.experiment, moved = experiment_of(self._client, setup.facts.title, place)
            keep_view(self._client, self.experiment)
        self.note = "; ".join([*notes, *([moved] if moved else [])])
        self._tags = run_tags(setup) | ({"devices": devices} if devices else {})
        self._runs = RunWriter(self._client, self.experiment, setup, self._tags)
        self.parent = ""

    def begin(self) -> None:
        """Open the sweep's parent run, which is the earlier one where the sweep goes on."""
        earlier = self._runs.find(
            f"tags.sweep = '{self._setup.sweep_id}' and tags.stage = '{STAGE_SWEEP}'"
        )
        if earlier and not self._setup.plan.fresh:
            self.parent = earlier[0].info.run_id
            for run in self._running():  # of a driver that was killed as it recorded them
                self._client.set_terminated(run, "KILLED")
            self._client.update_run(self.parent, status="RUNNING")
            if "devices" in self._tags:  # it may go on elsewhere than it began
                self._client.set_tag(self.parent, "devices", self._tags["devices"])
        else:
            setup = self._setup
            name = f"{setup.plan.strategy} {setup.plan.condition} {setup.plan.preset} seed {setup.plan.seed}"
            self.open(name, STAGE_SWEEP, search_tags(setup.plan), {STRATEGY: setup.plan.strategy})
        self._runs.open.add(self.parent)

    def open(
        self, name: str, stage: str, tags: dict[str, str], params: Mapping[str, object]
    ) -> None:
        """Open a parent run that the runs to come belong to."""
        setup = self._setup
        self.parent = self._runs.create(name, stage, tags)
        common = {"seed": setup.plan.seed, "preset": setup.plan.preset, "sweep": setup.sweep_id}
        self._runs.log(self.parent, common | dict(params), {})

    def recorded_parts(self) -> set[str]:
        """Keys of the parts whose training has a finished run."""
        query = f"tags.stage = '{STAGE_TRAIN}' and attributes.status = 'FINISHED'"
        return {run.data.tags["part"] for run in self._runs.find(query)}

    def training(self, kind: str, reports: list[dict[str, Any]], folder: Path) -> str:
        """Record a finished training with the losses of all its reports; returns its run id."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        key = key_of(kind, self._setup.task)
        tags = {"split": "train", "part": key, "kind": kind}
        run = self._runs.create(f"train {kind}", STAGE_TRAIN, tags, self.parent)
        metrics = [
            Metric(name, value, now, report["update"])
            for report in reports
            for name, value in {**report["metrics"], "seconds": report["seconds"]}.items()
        ]
        self._runs.log_steps(run, metrics)
        self._runs.log(run, {"kind": kind, "folder": str(folder)}, {})
        self._runs.close(run, "FINISHED")
        return run

    def confirmation(
        self,
        points: Sequence[ReportedPoint],
        answers: Mapping[str, Answers] | None = None,
        progress: Progress = quiet,
    ) -> dict[str, str]:
        """Record the sweep's points on the test split with their answers, by label, and the commands that
        measure them again, and report the progress; returns their run ids by their labels.

        A sweep has one confirmation, its last. Runs with the same content are kept as they are, and other
        runs of an earlier confirmation are deleted as MLflow deletes: they are not listed any more, and
        can be restored.
        """
        answers = answers or {}
        query = f"tags.stage = '{STAGE_CONFIRM}' and tags.`{PARENT}` = '{self.parent}'"
        earlier = self._runs.find(query)
        complete = {r.data.tags.get(_CONTENT): r for r in earlier if r.info.status == "FINISHED"}
        runs = {}
        for done, reported in enumerate(points):
            progress(done, len(points), "recording the points")
            given = answers.get(reported.label, Answers())
            kept = complete.get(content_hash(reported, given))
            run_id = self.confirmed(reported, given) if kept is None else kept.info.run_id
            command = replay_command(self._setup, reported.strategy, run_id)
            if kept is None or kept.data.tags.get(REPLAY) != command:
                self._client.set_tag(run_id, REPLAY, command)
            runs[reported.label] = run_id
        for run in earlier:
            if run.info.run_id not in runs.values():
                self._client.delete_run(run.info.run_id)
        return runs

    def confirmed(
        self,
        reported: ReportedPoint,
        answers: Answers | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """Record a point measured on the test split, with its answers where they are given, and extra
        tags, which replace those of the setup; returns its run id.
        """
        answers = answers or Answers()
        tags = {"split": "test", "role": reported.role, "strategy": reported.strategy}
        tags |= {LABEL: reported.label, _CONTENT: content_hash(reported, answers), **(extra or {})}
        run = self._runs.create(confirm_name(reported), STAGE_CONFIRM, tags, self.parent)
        self._runs.log(run, {STRATEGY: reported.strategy, **reported.point}, metrics_of(reported))
        if answers.test:
            self._client.log_text(run, answers_text(answers), ANSWERS)
        self._runs.close(run, "FINISHED")
        return run

    def hypervolume(self, value: float, trials: int) -> None:
        """Record on the parent the front's hypervolume after so many complete trials, and the number."""
        self._client.log_metric(self.parent, HYPERVOLUME, value, step=trials)
        self._client.set_tag(self.parent, "trials", str(trials))

    def searching(self, trials: int) -> None:
        """Describe the parent as a search under way that has so many complete trials."""
        text = search_description(self._setup, self.parent, trials)
        self._client.set_tag(self.parent, _DESCRIPTION, text)

    def result(
        self, best: ReportedPoint, replayed: ReportedPoint, trials: int, lines: Sequence[str]
    ) -> None:
        """Record the sweep's result on the parent: the best point's metric on the test split and its cost,
        by which sweeps are compared, and a description with these lines and how to replay a point.

        The interface draws a chart a metric in alphabetical order: there are few, and none comes before
        the hypervolume, the only one that is a curve.
        """
        setup, metric = self._setup, self._setup.metric
        names = (metric.name, metric.low, metric.high, NFE, setup.cost.name)
        self._runs.log(self.parent, {}, {on_split("test", name): best.test[name] for name in names})
        tags = {"best": best.label, "trials": str(trials)}
        tags[_DESCRIPTION] = description(setup, self.parent, trials, replayed, lines)
        for name, value in tags.items():
            self._client.set_tag(self.parent, name, value)

    def curves(self, values: Iterable[tuple[str, float, int]]) -> None:
        """Record metrics of the parent at steps: each a name, a value and the step's number."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for name, value, step in values]
        self._runs.log_steps(self.parent, metrics)

    def artifact(self, path: Path, root: Path) -> None:
        """Attach a file to the parent, at the place that it has under `root`."""
        place = path.parent.relative_to(root)
        self._client.log_artifact(self.parent, str(path), None if place == Path() else str(place))

    def finish(self, status: str, patience: float | None = None) -> None:
        """End every run that is still open, with the status FINISHED, FAILED or KILLED, in a store that may
        be away for so many seconds, where that is said.

        The store is asked for open runs too: an interruption can come when a run has been made there and
        its id has not come back yet.
        """
        if patience is not None:
            set_patience(self._client, patience)
        if self.parent:
            self._runs.open.update(self._running())
        for run in sorted(self._runs.open):
            self._runs.close(run, status)

    def _running(self) -> list[str]:
        """The ids of the parent's runs that have not been ended."""
        query = f"tags.`{PARENT}` = '{self.parent}' and attributes.status = 'RUNNING'"
        return [run.info.run_id for run in self._runs.find(query)]
