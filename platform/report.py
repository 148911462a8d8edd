"""Files that a sweep leaves for people: the front as CSV, PNG and HTML, and a grid of samples."""

from __future__ import annotations

from pathlib import Path
from platform.plan import Plan
from platform.searcher import POINT, accuracy_and_nfe, complete

import numpy as np
import optuna
import torch

from dashboards import figures
from dashboards.pareto import Reference
from dashboards.points import Shown, to_csv
from trainables.data.splits import Dataset
from trainables.evaluation import Evaluator
from trainables.records import write_whole

_SAMPLES = 6


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
    files = {
        "front.csv": to_csv(points).encode(),
        "front.png": figures.front_figure(title, values, points, reference, volume),
        "front.html": figures.front_page(title, hovered, points).encode(),
        "samples.png": _samples(plan, dataset, points, best),
    }
    for name, content in files.items():
        write_whole(plan.folder / name, content)
    return {name: plan.folder / name for name in files}


def _samples(plan: Plan, dataset: Dataset, points: list[Shown], best: Shown) -> bytes:
    """A few test images, corrupted, and as the best point and the enhanced baseline restore them."""
    split = dataset.test.first(_SAMPLES)
    seed = plan.job("test", 1).seeds[0]
    enhanced = [p for p in points if p.role == "baseline" and p.strategy == "enhanced"][-1:]
    columns = {"clean": _pictures(dataset, split.clean())}
    captions = {"clean": [dataset.classes[label] for label in split.labels.tolist()]}
    for shown in [*enhanced, best]:
        evaluator = Evaluator(
            plan.task,
            shown.strategy,
            plan.places,
            plan.budget.batch,
            torch.device("cpu"),
            dataset=dataset,
        )
        outcome, x_cor = evaluator.sample(shown.point, split, seed)
        columns["corrupted"] = _pictures(dataset, x_cor)
        captions["corrupted"] = [""] * len(split)
        columns[shown.label] = _pictures(dataset, outcome.x)
        answers = evaluator.answers(outcome).tolist()
        captions[shown.label] = [f"answer {dataset.classes[answer]}" for answer in answers]
    return figures.sample_grid(columns, captions)


def _pictures(dataset: Dataset, x: torch.Tensor) -> np.ndarray:
    """Images as they are; of spectrograms the compressed magnitude, grey, low frequencies below."""
    if dataset.sound is None:
        return x.numpy()
    magnitude = torch.linalg.vector_norm(x, dim=1, keepdim=True).flip(2)
    return (2 * magnitude.clamp(max=1) - 1).numpy()
