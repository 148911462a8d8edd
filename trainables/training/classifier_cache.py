"""A cache of the frozen classifier's outputs for signals that training does not change.

Speech is corrupted when its dataset is built, and is not augmented, so the recogniser's outputs for it
are the same at every step: they are computed once and kept with the data. Images are augmented and
corrupted anew at every step, so nothing is cached for them.
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

_BATCH = 16
"""Signals that are classified at once."""
_FORMAT = 1
"""The format of the cached files; a higher number makes new ones."""
_FILES = ("clean", "corrupted", "shown")
"""Names of the cached files, in the order of the fields of `CachedOutputs`."""


@dataclass(frozen=True)
class CachedOutputs:
    """The frozen classifier's outputs for N samples.

    Args:
        clean: raw logits of the clean signals, (N, *logit shape).
        corrupted: raw logits of the corrupted signals, (N, *logit shape).
        evidence: `Classifier.evidence` of the corrupted signals, (N, ...), float16 in the cache.
    """

    clean: Tensor
    corrupted: Tensor
    evidence: Tensor

    def part(self, rows: Tensor | slice) -> CachedOutputs:
        """The outputs of these rows, with `evidence` as float32."""
        return CachedOutputs(self.clean[rows], self.corrupted[rows], self.evidence[rows].float())

    def to(self, device: torch.device) -> CachedOutputs:
        """The outputs on a device."""
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
    """The classifier's outputs for samples of a dataset, from the dataset's cache if they are there.

    None if there is no classifier yet, or if the samples change in training. While one process computes
    outputs, others that need the same ones wait for it.
    """
    if classifier is None or not samples.fixed:
        return None
    assert recipe.speech is not None  # corruption is fixed in speech only
    if dataset.cache is None:
        chunks = [arrays for _, arrays in _chunks(samples, classifier, device, progress)]
        columns = (np.concatenate(column) for column in zip(*chunks, strict=True))
        return CachedOutputs(*map(torch.from_numpy, columns))
    origin = [_FORMAT, identity(recipe.classifier), classifier.weights_hash(), samples.signal_shape]
    origin += [identity(recipe.speech), digest(samples.numbers.tolist())]
    origin += [] if dataset.script is None else [identity(dataset.script)]
    origin += [dataset.variant] if dataset.variant else []
    folder = dataset.cache / f"{dataset.name}-heard" / digest(origin)
    with locked(folder):
        if not (folder / f"{_FILES[-1]}.npy").is_file():
            _write(folder, len(samples), _chunks(samples, classifier, device, progress))
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="c") for name in _FILES)
    return CachedOutputs(*map(torch.from_numpy, arrays))


def prepare(dataset: Dataset, recipe: Recipe, device: torch.device, progress: Progress) -> None:
    """Computes the outputs that training will need, in this process, so that its progress is seen."""
    if not dataset.train.fixed:
        return
    classifier = networks.recogniser(dataset, recipe).to(device)
    for samples in (dataset.train, dataset.validation.first(recipe.validated)):
        cached_outputs(samples, dataset, recipe, classifier, device, progress)
    classifier.cpu()
    if device.type == "cuda":  # to leave the memory to training
        torch.cuda.empty_cache()


def _write(folder: Path, count: int, chunks: Iterator[tuple[slice, list[np.ndarray]]]) -> None:
    """Writes files of `count` rows from chunks of them, since memory may not hold all rows.

    Files get their names when all are complete, and the last of _FILES is renamed last.
    """
    unfinished = [folder / f".{name}.npy" for name in _FILES]
    columns: list[np.ndarray] = []
    for rows, arrays in chunks:
        if not columns:
            columns = [
                np.lib.format.open_memmap(path, "w+", array.dtype, (count, *array.shape[1:]))
                for path, array in zip(unfinished, arrays, strict=True)
            ]
        for column, array in zip(columns, arrays, strict=True):
            column[rows] = array
    del columns
    for path, name in zip(unfinished, _FILES, strict=True):
        os.replace(path, folder / f"{name}.npy")


@torch.no_grad()
def _chunks(
    samples: Samples, classifier: Classifier, device: torch.device, progress: Progress
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """The classifier's outputs for a few rows at a time, in the order of _FILES."""
    for first in range(0, len(samples), _BATCH):
        rows = torch.arange(first, min(first + _BATCH, len(samples)))
        x0 = samples.clean(rows)
        noise = SampleNoise(0, samples.numbers[rows].tolist())
        x_cor = samples.corrupted(x0, rows, "", noise).to(device)
        outputs = (
            classifier.raw_logits(x0.to(device)),
            classifier.raw_logits(x_cor),
            classifier.evidence(x_cor).half(),
        )
        progress(int(rows[-1]) + 1, len(samples), "hearing the utterances")
        yield slice(first, first + len(rows)), [output.cpu().numpy() for output in outputs]
