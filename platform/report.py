"""Files that a sweep leaves for people: the front as CSV, PNG and HTML, and samples."""

from __future__ import annotations

from pathlib import Path
from platform.plan import Plan
from platform.samples import files_of_samples
from platform.searcher import POINT, accuracy_and_nfe, complete

import optuna

from dashboards import figures
from dashboards.pareto import Reference
from dashboards.points import Shown, to_csv
from trainables.data.splits import Dataset
from trainables.records import write_files


def draw(
    plan: Plan,
    dataset: Dataset,
    study: optuna.Study,
    points: list[Shown],
    best: Shown,
    reference: Reference,
    volume: float,
) -> dict[str, Path]:
    """Write the files into the sweep's folder; returns their paths by name."""
    trials = complete(study)
    values = [accuracy_and_nfe(trial) for trial in trials]
    title = f"{plan.strategy} on {plan.setting}"
    hovered = [
        {"accuracy": accuracy, "nfe": nfe, "point": trial.user_attrs[POINT]}
        for trial, (accuracy, nfe) in zip(trials, values, strict=True)
    ]
    measure = plan.measure
    files = {
        "front.csv": to_csv(points).encode(),
        "front.png": figures.front_figure(title, values, points, reference, volume, measure),
        "front.html": figures.front_page(title, hovered, points, measure).encode(),
        **files_of_samples(plan, dataset, points, best),
    }
    return write_files(plan.folder, files)
