"""A jointly Gaussian signal and logits, with exact denoisers, for tests.

All that sampling does with them is affine, so every state is Gaussian. `engine_moments` reads mean and
covariance off the engine without a random number; `Moments` propagates them by the paper's equations,
in numpy, with nothing of the engine or of the schedules.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from trainables.diffusion.gaussian import GaussianDiffusion, cosine_alpha_bar
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.engine import CoupledSystem, Engine, Outcome
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Start, Update, check

X, Y = slice(0, 2), slice(2, 4)
MEAN = np.array([0.4, -0.3, 0.6, -0.2])
_B, _W = np.array([[1.0, 0.4], [-0.3, 0.9]]), np.array([[0.3, 0.05], [0.05, 0.25]])
_SXX = np.array([[0.5, 0.1], [0.1, 0.4]])
COV = np.block([[_SXX, _SXX @ _B.T], [_B @ _SXX, _B @ _SXX @ _B.T + _W]])
Y_COR = np.array([6.0, -5.0])  # the classifier's answer to everything: far off
X_COR = 9.0  # a value that no signal takes


def gain(of: slice, given: slice) -> np.ndarray:
    """How far the mean of one moves with the other: E[u | v] = E[u] + gain (v - E[v])."""
    return COV[of, given] @ np.linalg.inv(COV[given, given])


def conditional(of: slice, given: slice) -> np.ndarray:
    """Covariance of one given the other."""
    return COV[of, of] - gain(of, given) @ COV[given, of]


def clean_gain(cov: np.ndarray, abar: float) -> np.ndarray:
    """G in E[z0 | z_t] = c + G (z_t - sqrt(abar) c) for z0 ~ N(c, cov)."""
    return math.sqrt(abar) * cov @ np.linalg.inv(abar * cov + (1 - abar) * np.eye(2))


class _Exact:
    """v of E[z0 | z_t], z0 being N(mean, cov) where mean is (B, 2)."""

    process: GaussianDiffusion
    own: slice
    other: slice

    def encode(self, value: Tensor | None, batch: int) -> tuple[Tensor, np.ndarray]:
        mean = torch.tensor(MEAN[self.own]).expand(batch, 2)
        if value is None:
            return mean, COV[self.own, self.own]
        moved = (value.reshape(batch, 2) - torch.tensor(MEAN[self.other])) @ torch.tensor(
            gain(self.own, self.other).T
        )
        return mean + moved, conditional(self.own, self.other)

    def velocity(self, z_t: Tensor, t: Tensor, code: tuple[Tensor, np.ndarray]) -> Tensor:
        mean, cov = code
        abar = float(self.process.alpha_bar[round(float(t) * self.process.T)])
        flat = z_t.reshape(len(z_t), 2)
        z0 = mean + (flat - abar**0.5 * mean) @ torch.tensor(clean_gain(cov, abar).T)
        return ((abar**0.5 * flat - z0) / (1 - abar) ** 0.5).reshape(z_t.shape)


class ExactSignal(SignalDenoiser, _Exact):
    """Exact for x0 given y0, and for x0 alone where no logits are given."""

    own, other = X, Y

    def __init__(self, process: GaussianDiffusion) -> None:
        super().__init__()
        self.process = process

    def encode_corrupted(self, x_cor: Tensor) -> None:
        return None

    def encode_logits(self, y: Tensor | None, batch: int) -> tuple[Tensor, np.ndarray]:
        return self.encode(y, batch)

    def forward(self, x_t: Tensor, t: Tensor, corrupted: None, logits: object) -> Tensor:
        return self.velocity(x_t, t, logits)


class ExactLogit(LogitDenoiser, _Exact):
    """Exact for y0 given x0, and for y0 alone where x_cor stands in the signal's place."""

    own, other = Y, X

    def __init__(self, process: GaussianDiffusion) -> None:
        super().__init__()
        self.process = process

    def encode_signals(self, x: Tensor, y_of_x: Tensor, x_cor: Tensor) -> object:
        return self.encode(None if torch.equal(x, x_cor) else x, len(x))

    def forward(self, y_t: Tensor, t: Tensor, signals: object) -> Tensor:
        return self.velocity(y_t, t, signals)


