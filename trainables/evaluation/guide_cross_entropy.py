"""Measures the cross-entropy of guiding classifiers at each diffusion step, on samples with labels.

A sample is noised as in training, x_t of the clean x_0, so that its law is that of the diffusion, not of an
imperfect sampler. The frozen classifier sees the denoiser's clean estimate x0_hat, given x_t and x_cor but no
logits; the noise-conditional classifier sees x_t, of speech without x_cor's share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from trainables.core.noise import SampleNoise
from trainables.core.precision import dtype_of
from trainables.core.progress import Progress
from trainables.data.resolution import degraded
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.sampling.system import CoupledSystem
from trainables.scoring.guide_trust import GuideStep, Mean, mean_of
from trainables.task.processes import processes
from trainables.training.losses import DenoisingLoss, denoising_losses

FROZEN, NOISY = "frozen", "noisy"
"""The guides, as the parameter `guide` of the strategy `guided` names them."""


@dataclass
class _Tally:
    """Cross-entropies of samples and whether they were classified right, batch by batch."""

    cross_entropies: list[Tensor] = field(default_factory=list)
    correct: list[Tensor] = field(default_factory=list)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch by its raw logits (B, K)."""
        loss = functional.cross_entropy(logits.float(), labels, reduction="none")
        self.cross_entropies.append(loss.cpu())
        self.correct.append((logits.argmax(dim=1) == labels).cpu())

    @property
    def cross_entropy(self) -> Mean:
        return mean_of(torch.cat(self.cross_entropies).tolist())

    @property
    def accuracy(self) -> float:
        return float(torch.cat(self.correct).float().mean())


@dataclass(frozen=True)
class GuideCrossEntropies:
    """What was measured of the guides.

    Args:
        steps: by the guide's name, what it is at each step from the noisiest.
        clean: the frozen classifier's cross-entropy of clean signals.
        corrupted: the same of corrupted signals.
        uninformed: the cross-entropy of knowing nothing but how often each class is among training samples.
        samples: how many were measured.
    """

    steps: Mapping[str, Sequence[GuideStep]]
    clean: Mean
    corrupted: Mean
    uninformed: float
    samples: int

    @property
    def best(self) -> float:
        """The least cross-entropy of all."""
        steps = [step.cross_entropy.value for steps in self.steps.values() for step in steps]
        return min(self.clean.value, self.corrupted.value, *steps)


@torch.no_grad()
def guide_cross_entropies(
    evaluator: Evaluator, sampling: Sampling, steps: int, batch: int, progress: Progress
) -> GuideCrossEntropies:
    """Measure both guides on a sampling's samples.

    Args:
        evaluator: of the strategy `guided`.
        sampling: the split, its limit, the seed of corruption and noise, the precision.
        steps: how many selected steps are looked at.
        batch: samples that are measured together.
        progress: told of the batches that are done.

    Raises:
        UsageError: there are fewer noise levels than steps.
    """
    device = evaluator.device
    system = evaluator.system(dtype_of(sampling.precision, device))
    loss, _ = denoising_losses(evaluator.task, processes(evaluator.task, None))
    levels = loss.process.levels(steps)[:-1]  # the last level is clean: nothing is guided there
    split = evaluator.dataset.split(sampling.split).first(sampling.limit)
    at_step = {name: [_Tally() for _ in levels] for name in (FROZEN, NOISY)}
    clean, corrupted = _Tally(), _Tally()
    firsts = range(0, len(split), batch)
    for number, first in enumerate(firsts):
        progress(number, len(firsts), "measuring guides at each step, batches")
        part = split.part(slice(first, first + batch))
        noise = SampleNoise(sampling.seed, part.numbers.tolist())
        x0 = part.clean()
        source = noise.split("corruption")
        x_cor = degraded(part, x0, slice(None), evaluator.task.degradation, source).to(device)
        eps = noise.split("diagnosis").normal(tuple(x0.shape[1:])).to(device)
        x0, labels = x0.to(device), part.labels.to(device)
        assert system.guides is not None
        clean.add(system.guides.frozen(x0), labels)
        corrupted.add(system.guides.frozen(x_cor), labels)
        for name, logits in _logits(system, loss, levels, x0, x_cor, eps):
            for tally, values in zip(at_step[name], logits, strict=True):
                tally.add(values, labels)
    uninformed = _cross_entropy_of_frequencies(evaluator.dataset.train.labels, split.labels)
    measured = {
        name: [
            GuideStep(t, tally.cross_entropy, tally.accuracy)
            for t, tally in zip(levels, tallies, strict=True)
        ]
        for name, tallies in at_step.items()
    }
    return GuideCrossEntropies(
        measured, clean.cross_entropy, corrupted.cross_entropy, uninformed, len(split)
    )


def _cross_entropy_of_frequencies(train: Tensor, labels: Tensor) -> float:
    """The cross-entropy of labels (N,) where each class is as probable as it is frequent in `train`, each
    class counted once more than it is there.
    """
    counts = torch.bincount(train, minlength=int(labels.max()) + 1).double() + 1
    return float(-(counts / counts.sum()).log()[labels].mean())


def _logits(
    system: CoupledSystem,
    loss: DenoisingLoss,
    levels: Sequence[float],
    x0: Tensor,
    x_cor: Tensor,
    eps: Tensor,
) -> list[tuple[str, list[Tensor]]]:
    """The raw logits (B, K) of each guide at each level, for a batch."""
    process = loss.process
    denoiser, guides, batch = system.signal_denoiser, system.guides, len(x0)
    assert denoiser is not None and guides is not None
    codes = denoiser.encode_corrupted(x_cor), denoiser.encode_logits(None, batch)
    times = denoiser.encode_time(process.scaled(levels).to(x0.device))
    frozen, noisy = [], []
    for number, t in enumerate(levels):
        level = torch.full((1,), t, device=x0.device)
        x_t = loss.noised(x0, x_cor, eps, level.expand(batch))
        output = denoiser(x_t, times[number : number + 1], *codes)
        frozen.append(guides.frozen(process.clean_of(x_t, output, t, x_cor)))
        noisy.append(guides.noisy(process.without_origin(x_t, t, x_cor), level))
    return [(FROZEN, frozen), (NOISY, noisy)]
