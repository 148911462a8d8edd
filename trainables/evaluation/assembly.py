"""Assembles the coupled system of a task from its trained parts, ready for sampling on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from trainables.data.dataset import Dataset
from trainables.evaluation.logit_of_features import LogitOfFeatures
from trainables.models.base import Classifier
from trainables.models.images.classifier import ConvNetConfig, FrozenClassifier
from trainables.models.prepared import (
    PreparedClassifier,
    PreparedLabel,
    PreparedLogit,
    PreparedNoisyClassifier,
    PreparedSignal,
)
from trainables.models.run_paths import ChoosePath, RunPath, usual_path
from trainables.sampling.guidance import Guides, gradient
from trainables.sampling.label_steps import chains_at_once
from trainables.sampling.system import CoupledSystem, LabelSystem
from trainables.task import networks
from trainables.task.members import is_lent
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
    batch: int = 1,
    choose: ChoosePath = usual_path,
) -> CoupledSystem:
    """The coupled system of a task, with networks that compute in `dtype`.

    Args:
        task: the task.
        dataset: the task's data.
        classifier: the frozen classifier, already on the device.
        weights: state dicts of the denoisers, "signal" and "logit", of logit denoisers that are lent, of the
            score network "label", of retrained classifiers, and of a noise-conditional one; what has no
            weights is None in the system, or is left out.
        device: where networks run.
        dtype: what networks compute in.
        batch: samples in the calls by which paths are chosen.
        choose: what chooses the path of each network.
    """
    assembly = _Assembly(task, dataset, classifier, weights, device, dtype, batch, choose)
    signal_process, logit_process = processes(task, classifier)
    classify: Callable[[Tensor], Tensor] = classifier
    guiding_logits = classifier.guiding_logits
    if isinstance(classifier, FrozenClassifier):
        classify = judge = assembly.classifier(classifier)
        guiding_logits = judge.raw_logits
    guides = assembly.guides(guiding_logits)
    members = networks.retrained_classifiers(dataset, task.recipe, weights, classifier.scale)
    retrained = [assembly.classifier(_frozen(member, device)) for member in members]
    denoisers = assembly.signal(), assembly.logit("logit")
    lent = {
        name: d for name in weights if is_lent(name) and (d := assembly.logit(name)) is not None
    }
    labels, restored = assembly.labels(), classifier.scale.restored
    of_both = classify, signal_process, logit_process, *denoisers
    return CoupledSystem(*of_both, retrained, guides, labels, restored, lent)


@dataclass(frozen=True)
class _Assembly:
    """What networks are assembled of, as `assemble` is given it.

    Measurements of speed decide which networks run as frozen graphs, and in which dtype. Frozen graphs
    are 1.1 to 2 times as fast on CPUs in float32 and no faster in bf16; GPUs run operation by operation.
    A convolutional classifier stays in float32 on CPUs, since its pooling is slow in bf16. For speech
    only the denoisers compute in less than float32: those of `quick` are 1.5 times as fast in bf16
    (NCSN++ at batches of 25), and 100 calls of each change samples by 0.4 %; Whisper stays in float32.
    """

    task: Task
    dataset: Dataset
    frozen: Classifier
    weights: dict[str, dict[str, Tensor]]
    device: torch.device
    dtype: torch.dtype
    batch: int
    choose: ChoosePath

    def signal(self) -> PreparedSignal | None:
        """The signal denoiser, if it has weights."""
        if "signal" not in self.weights:
            return None
        network = networks.signal_denoiser(self.dataset, self.task.recipe, self.weights)
        network = _frozen(network, self.device)

        def call_of(path: RunPath) -> Callable[[], object]:
            prepared = PreparedSignal(network, self.dtype, path)
            x, y, level = self._blank()
            codes = prepared.encode_corrupted(x), prepared.encode_logits(y, self.batch)
            return _called(prepared, path, x, prepared.encode_time(level), *codes)

        return PreparedSignal(network, self.dtype, self._path("signal denoiser", network, call_of))

    def logit(self, name: str) -> PreparedLogit | LogitOfFeatures | None:
        """The logit denoiser of this name, if it has weights. Of its calls those that encode signals choose
        the path: only they have convolutions.
        """
        if name not in self.weights:
            return None
        network = networks.logit_denoiser(self.dataset, self.task.recipe, self.weights, name)
        network = _frozen(network, self.device)

        def call_of(path: RunPath) -> Callable[[], object]:
            prepared = PreparedLogit(network, self.dtype, path)
            x, y, _ = self._blank()
            if path is RunPath.PLAIN:
                return partial(prepared.plain_encode_signals, x, y, x)
            return partial(prepared.encode_signals, x, y, x)

        path = self._path("logit denoiser", network, call_of)
        prepared = PreparedLogit(network, self.dtype, path)
        return LogitOfFeatures(prepared, self.frozen) if self._is_speech else prepared

    def classifier(self, classifier: FrozenClassifier) -> PreparedClassifier:
        """A classifier of images, the frozen one or a retrained one."""
        has_slow_pooling = self._is_cpu and isinstance(self.task.recipe.classifier, ConvNetConfig)
        dtype = torch.float32 if has_slow_pooling else self.dtype
        usual = RunPath.FROZEN if has_slow_pooling else self._usual

        def call_of(path: RunPath) -> Callable[[], object]:
            return _called(PreparedClassifier(classifier, dtype, path), path, self._blank()[0])

        path = self._path("classifier", classifier.network, call_of, usual)
        return PreparedClassifier(classifier, dtype, path)

    def guides(self, frozen: Callable[[Tensor], Tensor]) -> Guides | None:
        """The guides, if the noise-conditional classifier has weights; `frozen` gives the frozen classifier's
        raw logits by operations that can be differentiated.
        """
        if "noisy_classifier" not in self.weights:
            return None
        network = networks.noisy_classifier(self.dataset, self.task.recipe, self.weights)
        restored = self.frozen.scale.restored
        return Guides(
            lambda y: restored(y).softmax(dim=-1),
            frozen,
            PreparedNoisyClassifier(_frozen(network, self.device), self.dtype),
            self.task.recipe.clean_deviation,
        )

    def labels(self) -> LabelSystem | None:
        """The system of labels, if its score network has weights."""
        if "label" not in self.weights:
            return None
        network = networks.label_network(self.dataset, self.task.recipe, self.weights)
        prepared = PreparedLabel(_frozen(network, self.device), self.dtype, self._usual)
        return LabelSystem(label_process(self.dataset), prepared, self.frozen.scale.standardised)

    @property
    def _is_speech(self) -> bool:
        return self.task.recipe.speech is not None

    @property
    def _is_cpu(self) -> bool:
        return self.device.type == "cpu"

    @property
    def _usual(self) -> RunPath:
        """The usual path of a network."""
        use_graphs = self._is_cpu and self.dtype == torch.float32 and not self._is_speech
        return RunPath.FROZEN if use_graphs else RunPath.PLAIN

    def _path(
        self,
        name: str,
        network: nn.Module,
        call_of: Callable[[RunPath], Callable[[], object]],
        usual: RunPath | None = None,
    ) -> RunPath:
        """The path of a network; for speech, whose networks have no other, the usual one."""
        usual = usual or self._usual
        if self._is_speech:
            return usual
        millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        shape = "x".join(map(str, self.dataset.signal_shape))
        return self.choose(f"{name} of {millions:.2f} M parameters for {shape}", usual, call_of)

    def _blank(self) -> tuple[Tensor, Tensor, Tensor]:
        """Blank signals and logits of a batch, and a level."""
        x = torch.zeros(self.batch, *self.dataset.signal_shape, device=self.device)
        logit_shape = networks.logit_shape(self.dataset, self.task.recipe)
        y = torch.zeros(self.batch, *logit_shape, device=self.device)
        return x, y, torch.zeros(1, device=self.device)


def _called(
    network: PreparedSignal | PreparedClassifier, path: RunPath, *inputs: Any
) -> Callable[[], object]:
    """A call of a prepared network by a path; by the plain one its operations can be counted."""
    return partial(network.plain if path is RunPath.PLAIN else network, *inputs)


def probe(system: CoupledSystem, dataset: Dataset, batch: int, device: torch.device) -> None:
    """Call every network once on a batch of blank samples, so that its use of memory can be measured."""
    x = torch.zeros(batch, *dataset.signal_shape, device=device)
    y, level = system.classifier(x), torch.zeros(1, device=device)
    signal, logits = system.signal_denoiser, [system.logit_denoiser, *system.lent.values()]
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
    for logit in logits:
        if logit is not None:
            logit(y, logit.encode_time(level), logit.encode_signals(x, y, x))


def _frozen(network: Network, device: torch.device) -> Network:
    """The network on the device, in evaluation mode and without gradients."""
    return network.to(device).eval().requires_grad_(False)
