"""Files that a sweep leaves for people: the front as CSV, PNG, SVG and HTML, and samples; and for the
comparison page the samples as numbers.
"""

from __future__ import annotations

from pathlib import Path
from platform.backend.run_page import SMALL_FRONT
from platform.pipeline.confirm import Confirmation
from platform.pipeline.sample_sheet import sheet_of_samples
from platform.pipeline.sampled_points import gallery_points, gallery_size, sampled_points
from platform.pipeline.samples import files_of_samples
from platform.pipeline.study import accuracy_and_cost, complete
from platform.planning.setup import Setup
from platform.planning.study_names import POINT

import optuna

from dashboards.comparison.sheet_file import NAME, to_bytes
from dashboards.figure_files import figure_files, png
from dashboards.front import front_figure
from dashboards.page import TrialPoint, front_page
from dashboards.pareto import Reference
from dashboards.points import to_csv
from trainables.core.files import write_files
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import Dataset

_SMALL_DPI = 80  # pixels an inch of the figure beside other things on a page


def draw(
    setup: Setup,
    study: optuna.Study,
    confirmation: Confirmation,
    reference: Reference,
    volume: float,
    dataset: Dataset,
    progress: Progress = quiet,
) -> dict[str, Path]:
    """Write the files into the sweep's folder; returns their paths by name.

    Args:
        setup: the sweep's.
        study: whose trials are drawn behind the points.
        confirmation: the points, and which of them are marked.
        reference: the point that the hypervolume is measured from.
        volume: the front's hypervolume.
        dataset: the data, for the samples.
        progress: told of every point that samples are drawn with.
    """
    trials = complete(study)
    values = [accuracy_and_cost(trial) for trial in trials]
    title = f"{setup.plan.strategy} on {setup.setting}"
    trial_points = [
        TrialPoint(accuracy, cost, trial.user_attrs[POINT])
        for trial, (accuracy, cost) in zip(trials, values, strict=True)
    ]
    metric, points = setup.metric, confirmation.points
    chosen, cheapest = confirmation.choice.words, confirmation.choice.cheapest
    shown = gallery_points(points, cheapest, setup.baselines)
    size = gallery_size(setup.facts.kind, dataset.signal_shape)
    sampled = sampled_points(setup, dataset, shown, size, progress=progress)
    figure = front_figure(title, values, points, chosen, reference, volume, metric, setup.cost)
    files = {
        "front.csv": to_csv(points).encode(),
        **figure_files("front", figure),
        SMALL_FRONT: png(figure, _SMALL_DPI),
        "front.html": front_page(title, trial_points, points, chosen, metric, setup.cost).encode(),
        **files_of_samples(sampled),
        NAME: to_bytes(sheet_of_samples(sampled)),
    }
    return write_files(setup.folder, files)
