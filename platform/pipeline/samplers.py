"""The samplers that a search may ask for its points: Optuna's own, by name, each with a seed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from platform.pipeline.bounded_tpe import BoundedTPE

import optuna
from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
)

_RANDOM_TRIALS = 8
"""Trials that are drawn at random before a model of the others is made."""
_POPULATION = 12
"""The size of a generation: Optuna's own 50 would make all of a search of 24 trials random."""


def _tpe(seed: int) -> BaseSampler:
    """Optuna's tree-structured Parzen estimator, of all parameters on a path through the space together."""
    return BoundedTPE(
        seed=seed, multivariate=True, group=True, constant_liar=True,
        n_startup_trials=_RANDOM_TRIALS, warn_independent_sampling=False,
    )  # fmt: skip


def _gp(seed: int) -> BaseSampler:
    """A Gaussian process of the parameters that every point has; the conditional ones are drawn at random."""
    return GPSampler(seed=seed, n_startup_trials=_RANDOM_TRIALS, warn_independent_sampling=False)


SAMPLERS: Mapping[str, Callable[[int], BaseSampler]] = {
    "tpe": _tpe,
    "nsga2": lambda seed: NSGAIISampler(seed=seed, population_size=_POPULATION),
    "nsga3": lambda seed: NSGAIIISampler(seed=seed, population_size=_POPULATION),
    "gp": _gp,
    "random": lambda seed: RandomSampler(seed=seed),
}
"""What makes a sampler of a seed, by the names in `platform.planning.plan.SAMPLERS`."""


def sampler_of(name: str, seed: int) -> BaseSampler:
    """The sampler of that name, with a seed below 2**32."""
    with warnings.catch_warnings():
        # What conditional spaces need of TPE and the third NSGA are marked experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[name](seed)