class UnitNoise:
    """Draws zeros for row 0, and for every other row a single 1, each in another place of another
    draw: what comes of the rows is an affine map of all noise, column by column.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.next_row = rows, 1

    def split(self, stream: str) -> UnitNoise:
        return self

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.zeros(self.rows, math.prod(shape), dtype=torch.float64)
        own = drawn[self.next_row : self.next_row + drawn.shape[1]]
        own.copy_(torch.eye(drawn.shape[1])[: len(own)])
        self.next_row += drawn.shape[1]
        return drawn.reshape(self.rows, *shape)


def run(moves, T: int, noise, rows: int) -> Outcome:
    """The engine's outcome with the exact denoisers, in float64."""
    process = GaussianDiffusion(T)
    system = CoupledSystem(
        lambda x: torch.tensor(Y_COR).expand(len(x), 2),
        process,
        process,
        ExactSignal(process),
        ExactLogit(process),
    )
    x_cor = torch.full((rows, 1, 1, 2), X_COR, dtype=torch.float64)
    return Engine(system, (2,), Meter()).run(check(moves), x_cor, noise)


def joined(outcome: Outcome) -> np.ndarray:
    """(x, y) of each sample, (B, 4)."""
    return torch.cat([outcome.x.flatten(1), outcome.y], dim=1).numpy()


def engine_moments(moves, T: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (x, y) at a schedule's end, exact."""
    moves = list(moves)
    rows = 1 + 2 * sum(isinstance(move, Start | Update) for move in moves)
    ends = joined(run(moves, T, UnitNoise(rows), rows))
    columns = ends[1:] - ends[0]
    return ends[0], columns.T @ columns


class Moments:
    """Mean and covariance of both states, both clean estimates and what each process is given."""

    NAMES = ("x", "y", "x_hat", "y_hat", "given_x", "given_y")

    def __init__(self, T: int, eta: int, temperature: float = 1.0) -> None:
        self.T, self.eta, self.abar = T, eta, cosine_alpha_bar(T).numpy()
        self.temperature = temperature
        size = 2 * len(self.NAMES)
        self.mean, self.cov = np.zeros(size), np.zeros((size, size))
        self.guided = {"x": False, "y": False}

    def put(self, name: str, terms=None, constant=0.0, variance: float = 0.0) -> None:
        """name <- sum of matrix @ other + constant + noise of that variance."""
        at = self._at(name)
        move = np.eye(len(self.mean))
        move[at] = 0
        for other, matrix in (terms or {}).items():
            move[at, self._at(other)] = matrix
        self.mean, self.cov = move @ self.mean, move @ self.cov @ move.T
        self.mean[at] += constant
        self.cov[at, at] += variance * np.eye(2)

    def guide(self, process: str, by: str | None = None, constant=0.0) -> None:
        """From here on the process is given a copy of `by`, or a constant."""
        given = "given_y" if process == "x" else "given_x"
        self.put(given, {} if by is None else {by: np.eye(2)}, constant)
        self.guided[process] = True

    def step(self, name: str, t: int, s: int) -> None:
        """z0_hat = E[z0 | z_t, given], then z_s ~ q(z_s | z_t, z0_hat)."""
        own, other = (X, Y) if name == "x" else (Y, X)
        given, abar, eye = "given_y" if name == "x" else "given_x", self.abar[t], np.eye(2)
        if self.guided[name]:
            G = clean_gain(conditional(own, other), abar)
            left, moves = eye - abar**0.5 * G, gain(own, other)
            terms = {name: G, given: left @ moves}
            self.put(f"{name}_hat", terms, left @ (MEAN[own] - moves @ MEAN[other]))
        else:
            G = clean_gain(COV[own, own], abar)
            self.put(f"{name}_hat", {name: G}, (eye - abar**0.5 * G) @ MEAN[own])
        of_hat, of_state, variance = self._posterior(abar, self.abar[s])
        self.put(
            name,
            {name: of_state * eye, f"{name}_hat": of_hat * eye},
            0.0,
            variance * self.temperature**2,
        )

    def _posterior(self, at: float, as_: float) -> tuple[float, float, float]:
        """DDPM: Ho et al. 2020, eq. 7. DDIM: Song et al. 2021, eq. 12 with sigma = 0."""
        if self.eta == 1:
            alpha = at / as_
            of_hat, of_state = as_**0.5 * (1 - alpha) / (1 - at), alpha**0.5 * (1 - as_) / (1 - at)
            return of_hat, of_state, (1 - alpha) * (1 - as_) / (1 - at)
        ratio = ((1 - as_) / (1 - at)) ** 0.5
        return as_**0.5 - ratio * at**0.5, ratio, 0.0

    def trajectory(self, name: str, steps: int) -> None:
        """From the prior to the clean end."""
        self.put(name, variance=1.0)
        for t, s in pairwise(self.levels(steps)):
            self.step(name, t, s)

    def levels(self, steps: int) -> list[int]:
        return [round(self.T * (1 - i / steps)) for i in range(steps + 1)]

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of (x, y)."""
        return self.mean[:4], self.cov[:4, :4]

    def _at(self, name: str) -> slice:
        first = 2 * self.NAMES.index(name)
        return slice(first, first + 2)
