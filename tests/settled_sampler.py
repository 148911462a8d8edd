"""A small system of exact denoisers, on which chains are settled by luck."""

from __future__ import annotations

import torch
from helpers import ExactLogit, ExactSignal

from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of
from trainables.task.members import lent_logit

T, BATCH, SCALE = 8, 12, 10.0
SHAPE, LOGIT_SHAPES = (1, 2, 2), [(3,), (2, 3)]


def system_of(logit_shape, part=None):
    """The system, in which the logit denoiser is that of a part, or one that is no part's."""
    process = GaussianDiffusion(T)
    lent = {"card": ExactLogit(process, 0.36)}

    def classify(x):
        values = x.flatten(1)[:, : logit_shape[-1]]
        return values if len(logit_shape) == 1 else torch.stack([values, values.flip(1)], dim=1)

    return CoupledSystem(
        classify,
        process,
        process,
        ExactSignal(process, 0.09),
        lent.get(part, ExactLogit(process, 0.04)),
        lent={lent_logit(name): denoiser for name, denoiser in lent.items()},
        restored=lambda y: SCALE * y + torch.tensor([0.5, 0.0, -0.5]),
    )


class Sampler:
    """Runs schedules on one system with a cache, or without; `part` is whose logit denoiser it has."""

    def __init__(self, logit_shape=LOGIT_SHAPES[0], cache=None, part=None):
        self.system, self.cache, self.meter = system_of(logit_shape, part), cache, Meter()
        self.engine = Engine(self.system, logit_shape, self.meter)

    def run(self, name, point, indices=range(BATCH), observer=None):
        noise = SampleNoise(0, list(indices))
        x_cor = noise.split("corruption").normal(SHAPE) / 3
        batch = x_cor if self.cache is None else self.cache.batch("key", lambda: x_cor)
        self.meter.reset()
        moves = schedule_of(name, point)
        outcome = self.engine.run(moves, batch, noise.split("sampling"), observer)
        return outcome, self.meter.reading()


def close(ours, theirs):
    for field in ("y", "x", "deviation"):
        torch.testing.assert_close(
            getattr(ours, field), getattr(theirs, field), atol=1e-5, rtol=1e-5
        )
