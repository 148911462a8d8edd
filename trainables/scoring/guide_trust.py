"""Where guidance can be trusted on data whose true posterior is not known, from cross-entropies alone.

The cross-entropy of a guide at a step is H_t + epsilon_t^2: the entropy of the class given what the guide
sees there, which nobody knows, and the conditional KL divergence, by which Sahu, Banerjee and Wu (2026) bound
the guidance error. H_t does not fall as noise is added, which bounds epsilon_t^2 from both sides:

- from below: H_t is at most every cross-entropy that was measured with as much noise or more, and at most the
  entropy of the class alone, so what is above the least of these is error;
- from above: H_t is taken to be at least the least cross-entropy of all that were measured, that of clean
  signals among them. This is an estimate, since that one has an error too; the sure bound is the
  cross-entropy itself, as H_t is at least 0. At noisy steps, where H_t is large, it overstates the error by
  much: a guide that is not trusted there need not be wrong, but it tells little of the class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainables.scoring.quantiles import normal_quantile
from trainables.scoring.statistics import LEVEL

TRUSTED, TELLS_LITTLE, MISLEADS = "trusted", "tells little", "misleads"
SHARE = 0.5
"""The share of what the best guide knows of the class that a guide must know to be trusted at a step."""
_MARGIN = 0.02
"""The same share by which a guide must be worse than knowing nothing to mislead, beyond chance: one that says
nearly the same of every sample has next to no interval.
"""


@dataclass(frozen=True)
class Mean:
    """The mean of a number over samples with its 95 % interval."""

    value: float
    low: float
    high: float


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of some samples, with the normal interval; they are one at least."""
    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) < 2:
        return Mean(mean, -math.inf, math.inf)
    half = normal_quantile((1 + LEVEL) / 2) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return Mean(mean, mean - half, mean + half)


@dataclass(frozen=True)
class GuideStep:
    """What a guide is at one step.

    Args:
        level: the noise level t, a number of images, a time in [0, 1] of speech.
        cross_entropy: of the labels of validation samples, nats.
        accuracy: the share of samples whose most probable class is the label.
    """

    level: float
    cross_entropy: Mean
    accuracy: float


@dataclass(frozen=True)
class StepTrust:
    """Whether a guide can be trusted at a step.

    Args:
        kl_low, kl_high: the bounds on epsilon^2, from below and, as an estimate, from above.
        information: the share of what the best guide knows of the class that this one knows here; below 0
            where knowing nothing were better, 0 where no guide knows anything.
        verdict: TRUSTED, TELLS_LITTLE, or MISLEADS where it is worse than knowing nothing, beyond chance.
    """

    kl_low: float
    kl_high: float
    information: float
    verdict: str


def trust_of(
    steps: Sequence[GuideStep], uninformed: float, best: float, ceiling: float = math.inf
) -> list[StepTrust]:
    """Whether a guide can be trusted at each of its steps.

    Args:
        steps: of one guide, from the noisiest.
        uninformed: the cross-entropy of knowing nothing but the classes' frequencies.
        best: the least cross-entropy that was measured, of clean signals among others.
        ceiling: a cross-entropy of what the guide sees at every step beside x_t, if there is such a thing.
    """
    trust, least = [], min(uninformed, ceiling)
    for step in steps:
        value = step.cross_entropy.value
        least = min(least, value)
        known = max(0.0, uninformed - best)
        information = (uninformed - value) / known if known else 0.0
        misleads = step.cross_entropy.low > uninformed and value - uninformed > _MARGIN * known
        verdict = TRUSTED if information >= SHARE else MISLEADS if misleads else TELLS_LITTLE
        trust.append(StepTrust(value - least, max(0.0, value - best), information, verdict))
    return trust


def trusted_range(trust: Sequence[StepTrust]) -> tuple[float, float] | None:
    """The longest run of trusted steps as fractions of all steps, from where and up to where; the later one
    of two that are equally long, None where no step is trusted.
    """
    runs, first = [], 0
    for number, step in enumerate([*trust, None]):
        if step is None or step.verdict != TRUSTED:
            if number > first:
                runs.append((number - first, first, number))
            first = number + 1
    if not runs:
        return None
    _, first, end = max(runs)
    return first / len(trust), end / len(trust)
