"""The first samples of a split as points restore and answer them: sampled once for all that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from platform.planning.setup import Setup

import torch
from torch import Tensor

from dashboards.points import ReportedPoint
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import Dataset
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.shown import ShownSamples, shown_samples

DRAWN = {"image": 6, "speech": 4}
"""Samples of a sweep's picture, by the kind of signals."""
_OBSERVED = {"image": 6, "speech": 3}
_GALLERY = {"image": 48, "speech": 6}
_MOST_PIXELS = 2**20  # of the images of a gallery together, each channel of a pixel counted


@dataclass(frozen=True)
class SampledPoints:
    """N samples, clean, corrupted, and as points restore and answer them.

    Args:
        kind: of the signals, "image" or "speech".
        dataset: the data.
        truths: the true classes or texts, (N,).
        clean, corrupted: the signals (N, *signal shape), on the CPU.
        points: each with what it makes of the samples; the last is the named one.
    """

    kind: str
    dataset: Dataset
    truths: tuple[str, ...]
    clean: Tensor
    corrupted: Tensor
    points: tuple[tuple[ReportedPoint, ShownSamples], ...]


def beside_baselines(
    points: Sequence[ReportedPoint], named: ReportedPoint, baselines: Sequence[str]
) -> list[ReportedPoint]:
    """These baselines, each at its best point where it has one, and then the named point."""
    last = {p.strategy: p for p in points if p.role == "baseline" and p.strategy in baselines}
    return [*last.values(), named]


def gallery_points(
    points: Sequence[ReportedPoint], named: ReportedPoint, baselines: Sequence[str]
) -> list[ReportedPoint]:
    """What a gallery shows: these baselines as `beside_baselines` has them, the paper's point of the swept
    strategy, whose trajectories have many steps, and the named point, which may have very few.
    """
    *others, last = beside_baselines(points, named, baselines)
    paper = [p for p in points if p.role == "paper" and p.label != named.label]
    return [*others, *paper, last]


def gallery_size(kind: str, signal_shape: Sequence[int]) -> int:
    """How many samples a gallery shows: fewer where images are large, but as many as are drawn."""
    if kind == "speech":
        return _GALLERY[kind]
    return max(DRAWN[kind], min(_GALLERY[kind], _MOST_PIXELS // math.prod(signal_shape)))


def sampled_points(
    setup: Setup,
    dataset: Dataset,
    points: Sequence[ReportedPoint],
    count: int,
    split_name: str = "test",
    progress: Progress = quiet,
) -> SampledPoints:
    """The first samples of a split by each of these points, one or more.

    Args:
        setup: data, corruption and networks.
        dataset: the data.
        points: what is sampled, the named point last.
        count: N, the number of samples.
        split_name: whose first samples are restored.
        progress: told of every point that is sampled.
    """
    kind = setup.facts.kind
    sampling = replace(setup.job(split_name, 1).samplings()[0], limit=count)
    split = dataset.split(split_name).first(count)
    gpus_allowed = setup.plan.gpus_per_trial != 0
    device = torch.device("cuda" if gpus_allowed and torch.cuda.is_available() else "cpu")
    shown: list[tuple[ReportedPoint, ShownSamples]] = []
    truths: tuple[str, ...] = ()
    for number, point in enumerate(points):
        progress(number, len(points), f"sampling by {point.label}")
        evaluator = Evaluator(
            setup.task, point.strategy, setup.storage, setup.budget.batch, device, dataset=dataset
        )
        shown.append((point, shown_samples(evaluator, point.point, sampling, _OBSERVED[kind])))
        truths = truths or tuple(evaluator.judge.truths(split))
    progress(len(points), len(points), "drawing the samples")
    corrupted = shown[0][1].corrupted
    return SampledPoints(kind, dataset, truths, split.clean(), corrupted, tuple(shown))
