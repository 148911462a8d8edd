"""A signal and logits that are jointly Gaussian, diffused by OUVE, with exact denoisers, and the engine on
them: signals (2, F, T) about x_cor, logits about f(x_cor).

Of states larger than two entries every two are such a pair of their own, and the other process is
known by its mean.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from joint_gaussian import COV, MEAN, UnitNoise, X, Y, conditional, gain

from trainables.diffusion.ouve import OUVE
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.engine import CoupledSystem, Engine
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Correct, Predict, Start, Update, check
from trainables.strategies import schedule_of

FINE = OUVE(t_eps=1e-4)  # the last step, to 0, draws nothing: here it leaves nothing out
SMALL, LARGE = ((2, 1, 1), (2, 1)), ((2, 4, 3), (3, 4))  # of a signal, of its logits
X_COR, Y_COR = 0.5, -0.3  # every entry of the corrupted signal, and what the classifier makes of it
EYE = np.eye(2)


class _Exact:
    """sigma_t times the score, of z0 ~ N(mean, cov) noised about `origin`, flattened to rows of 2."""

    def __init__(self, process, own, other, origin):
        super().__init__()
        self.process, self.own, self.other, self.origin = process, own, other, origin
        self.grids = []

    def encode_time(self, t):
        self.grids.append(t)
        return t

    def encode(self, value, batch):
        """Mean (B, 2) and covariance given the other one's entries, which their mean stands for."""
        mean = torch.tensor(MEAN[self.own]).expand(batch, 2)
        if value is None:
            return mean, COV[self.own, self.own]
        rows = value.reshape(batch, -1, 2).mean(1) - torch.tensor(MEAN[self.other])
        moved = rows.to(mean) @ torch.tensor(gain(self.own, self.other).T)
        return mean + moved, conditional(self.own, self.other)

    def output(self, z_t, t, code):
        mean, cov = code
        share, sigma = math.exp(-self.process.theta * float(t)), self.process.deviation(float(t))
        precision = np.linalg.inv(share**2 * cov + float(sigma) ** 2 * EYE)
        rows = z_t.reshape(len(z_t), -1, 2).double()
        off = rows - share * mean[:, None] - (1 - share) * self.origin
        return (-sigma * off @ torch.tensor(precision)).reshape(z_t.shape).to(z_t)


class ExactSignal(_Exact, SignalDenoiser):
    def encode_corrupted(self, x_cor):
        return None

    def encode_logits(self, y, batch):
        return self.encode(y, batch)

    def forward(self, x_t, t, corrupted, logits):
        return self.output(x_t, t, logits)


class ExactLogit(_Exact, LogitDenoiser):
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
    """Mean and covariance of (x, y) at the end, exact."""
    moves = schedule_of(name, point)
    drawing = sum(isinstance(m, Start | Update | Predict | Correct) for m in moves)
    rows = 1 + 6 * drawing  # what is drawn ahead is not always used
    noise = UnitNoise(rows)
    outcome, _ = run(moves, noise, rows, process)
    assert noise.next_row <= rows
    ends = torch.cat([outcome.x.flatten(1), outcome.y.flatten(1)], dim=1).numpy()
    columns = ends[1:] - ends[0]
    return ends[0], columns.T @ columns
