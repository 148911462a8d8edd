"""What the frozen classifier makes of signals that stay as they are: computed once, kept with the data.

Speech is corrupted when it is built and not moved in training, so the recogniser's answers for it are
the same at every step. Images are moved and corrupted anew each time: nothing is known of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainables.core.config import digest, identity
from trainables.core.files import locked
from trainables.core.noise import SampleNoise
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import Dataset, Samples
from trainables.models.base import Classifier
from trainables.task import networks
from trainables.task.recipe import Recipe

_TOGETHER = 16
_FORMAT = 1
_NAMES = ("clean", "corrupted", "shown")


@dataclass(frozen=True)
class CachedOutputs:
    """Raw logits (N, *logit shape) of clean and of corrupted signals, and `evidence`, float16, what a
    logit denoiser is shown of the corrupted ones, (N, ...).
    """

    clean: Tensor
    corrupted: Tensor
    evidence: Tensor

    def part(self, rows: Tensor | slice) -> CachedOutputs:
        """What is known of these rows, `evidence` as float32."""
        return CachedOutputs(self.clean[rows], self.corrupted[rows], self.evidence[rows].float())

    def to(self, device: torch.device) -> CachedOutputs:
        """The same on a device."""
        return CachedOutputs(
            self.clean.to(device), self.corrupted.to(device), self.evidence.to(device)
        )


def cached_outputs(
    samples: Samples,
    dataset: Dataset,
    recipe: Recipe,
    classifier: Classifier | None,
    device: torch.device,
    progress: Progress = quiet,
) -> CachedOutputs | None:
    """What is known of these samples of a dataset, from its cache if it was computed before.

    None where there is no classifier yet, or corruption is not fixed. One process computes, others
    that ask for the same wait.
    """
    if classifier is None or not samples.fixed:
        return None
    assert recipe.speech is not None  # corruption is fixed in speech only
    if dataset.cache is None:
        made = [values for _, values in _heard(samples, classifier, device, progress)]
        whole = (np.concatenate(column) for column in zip(*made, strict=True))
        return CachedOutputs(*map(torch.from_numpy, whole))
    what = [_FORMAT, identity(recipe.classifier), classifier.weights_hash(), samples.signal_shape]
    what += [identity(recipe.speech), digest(samples.numbers.tolist())]
    what += [] if dataset.script is None else [identity(dataset.script)]
    folder = dataset.cache / f"{dataset.name}-heard" / digest(what)
    with locked(folder):
        if not (folder / f"{_NAMES[-1]}.npy").is_file():
            _write(folder, len(samples), _heard(samples, classifier, device, progress))
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="c") for name in _NAMES)
    return CachedOutputs(*map(torch.from_numpy, arrays))


def prepare(dataset: Dataset, recipe: Recipe, device: torch.device, progress: Progress) -> None:
    """Computes here what training will ask for, so that its workers find it and people see it."""
    if not dataset.train.fixed:
        return
    classifier = networks.recogniser(dataset, recipe).to(device)
    for samples in (dataset.train, dataset.validation.first(recipe.validated)):
        cached_outputs(samples, dataset, recipe, classifier, device, progress)
    classifier.cpu()
    if device.type == "cuda":  # training is to have the memory
        torch.cuda.empty_cache()


def _write(folder: Path, count: int, heard: Iterator[tuple[slice, list[np.ndarray]]]) -> None:
    """Arrays of so many rows, written as they come, since memory may not hold them all. They get their
    names when all is there, the last one last.
    """
    unfinished = [folder / f".{name}.npy" for name in _NAMES]
    arrays: list[np.ndarray] = []
    for rows, values in heard:
        if not arrays:
            arrays = [
                np.lib.format.open_memmap(path, "w+", value.dtype, (count, *value.shape[1:]))
                for path, value in zip(unfinished, values, strict=True)
            ]
        for array, value in zip(arrays, values, strict=True):
            array[rows] = value
    del arrays
    for path, name in zip(unfinished, _NAMES, strict=True):
        os.replace(path, folder / f"{name}.npy")


@torch.no_grad()
def _heard(
    samples: Samples, classifier: Classifier, device: torch.device, progress: Progress
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """What is known of a few rows at a time, in the order of _NAMES."""
    for first in range(0, len(samples), _TOGETHER):
        chunk = torch.arange(first, min(first + _TOGETHER, len(samples)))
        x0 = samples.clean(chunk)
        noise = SampleNoise(0, samples.numbers[chunk].tolist())
        x_cor = samples.corrupted(x0, chunk, "", noise).to(device)
        values = (
            classifier.raw_logits(x0.to(device)),
            classifier.raw_logits(x_cor),
            classifier.evidence(x_cor).half(),
        )
        progress(int(chunk[-1]) + 1, len(samples), "hearing the utterances")
        yield slice(first, first + len(chunk)), [value.cpu().numpy() for value in values]
