"""How long a call of each network of a task takes on a device, timed briefly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from trainables.core.device import synchronise
from trainables.core.precision import dtype_of
from trainables.data.dataset import Dataset
from trainables.task import networks
from trainables.task.recipe import Recipe

_CALLS = 5
_FEW = 8  # samples that are enough where a call of so many takes long
_LONG = 0.2  # seconds


@dataclass(frozen=True)
class Calls:
    """Seconds that a call of each network takes for a sample.

    Args:
        signal: of the signal denoiser.
        logit: of the logit denoiser, its conditions being encoded already.
        whole_logit: of the logit denoiser with the encoding of its conditions.
        classifier: of the classifier.
        label: of the score network of labels, for one label; 0 where it is not timed.
    """

    signal: float
    logit: float
    whole_logit: float
    classifier: float
    label: float = 0.0


@torch.no_grad()
def seconds_a_call(
    dataset: Dataset,
    recipe: Recipe,
    device: torch.device,
    precision: str,
    threads: int | None,
    labels: bool,
) -> Calls:
    """Time untrained networks of these sizes on blank samples, on CPUs or one GPU.

    Args:
        dataset: it gives the sizes of signals and logits.
        recipe: it gives the sizes of the networks and the batch.
        device: what they are timed on.
        precision: what a GPU computes in.
        threads: of the CPU; all that it has if None.
        labels: whether the score network of labels is timed too.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return _timed(dataset, recipe, device, precision, labels)
    finally:
        torch.set_num_threads(before)


def _timed(
    dataset: Dataset, recipe: Recipe, device: torch.device, precision: str, labels: bool
) -> Calls:
    """`seconds_a_call` by the threads that torch has."""
    signal = networks.new_signal_denoiser(dataset, recipe).eval().to(device)
    logit = networks.new_logit_denoiser(dataset, recipe).eval().to(device)
    classifier = networks.unscaled_classifier(dataset, recipe).to(device)
    label = None
    if labels:  # it loads torchvision, which takes seconds
        label = networks.new_label_network(dataset, recipe).eval().to(device)
    shape = networks.logit_shape(dataset, recipe)
    autocast = device.type == "cuda" and dtype_of(precision, device) == torch.bfloat16

    def calls(batch: int) -> list[Callable[[], object]]:
        x = torch.zeros(batch, *dataset.signal_shape, device=device)
        y, t = torch.zeros(batch, *shape, device=device), torch.ones(1, device=device)
        evidence = classifier.evidence(x)
        conditions = signal.encode_corrupted(x), signal.encode_logits(None, batch)
        signals = logit.encode_signals(evidence, y, evidence, y)
        times = signal.encode_time(t), logit.encode_time(t)
        timed: list[Callable[[], object]] = [
            lambda: signal(x, times[0], *conditions),
            lambda: logit(y, times[1], signals),
            lambda: logit(y, times[1], logit.encode_signals(evidence, y, evidence, y)),
            lambda: classifier(x.clone()),
        ]
        if label is not None:
            classes = torch.zeros(batch, dtype=torch.long, device=device)
            timed.append(lambda: label(x, classes, t))
        return timed

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        batch = min(_FEW, recipe.batch)
        timed = calls(batch)
        first = [_seconds(call, device) for call in timed]
        if max(first) <= _LONG:
            batch = recipe.batch
            timed = calls(batch)
            first = [_seconds(call, device) for call in timed]
        pairs = zip(timed, first, strict=True)
        return Calls(*(_median_seconds(call, took, device) / batch for call, took in pairs))


def _median_seconds(call: Callable[[], object], first: float, device: torch.device) -> float:
    """How long a call takes after a first: the median of a few, or of one where that took long."""
    count = 1 if first > _LONG else _CALLS
    return sorted(_seconds(call, device) for _ in range(count))[count // 2]


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """How long one call takes."""
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start
