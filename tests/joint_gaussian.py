"""A jointly Gaussian signal and logits, with exact denoisers.

Every step of sampling them is affine, so every state is Gaussian. `engine_moments` computes mean and
covariance from runs of the engine without random numbers; `Moments` propagates them by the paper's
equations in numpy, and uses neither the engine nor the schedules.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from trainables.diffusion.gaussian import GaussianDiffusion, cosine_alpha_bar
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.engine import Engine
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Start, Update
from trainables.sampling.outcome import Outcome
from trainables.sampling.system import CoupledSystem

X, Y = slice(0, 2), slice(2, 4)
MEAN = np.array([0.4, -0.3, 0.6, -0.2])
_B, _W = np.array([[1.0, 0.4], [-0.3, 0.9]]), np.array([[0.3, 0.05], [0.05, 0.25]])
_SXX = np.array([[0.5, 0.1], [0.1, 0.4]])
COV = np.block([[_SXX, _SXX @ _B.T], [_B @ _SXX, _B @ _SXX @ _B.T + _W]])
Y_COR = np.array([6.0, -5.0])  # the classifier's output for every signal, far from the mean
X_COR = 9.0  # a value that no signal takes


def gain(u: slice, v: slice) -> np.ndarray:
    """The gain in E[u | v] = E[u] + gain (v - E[v])."""
    return COV[u, v] @ np.linalg.inv(COV[v, v])


def conditional(u: slice, v: slice) -> np.ndarray:
    """The covariance of u given v."""
    return COV[u, u] - gain(u, v) @ COV[v, u]


def clean_gain(cov: np.ndarray, abar: float) -> np.ndarray:
    """G in E[z0 | z_t] = c + G (z_t - sqrt(abar) c) for z0 ~ N(c, cov)."""
    return math.sqrt(abar) * cov @ np.linalg.inv(abar * cov + (1 - abar) * np.eye(2))


class _Exact:
    """The velocity v of E[z0 | z_t] for z0 ~ N(mean, cov), with a mean (B, 2).

    `state` are the entries of z0 in (x, y), `condition` those of the variable that it is conditioned on.
    """

    process: GaussianDiffusion
    state: slice
    condition: slice

    def encode(self, value: Tensor | None, batch: int) -> tuple[Tensor, np.ndarray]:
        mean = torch.tensor(MEAN[self.state]).expand(batch, 2)
        if value is None:
            return mean, COV[self.state, self.state]
        shift = (value.reshape(batch, 2) - torch.tensor(MEAN[self.condition])) @ torch.tensor(
            gain(self.state, self.condition).T
        )
        return mean + shift, conditional(self.state, self.condition)

    def velocity(self, z_t: Tensor, t: Tensor, code: tuple[Tensor, np.ndarray]) -> Tensor:
        mean, cov = code
        abar = float(self.process.alpha_bar[round(float(t) * self.process.T)])
        flat = z_t.reshape(len(z_t), 2)
        z0 = mean + (flat - abar**0.5 * mean) @ torch.tensor(clean_gain(cov, abar).T)
        return ((abar**0.5 * flat - z0) / (1 - abar) ** 0.5).reshape(z_t.shape)


class ExactSignal(SignalDenoiser, _Exact):
    """The exact denoiser of x0 given y0, or of x0 alone where there are no logits."""

    state, condition = X, Y

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
    """The exact denoiser of y0 given x0, or of y0 alone where the signal is x_cor."""

    state, condition = Y, X

    def __init__(self, process: GaussianDiffusion) -> None:
        super().__init__()
        self.process = process

    def encode_signals(self, x: Tensor, y_of_x: Tensor, x_cor: Tensor) -> object:
        return self.encode(None if torch.equal(x, x_cor) else x, len(x))

    def forward(self, y_t: Tensor, t: Tensor, signals: object) -> Tensor:
        return self.velocity(y_t, t, signals)


class UnitNoise:
    """Noise that is zero for row 0, and for every other row a single 1, at another position each.

    The rows that come out are then an affine map of all noise, column by column.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.next_row = rows, 1

    def split(self, stream: str) -> UnitNoise:
        return self

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        noise = torch.zeros(self.rows, math.prod(shape), dtype=torch.float64)
        unit_rows = noise[self.next_row : self.next_row + noise.shape[1]]
        unit_rows.copy_(torch.eye(noise.shape[1])[: len(unit_rows)])
        self.next_row += noise.shape[1]
        return noise.reshape(self.rows, *shape)


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


