"""A few samples as a point restores and answers them, with moments of the reverse trajectory, to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.sampling.label_moves import LABEL
from trainables.sampling.moves import LOGIT, SIGNAL

FRAMES = 6
"""The most moments of a trajectory that are kept."""


@dataclass(frozen=True)
class Frames:
    """Moments of the last trajectories of M samples, by noise level.

    Where signal and logits are sampled in different numbers of steps, the one of fewer stands at a level
    as it was estimated last at no lower one.

    Args:
        levels: L of them, falling, as fractions of T.
        signals: the clean estimates x0_hat (M, L, *signal shape); None where no signal is sampled.
        probabilities: of the K classes (M, L, K): by the logits' clean estimates y0_hat where logits are
            sampled, by the label diffusion where labels are, else by the frozen classifier on x0_hat. None
            where there are no classes, but sentences.
    """

    levels: tuple[float, ...]
    signals: Tensor | None
    probabilities: Tensor | None


@dataclass(frozen=True)
class ShownSamples:
    """The first samples of a sampling, as a point restores and answers them.

    Args:
        corrupted: x_cor (N, *signal shape).
        signals: the restored signals (N, *signal shape); None where no signal is sampled.
        answers: the answered classes, or transcripts.
        confidences: the probability of each answered class; empty for sentences.
        right: whether each answer is right; a sentence is without any word error.
        frames: moments of the first M samples; None where nothing is sampled step by step.
    """

    corrupted: Tensor
    signals: Tensor | None
    answers: tuple[str, ...]
    confidences: tuple[float, ...]
    right: tuple[bool, ...]
    frames: Frames | None


def shown_samples(
    evaluator: Evaluator, point: Mapping[str, object], sampling: Sampling, observed: int
) -> ShownSamples:
    """Sample a point on a sampling's samples, all at once; nothing of it is counted or recorded.

    Args:
        evaluator: of the point's strategy.
        point: the sampling parameters.
        sampling: samples, noise and precision.
        observed: M, the number of samples whose trajectories are kept.
    """
    levels = evaluator.levels(point, sampling)
    shown, kept = _shown_levels(levels)
    observer = _Observer(kept, observed)
    outcome, x_cor = evaluator.sample(point, sampling, observer)
    split = evaluator.dataset.split(sampling.split).first(sampling.limit)
    numbers = evaluator.answers(outcome).cpu()
    likeliest = evaluator.judge.likeliest(outcome.y)
    correctness = evaluator.judge.correctness(
        numbers, split, None if likeliest is None else likeliest.cpu()
    )
    confidences: list[float] = []
    if evaluator.dataset.script is None:
        probabilities = evaluator.probabilities(outcome.y).cpu()
        confidences = probabilities.gather(1, numbers[:, None])[:, 0].tolist()
    return ShownSamples(
        x_cor.cpu(),
        outcome.x.float().cpu() if SIGNAL in levels else None,
        tuple(evaluator.judge.texts(numbers)),
        tuple(confidences),
        tuple(mark == "1" for mark in correctness.correct),
        _frames(evaluator, shown, kept, observer) if shown else None,
    )


class _Observer:
    """Keeps what the first samples are estimated as at some levels; of several trajectories the last."""

    def __init__(self, levels: Mapping[str, list[float]], count: int) -> None:
        self._levels, self._count = levels, count
        self.estimates: dict[tuple[str, float], Tensor] = {}

    def __call__(self, process: str, level: float, estimate: Tensor) -> None:
        if level in self._levels[process]:
            self.estimates[process, level] = estimate[: self._count].float().clone()


def _shown_levels(
    levels: Mapping[str, list[float]],
) -> tuple[tuple[float, ...], dict[str, list[float]]]:
    """Up to `FRAMES` levels, even among the steps of the process with the most, and for each of them the
    level of every process that stands for it: its own last one that is no lower.
    """
    if not levels:
        return (), {}
    most = max(levels.values(), key=len)
    numbers = np.linspace(0, len(most) - 1, min(FRAMES, len(most))).round().astype(int)
    shown = tuple(most[number] for number in numbers)
    return shown, {
        process: [min(own for own in all_levels if own >= level) for level in shown]
        for process, all_levels in levels.items()
    }


def _frames(
    evaluator: Evaluator,
    shown: tuple[float, ...],
    kept: Mapping[str, list[float]],
    observer: _Observer,
) -> Frames:
    """The frames of what was observed."""
    stacked = {
        process: torch.stack([observer.estimates[process, level] for level in levels], dim=1)
        for process, levels in kept.items()
    }
    signals, probabilities = stacked.get(SIGNAL), stacked.get(LABEL)
    if evaluator.dataset.script is not None:
        probabilities = None
    elif LOGIT in stacked:
        probabilities = evaluator.probabilities(stacked[LOGIT])
    elif signals is not None:
        y_of_x = evaluator.classified(signals.flatten(0, 1))
        probabilities = evaluator.probabilities(y_of_x).unflatten(0, signals.shape[:2])
    return Frames(
        shown,
        None if signals is None else signals.cpu(),
        None if probabilities is None else probabilities.cpu(),
    )
