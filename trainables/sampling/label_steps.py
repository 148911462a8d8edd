"""How the moves of the label diffusion are made; the engine passes them on to here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from trainables.core.noise import SampleNoise
from trainables.diffusion.label_sampling import (
    LabelPredictor,
    LabelScore,
    frequencies_of,
    label_step,
    probability_step,
    uniform_labels,
)
from trainables.diffusion.labels import require_distributions
from trainables.models.base import Encoding
from trainables.sampling.label_moves import (
    LABEL,
    LabelAnswer,
    LabelMove,
    StartLabels,
    UpdateLabels,
)
from trainables.sampling.label_trajectory import LabelTrajectory
from trainables.sampling.meter import Meter
from trainables.sampling.state import State
from trainables.sampling.system import LabelSystem

_LEAST_PROBABILITY = 1e-12
"""What a probability of the posterior counts as at least, so that its logarithm is finite."""
_ROWS = 1024
"""The most images that a call of the network goes through at once for several chains of a sample."""


def make_label_move(
    move: LabelMove,
    state: State,
    noise: SampleNoise,
    labels: LabelSystem | None,
    meter: Meter,
    x_cor_output: Callable[[State, str, Callable[[Tensor], Encoding]], Encoding],
) -> None:
    """Change the engine's state by a move.

    Args:
        move: the move, which is legal.
        state: the engine's state.
        noise: the source of all noise of the run.
        labels: process and network.
        meter: what counts every call of the network.
        x_cor_output: called with the state, the network's name and its encoder, gives the encoding of x_cor,
            which is computed once for a batch.
    """
    assert labels is not None, "the parts of a strategy are those that its moves call"
    if isinstance(move, StartLabels):
        stream = state.noise_of(noise).split(f"{LABEL}{state.label_count}")
        state.labels = _started(move, labels, stream, state.batch.x_cor)
        state.label_count += 1
        return
    assert state.labels is not None, "checked: labels step and answer after their start"
    if isinstance(move, LabelAnswer):
        state.answers.append(_answer(state.labels, labels))
        return
    images = x_cor_output(state, LABEL, labels.network.encode_images)
    state.labels = _stepped(state.labels, move, labels, _metered_score(labels, images, meter))


def chains_at_once(batch: int) -> int:
    """How many chains of each of `batch` samples go through the network in one call."""
    return max(1, _ROWS // batch)


def _started(
    move: StartLabels, labels: LabelSystem, noise: SampleNoise, x_cor: Tensor
) -> LabelTrajectory:
    process, device = labels.process, x_cor.device
    if move.chains is None:
        state = process.prior(len(x_cor), device)
    else:
        state = uniform_labels(process, noise, move.chains, device)
    return LabelTrajectory(tuple(process.levels(move.steps)), state, move.chains is not None, noise)


def _stepped(
    trajectory: LabelTrajectory, move: UpdateLabels, labels: LabelSystem, score: LabelScore
) -> LabelTrajectory:
    state, noise, position = trajectory.state, trajectory.noise, trajectory.position
    checks: list[Tensor] = []
    t, s = trajectory.times[position], trajectory.times[position + 1]
    assert noise is not None, "a cached trajectory is complete and draws no noise"
    if move.choice is None:
        predictor = cast(LabelPredictor, move.predictor)  # checked: the other is for probabilities
        at_once = chains_at_once(len(state))
        state = label_step(labels.process, score, state, t, s, noise, predictor, at_once, checks)
    else:
        how = move.predictor, move.choice, noise, checks
        state = probability_step(labels.process, score, state, t, s, *how)
    checked = trajectory.checks + tuple(checks)
    return replace(trajectory, state=state, position=position + 1, checks=checked)


def _metered_score(labels: LabelSystem, images: Encoding, meter: Meter) -> LabelScore:
    """The score of encoded images, which counts a call for each label that it is given."""

    def score(chosen: Tensor, t: float) -> Tensor:
        time = torch.full((1,), t, device=chosen.device)
        inputs = images, chosen, time
        output: Tensor = meter.call(LABEL, labels.network, *inputs, batch=chosen.numel())
        return output

    return score


def _answer(trajectory: LabelTrajectory, labels: LabelSystem) -> Tensor:
    """The standardised logits (B, K) that a complete trajectory answers by: log p(c_0 | y), standardised as
    raw logits of the classifier are. Restored, they are greatest where p is.

    Raises:
        NonFiniteError: labels were drawn of probabilities that have no positive finite sum.
    """
    require_distributions(trajectory.checks)
    p = trajectory.state
    if trajectory.is_of_chains:
        p = frequencies_of(p, labels.process.classes)
    return labels.standardised(p.clamp(min=_LEAST_PROBABILITY).log())
