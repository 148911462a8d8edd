"""The evaluator of points that are sampled with a choice of the published code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from trainables.core.config import as_mapping
from trainables.core.pixel_scale import PixelScale
from trainables.data.dataset import Dataset, Split
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.published.choice import Choice
from trainables.published.processes import PerSampleLogits, PublishedSampler, StandardisedBounds
from trainables.published.samples import uncorrupted
from trainables.published.scaling import VIEWS, ViewedClassifier, per_sample
from trainables.published.storage import storage_of
from trainables.sampling.system import CoupledSystem
from trainables.task.processes import processes
from trainables.task.recipe import Task


class PublishedEvaluator(Evaluator):
    """Measures points of one strategy on one task, with a choice of the published code.

    A view is of all signals that are classified, x_cor among them; so it is for strategies that
    classify one signal, `enhanced` and `noisy`.

    Args:
        choice: what is chosen as the published code chooses it.
        task, strategy, storage, batch, device, gpu_share, dataset: as for `Evaluator`, with the product's
            storage.
    """

    def __init__(
        self,
        choice: Choice,
        task: Task,
        strategy: str,
        storage: Storage,
        batch: int,
        device: torch.device,
        gpu_share: float = 1.0,
        dataset: Dataset | None = None,
    ) -> None:
        self.choice = choice
        dataset = dataset or storage.dataset(task)
        assert isinstance(dataset.train, Split), "the choices are those of the image code"
        self._scale: PixelScale = dataset.train.scale
        if choice.uncorrupted:
            dataset = uncorrupted(dataset)
        published = storage_of(storage, choice)
        super().__init__(task, strategy, published, batch, device, gpu_share, dataset)

    def config(self, point: Mapping[str, object], sampling: Sampling) -> dict[str, object]:
        return config_of(super().config(point, sampling), self.choice)

    def system(self, dtype: torch.dtype) -> CoupledSystem:
        system, choice, T = super().system(dtype), self.choice, self.task.recipe.T
        signal, logit = processes(self.task, self._classifier)
        assert isinstance(signal, GaussianDiffusion) and isinstance(logit, GaussianDiffusion)
        if choice.sampler:
            signal, logit = PublishedSampler(T, signal.clip), PublishedSampler(T, logit.clip)
        if choice.bounds:
            signal = StandardisedBounds(T, self._scale)
        if choice.per_sample:
            logit = PerSampleLogits(T)
        return replace(
            system,
            classifier=self._viewed(system.classifier),
            signal_process=signal,
            logit_process=logit,
        )

    def _viewed(self, classifier: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """The classifier as the choice has it shown signals, and its logits normalised."""
        choice = self.choice
        if choice.view == "plain" and not choice.per_sample:
            return classifier
        view = None if choice.view == "plain" else partial(VIEWS[choice.view], scale=self._scale)
        return ViewedClassifier(classifier, view, per_sample if choice.per_sample else None)


def config_of(product: dict[str, object], choice: Choice) -> dict[str, object]:
    """The configuration that identifies a measurement with a choice, from that of the product's point."""
    return product | {"published": as_mapping(choice)}
