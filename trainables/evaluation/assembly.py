"""The coupled system of a task, made of trained parts and ready to be sampled on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from trainables.data.dataset import Dataset
from trainables.models.base import Classifier
from trainables.models.images.classifier import ConvNetConfig, FrozenClassifier
from trainables.models.prepared import (
    LogitOfFeatures,
    PreparedClassifier,
    PreparedLogit,
    PreparedSignal,
)
from trainables.sampling.engine import CoupledSystem
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Task

Network = TypeVar("Network", bound=nn.Module)


def assemble(
    task: Task,
    dataset: Dataset,
    classifier: Classifier,
    weights: dict[str, dict[str, Tensor]],
    device: torch.device,
    dtype: torch.dtype,
) -> CoupledSystem:
    """Processes and networks that compute in `dtype`; a denoiser without weights is None.

    What paid when it was measured: frozen graphs on CPUs in float32 (1.1 to 2 times as fast; in bf16
    nothing), and a convolutional classifier in float32 there (its pooling is slow in bf16). GPUs run
    operation by operation. Of speech, denoisers alone compute in less than float32: those of `quick`
    were 1.5 times as fast in bf16 (NCSN++ at batches of 25), and 100 calls of each left samples 0.4 %
    off; Whisper hears in float32.
    """
    recipe, is_cpu = task.recipe, device.type == "cpu"
    is_speech = recipe.speech is not None
    frozen = is_cpu and dtype == torch.float32 and not is_speech
    signal_process, logit_process = processes(task, classifier)
    signal: PreparedSignal | None = None
    logit: PreparedLogit | LogitOfFeatures | None = None
    if "signal" in weights:
        signal_network = networks.signal_denoiser(dataset, recipe, weights)
        signal = PreparedSignal(_ready(signal_network, device), dtype, frozen)
    if "logit" in weights:
        logit_network = networks.logit_denoiser(dataset, recipe, weights)
        logit = PreparedLogit(_ready(logit_network, device), dtype, frozen)
        if is_speech:
            logit = LogitOfFeatures(logit, classifier)
    prepared: Callable[[Tensor], Tensor] = classifier
    if isinstance(classifier, FrozenClassifier):
        pools = is_cpu and isinstance(recipe.classifier, ConvNetConfig)
        prepared = PreparedClassifier(
            classifier, torch.float32 if pools else dtype, frozen or pools
        )
    return CoupledSystem(prepared, signal_process, logit_process, signal, logit)


def probe(system: CoupledSystem, dataset: Dataset, batch: int, device: torch.device) -> None:
    """Call every network once on so many blank samples, for what it takes."""
    x = torch.zeros(batch, *dataset.signal_shape, device=device)
    y, level = system.classifier(x), torch.zeros(1, device=device)
    signal, logit = system.signal_denoiser, system.logit_denoiser
    if signal is not None:
        codes = signal.encode_corrupted(x), signal.encode_logits(y, batch)
        signal(x, signal.encode_time(level), *codes)
    if logit is not None:
        logit(y, logit.encode_time(level), logit.encode_signals(x, y, x))


def _ready(network: Network, device: torch.device) -> Network:
    return network.to(device).eval().requires_grad_(False)
