"""A jointly Gaussian signal and logits, diffused by OUVE, with exact denoisers, and runs of the engine on
them: signals (2, F, T) are noised towards x_cor, logits towards f(x_cor).

States of more than two entries consist of independent pairs of entries, and each process is conditioned
on the mean of the other's pairs.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from joint_gaussian import COV, MEAN, UnitNoise, X, Y, conditional, gain

from trainables.diffusion.ouve import OUVE
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.engine import Engine
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Correct, Predict, Start, Update
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of

FINE = OUVE(
    t_eps=1e-4
)  # the last step, to 0, has no noise; with this t_eps it would have next to none
SMALL, LARGE = ((2, 1, 1), (2, 1)), ((2, 4, 3), (3, 4))  # shapes of a signal and of its logits
X_COR, Y_COR = (
    0.5,
    -0.3,
)  # all entries of the corrupted signal, and of the classifier's output for it
EYE = np.eye(2)


class _Exact:
    """sigma_t times the score of z0 ~ N(mean, cov) that is noised towards `origin`, in rows of 2 entries.

    `state` are the entries of z0 in (x, y), `condition` those of the variable that it is conditioned on;
    `grids` are the grids of levels that were encoded.
    """

    def __init__(self, process, state, condition, origin):
        super().__init__()
        self.process, self.state, self.condition, self.origin = process, state, condition, origin
        self.grids = []

    def encode_time(self, t):
        self.grids.append(t)
        return t

    def encode(self, value, batch):
        """The mean (B, 2) and covariance given the mean of the other variable's rows."""
        mean = torch.tensor(MEAN[self.state]).expand(batch, 2)
        if value is None:
            return mean, COV[self.state, self.state]
        offset = value.reshape(batch, -1, 2).mean(1) - torch.tensor(MEAN[self.condition])
        shift = offset.to(mean) @ torch.tensor(gain(self.state, self.condition).T)
        return mean + shift, conditional(self.state, self.condition)

    def output(self, z_t, t, code):
        mean, cov = code
        share, sigma = math.exp(-self.process.theta * float(t)), self.process.deviation(float(t))
        precision = np.linalg.inv(share**2 * cov + float(sigma) ** 2 * EYE)
        rows = z_t.reshape(len(z_t), -1, 2).double()
        offset = rows - share * mean[:, None] - (1 - share) * self.origin
        return (-sigma * offset @ torch.tensor(precision)).reshape(z_t.shape).to(z_t)


class ExactSignal(_Exact, SignalDenoiser):
    """The exact denoiser of x0 given y0, or of x0 alone where there are no logits."""

    def encode_corrupted(self, x_cor):
        return None

    def encode_logits(self, y, batch):
        return self.encode(y, batch)

    def forward(self, x_t, t, corrupted, logits):
        return self.output(x_t, t, logits)


class ExactLogit(_Exact, LogitDenoiser):
    """The exact denoiser of y0 given x0, or of y0 alone where the signal is x_cor."""

    def encode_signals(self, x, y_of_x, x_cor):
        return self.encode(None if torch.equal(x, x_cor) else x, len(x))

    def forward(self, y_t, t, signals):
        return self.output(y_t, t, signals)


def system_of(process, logit_shape):
    def classify(x):
        return torch.full((len(x), *logit_shape), Y_COR, dtype=x.dtype)

    signal, logit = ExactSignal(process, X, Y, X_COR), ExactLogit(process, Y, X, Y_COR)
    return CoupledSystem(classify, process, process, signal, logit)


def run(moves, noise, rows, process=FINE, shapes=SMALL, dtype=torch.float64):
    signal_shape, logit_shape = shapes
    x_cor, meter = torch.full((rows, *signal_shape), X_COR, dtype=dtype), Meter()
    engine = Engine(system_of(process, logit_shape), logit_shape, meter)
    return engine.run(check(moves), x_cor, noise), meter


def engine_moments(name, point, process=FINE):
    """The exact mean and covariance of (x, y) at the end of a strategy's schedule."""
    moves = schedule_of(name, point)
    noisy_moves = sum(isinstance(m, Start | Update | Predict | Correct) for m in moves)
    rows = 1 + 6 * noisy_moves  # blocks of noise are not always used up
    noise = UnitNoise(rows)
    outcome, _ = run(moves, noise, rows, process)
    assert noise.next_row <= rows
    ends = torch.cat([outcome.x.flatten(1), outcome.y.flatten(1)], dim=1).numpy()
    columns = ends[1:] - ends[0]
    return ends[0], columns.T @ columns
