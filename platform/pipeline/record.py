"""Files that a sweep leaves for people: the front as CSV, PNG, SVG and HTML, and samples."""

from __future__ import annotations

from pathlib import Path
from platform.pipeline.choice import Choice
from platform.pipeline.samples import files_of_samples
from platform.pipeline.study import POINT, accuracy_and_nfe, complete
from platform.planning.plan import Plan

import optuna

from dashboards.figure_files import figure_files
from dashboards.front import front_figure
from dashboards.page import TrialPoint, front_page
from dashboards.pareto import Reference
from dashboards.points import ReportedPoint, to_csv
from trainables.core.files import write_files
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import Dataset


def draw(
    plan: Plan,
    dataset: Dataset,
    study: optuna.Study,
    points: list[ReportedPoint],
    choice: Choice,
    reference: Reference,
    volume: float,
    progress: Progress = quiet,
) -> dict[str, Path]:
    """Write the files into the sweep's folder; returns their paths by name. `progress` is told of the
    samples.
    """
    trials = complete(study)
    values = [accuracy_and_nfe(trial) for trial in trials]
    title = f"{plan.strategy} on {plan.setting}"
    hovered = [
        TrialPoint(accuracy, nfe, trial.user_attrs[POINT])
        for trial, (accuracy, nfe) in zip(trials, values, strict=True)
    ]
    metric, chosen = plan.metric, choice.words
    figure = front_figure(title, values, points, chosen, reference, volume, metric)
    files = {
        "front.csv": to_csv(points).encode(),
        **figure_files("front", figure),
        "front.html": front_page(title, hovered, points, chosen, metric).encode(),
        **files_of_samples(plan, dataset, points, choice.cheapest, progress=progress),
    }
    return write_files(plan.folder, files)
