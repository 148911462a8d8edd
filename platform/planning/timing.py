"""What a call of each network of a task takes on a device, timed briefly."""

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
    """Seconds a sample of a call of each network; `whole_logit` is one with the conditions encoded."""

    signal: float
    logit: float
    whole_logit: float
    classifier: float


@torch.no_grad()
def seconds_a_call(
    dataset: Dataset, recipe: Recipe, device: torch.device, precision: str = "auto"
) -> Calls:
    """Time untrained networks of these sizes on blank samples, all cores of the machine or one GPU at
    work; `precision` is what a GPU computes in.
    """
    signal = networks.new_signal_denoiser(dataset, recipe).eval().to(device)
    logit = networks.new_logit_denoiser(dataset, recipe).eval().to(device)
    classifier = networks.new_judge(dataset, recipe).to(device)
    shape = networks.logit_shape(dataset, recipe)
    lower = device.type == "cuda" and dtype_of(precision, device) == torch.bfloat16

    def calls(batch: int) -> list[Callable[[], object]]:
        x = torch.zeros(batch, *dataset.signal_shape, device=device)
        y, t = torch.zeros(batch, *shape, device=device), torch.ones(1, device=device)
        shown = classifier.evidence(x)
        conditions = signal.encode_corrupted(x), signal.encode_logits(None, batch)
        signals = logit.encode_signals(shown, y, shown, y)
        times = signal.encode_time(t), logit.encode_time(t)
        return [
            lambda: signal(x, times[0], *conditions),
            lambda: logit(y, times[1], signals),
            lambda: logit(y, times[1], logit.encode_signals(shown, y, shown, y)),
            lambda: classifier(x.clone()),
        ]

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=lower):
        few = min(_FEW, recipe.batch)
        slow = max(_once(call, device) for call in calls(few)) > _LONG
        batch = few if slow else recipe.batch
        return Calls(*(_timed(call, device) / batch for call in calls(batch)))


def _timed(call: Callable[[], object], device: torch.device) -> float:
    """The median of a few calls, after one to warm up."""
    _once(call, device)
    return sorted(_once(call, device) for _ in range(_CALLS))[_CALLS // 2]


def _once(call: Callable[[], object], device: torch.device) -> float:
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start