def joint_state(outcome: Outcome) -> np.ndarray:
    """(x, y) of each sample, (B, 4)."""
    return torch.cat([outcome.x.flatten(1), outcome.y], dim=1).numpy()


def engine_moments(moves, T: int) -> tuple[np.ndarray, np.ndarray]:
    """The exact mean and covariance of (x, y) at the end of a schedule."""
    moves = list(moves)
    rows = 1 + 2 * sum(isinstance(move, Start | Update) for move in moves)
    ends = joint_state(run(moves, T, UnitNoise(rows), rows))
    columns = ends[1:] - ends[0]
    return ends[0], columns.T @ columns


class Moments:
    """Mean and covariance of both states, both clean estimates and the conditions of both processes."""

    NAMES = ("x", "y", "x_hat", "y_hat", "condition_x", "condition_y")

    def __init__(self, T: int, eta: int, temperature: float = 1.0) -> None:
        self.T, self.eta, self.abar = T, eta, cosine_alpha_bar(T).numpy()
        self.temperature = temperature
        size = 2 * len(self.NAMES)
        self.mean, self.cov = np.zeros(size), np.zeros((size, size))
        self.guided = {"x": False, "y": False}

    def put(self, name: str, terms=None, constant=0.0, variance: float = 0.0) -> None:
        """Set a variable to the sum of matrix @ variable over `terms`, plus a constant, plus noise of that
        variance.
        """
        rows = self._rows(name)
        update = np.eye(len(self.mean))
        update[rows] = 0
        for term, matrix in (terms or {}).items():
            update[rows, self._rows(term)] = matrix
        self.mean, self.cov = update @ self.mean, update @ self.cov @ update.T
        self.mean[rows] += constant
        self.cov[rows, rows] += variance * np.eye(2)

    def guide(self, process: str, by: str | None = None, constant=0.0) -> None:
        """Condition the process on a copy of the variable `by`, or on a constant."""
        condition = "condition_y" if process == "x" else "condition_x"
        self.put(condition, {} if by is None else {by: np.eye(2)}, constant)
        self.guided[process] = True

    def step(self, name: str, t: int, s: int) -> None:
        """z0_hat = E[z0 | z_t, condition], then z_s ~ q(z_s | z_t, z0_hat)."""
        u, v = (X, Y) if name == "x" else (Y, X)
        condition = "condition_y" if name == "x" else "condition_x"
        abar, eye = self.abar[t], np.eye(2)
        if self.guided[name]:
            G = clean_gain(conditional(u, v), abar)
            mean_gain, condition_gain = eye - abar**0.5 * G, gain(u, v)
            terms = {name: G, condition: mean_gain @ condition_gain}
            self.put(f"{name}_hat", terms, mean_gain @ (MEAN[u] - condition_gain @ MEAN[v]))
        else:
            G = clean_gain(COV[u, u], abar)
            self.put(f"{name}_hat", {name: G}, (eye - abar**0.5 * G) @ MEAN[u])
        hat_factor, state_factor, variance = self._posterior(abar, self.abar[s])
        terms = {name: state_factor * eye, f"{name}_hat": hat_factor * eye}
        self.put(name, terms, 0.0, variance * self.temperature**2)

    def _posterior(self, abar_t: float, abar_s: float) -> tuple[float, float, float]:
        """The factors of z0_hat and z_t in the mean of q(z_s | z_t, z0_hat), and its variance.

        DDPM: Ho et al. 2020, eq. 7. DDIM: Song et al. 2021, eq. 12 with sigma = 0.
        """
        if self.eta == 1:
            alpha = abar_t / abar_s
            hat_factor = abar_s**0.5 * (1 - alpha) / (1 - abar_t)
            state_factor = alpha**0.5 * (1 - abar_s) / (1 - abar_t)
            return hat_factor, state_factor, (1 - alpha) * (1 - abar_s) / (1 - abar_t)
        ratio = ((1 - abar_s) / (1 - abar_t)) ** 0.5
        return abar_s**0.5 - ratio * abar_t**0.5, ratio, 0.0

    def trajectory(self, name: str, steps: int) -> None:
        """Propagate a trajectory of the process, from its prior to its clean end."""
        self.put(name, variance=1.0)
        for t, s in pairwise(self.levels(steps)):
            self.step(name, t, s)

    def levels(self, steps: int) -> list[int]:
        """The selected noise levels of so many steps."""
        return [round(self.T * (1 - i / steps)) for i in range(steps + 1)]

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of (x, y)."""
        return self.mean[:4], self.cov[:4, :4]

    def _rows(self, name: str) -> slice:
        first = 2 * self.NAMES.index(name)
        return slice(first, first + 2)
