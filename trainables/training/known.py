"""What the frozen classifier makes of signals that stay as they are: computed once, kept with the data.

Speech is corrupted when it is built and not moved in training, so the recogniser's answers for it are
the same at every step. Images are moved and corrupted anew each time: nothing is known of them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.config import digest, identity
from trainables.data.speech.build import Progress, alone, quiet
from trainables.data.splits import Dataset, Samples
from trainables.models import build
from trainables.models.base import Classifier
from trainables.noise import SampleNoise
from trainables.recipe import Recipe
from trainables.records import write_whole

_TOGETHER = 16
_FORMAT = 1
_NAMES = ("clean", "corrupted", "shown")


@dataclass(frozen=True)
class Known:
    """Raw logits (N, *logit shape) of clean and of corrupted signals, and `shown`, float16, what a
    logit denoiser is shown of the corrupted ones, (N, ...).
    """

    clean: Tensor
    corrupted: Tensor
    shown: Tensor

    def part(self, rows: Tensor | slice) -> Known:
        """What is known of these rows, `shown` as float32."""
        return Known(self.clean[rows], self.corrupted[rows], self.shown[rows].float())

    def to(self, device: torch.device) -> Known:
        """The same on a device."""
        return Known(self.clean.to(device), self.corrupted.to(device), self.shown.to(device))


def known_of(
    samples: Samples,
    dataset: Dataset,
    recipe: Recipe,
    classifier: Classifier | None,
    device: torch.device,
    progress: Progress = quiet,
) -> Known | None:
    """What is known of these samples of a dataset, from its cache if it was computed before.

    None where there is no classifier yet, or corruption is not fixed. One process computes, others
    that ask for the same wait.
    """
    if classifier is None or not samples.fixed:
        return None
    if dataset.cache is None:
        return Known(*map(torch.from_numpy, _computed(samples, classifier, device, progress)))
    what = [_FORMAT, identity(recipe.classifier), classifier.weights_hash(), samples.signal_shape]
    what += [identity(recipe.speech), digest(samples.numbers.tolist())]
    what += [] if dataset.script is None else [identity(dataset.script)]
    folder = dataset.cache / f"{dataset.name}-heard" / digest(what)
    with alone(folder):
        if not (folder / f"{_NAMES[-1]}.npy").is_file():
            for name, values in zip(
                _NAMES, _computed(samples, classifier, device, progress), strict=True
            ):
                file = io.BytesIO()
                np.save(file, values, allow_pickle=False)
                write_whole(folder / f"{name}.npy", file.getvalue())
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="c") for name in _NAMES)
    return Known(*map(torch.from_numpy, arrays))


def prepare(dataset: Dataset, recipe: Recipe, progress: Progress) -> None:
    """Computes here what training will ask for, so that its workers find it and people see it."""
    if not dataset.train.fixed:
        return
    classifier = build.recogniser(dataset, recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for samples in (dataset.train, dataset.validation.first(recipe.validated)):
        known_of(samples, dataset, recipe, classifier.to(device), device, progress)
    classifier.cpu()


@torch.no_grad()
def _computed(
    samples: Samples, classifier: Classifier, device: torch.device, progress: Progress
) -> list[np.ndarray]:
    rows, made = torch.arange(len(samples)), []
    for chunk in rows.split(_TOGETHER):
        x0 = samples.clean(chunk)
        noise = SampleNoise(0, samples.numbers[chunk].tolist())
        x_cor = samples.corrupted(x0, chunk, "", noise).to(device)
        values = (
            classifier.raw_logits(x0.to(device)),
            classifier.raw_logits(x_cor),
            classifier.shown(x_cor).half(),
        )
        made.append([value.cpu().numpy() for value in values])
        progress(int(chunk[-1]) + 1, len(samples), "hearing the utterances")
    return [np.concatenate(column) for column in zip(*made, strict=True)]
