"""Assembles the coupled system of a task from its trained parts, ready for sampling on a device."""

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
    PreparedLabel,
    PreparedLogit,
    PreparedNoisyClassifier,
    PreparedSignal,
)
from trainables.sampling.guidance import Guides, gradient
from trainables.sampling.label_steps import chains_at_once
from trainables.sampling.system import CoupledSystem, LabelSystem
from trainables.task import networks
from trainables.task.processes import label_process, processes
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
    """The coupled system of a task, with networks that compute in `dtype`.

    Measurements of speed decide which networks run as frozen graphs, and in which dtype. Frozen graphs
    are 1.1 to 2 times as fast on CPUs in float32 and no faster in bf16; GPUs run operation by operation.
    A convolutional classifier stays in float32 on CPUs, since its pooling is slow in bf16. For speech
    only the denoisers compute in less than float32: those of `quick` are 1.5 times as fast in bf16
    (NCSN++ at batches of 25), and 100 calls of each change samples by 0.4 %; Whisper stays in float32.

    Args:
        task: the task.
        dataset: the task's data.
        classifier: the frozen classifier, already on the device.
        weights: state dicts of the denoisers, "signal" and "logit", of the score network "label", of
            retrained classifiers, and of a noise-conditional one; what has no weights is None in the system,
            or is left out.
        device: where networks run.
        dtype: what networks compute in.
    """
    recipe, is_cpu = task.recipe, device.type == "cpu"
    is_speech = recipe.speech is not None
    use_graphs = is_cpu and dtype == torch.float32 and not is_speech
    signal_process, logit_process = processes(task, classifier)
    signal: PreparedSignal | None = None
    logit: PreparedLogit | LogitOfFeatures | None = None
    if "signal" in weights:
        signal_network = networks.signal_denoiser(dataset, recipe, weights)
        signal = PreparedSignal(_frozen(signal_network, device), dtype, use_graphs)
    if "logit" in weights:
        logit_network = networks.logit_denoiser(dataset, recipe, weights)
        logit = PreparedLogit(_frozen(logit_network, device), dtype, use_graphs)
        if is_speech:
            logit = LogitOfFeatures(logit, classifier)
    has_slow_pooling = is_cpu and isinstance(recipe.classifier, ConvNetConfig)
    classifier_dtype = torch.float32 if has_slow_pooling else dtype

    def prepared(frozen: FrozenClassifier) -> PreparedClassifier:
        return PreparedClassifier(frozen, classifier_dtype, use_graphs or has_slow_pooling)

    classify: Callable[[Tensor], Tensor] = classifier
    guides: Guides | None = None
    if isinstance(classifier, FrozenClassifier):
        classify = judge = prepared(classifier)
        if "noisy_classifier" in weights:
            noisy = _frozen(networks.noisy_classifier(dataset, recipe, weights), device)
            guides = Guides(
                lambda y: classifier.scale.restored(y).softmax(dim=-1),
                judge.raw_logits,
                PreparedNoisyClassifier(noisy, dtype),
            )
    members = networks.retrained_classifiers(dataset, recipe, weights, classifier.scale)
    retrained = [prepared(_frozen(member, device)) for member in members]
    labels: LabelSystem | None = None
    if "label" in weights:
        label_network = _frozen(networks.label_network(dataset, recipe, weights), device)
        prepared_label = PreparedLabel(label_network, dtype, use_graphs)
        labels = LabelSystem(label_process(dataset), prepared_label, classifier.scale.standardised)
    processes_and_denoisers = signal_process, logit_process, signal, logit
    others = retrained, guides, labels, classifier.scale.restored
    return CoupledSystem(classify, *processes_and_denoisers, *others)


def probe(system: CoupledSystem, dataset: Dataset, batch: int, device: torch.device) -> None:
    """Call every network once on a batch of blank samples, so that its use of memory can be measured."""
    x = torch.zeros(batch, *dataset.signal_shape, device=device)
    y, level = system.classifier(x), torch.zeros(1, device=device)
    signal, logit = system.signal_denoiser, system.logit_denoiser
    for classifier in system.retrained:
        classifier(x)
    if system.guides is not None:
        target = system.guides.distribution(y)
        gradient(system.guides.frozen, x, target)
        gradient(system.guides.noisy, x, target, level.long())
    if system.labels is not None:
        network = system.labels.network
        labels = torch.zeros(batch, chains_at_once(batch), dtype=torch.long, device=device)
        network(network.encode_images(x), labels, level)
    if signal is not None:
        codes = signal.encode_corrupted(x), signal.encode_logits(y, batch)
        signal(x, signal.encode_time(level), *codes)
    if logit is not None:
        logit(y, logit.encode_time(level), logit.encode_signals(x, y, x))


def _frozen(network: Network, device: torch.device) -> Network:
    """The network on the device, in evaluation mode and without gradients."""
    return network.to(device).eval().requires_grad_(False)
