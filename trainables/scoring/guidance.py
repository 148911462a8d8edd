"""The measures of a guiding classifier at a diffusion step: cross-entropy, conditional KL, guidance error.

Sahu, Banerjee and Wu, "Provably reliable classifier guidance via cross-entropy control" (2026): a classifier
whose conditional KL divergence from the true posterior is epsilon^2 at a step has guidance vectors with a
mean squared error of O~(d epsilon) there, up to constants and logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainables.scoring.power_law import Exponent, LawPoint, exponents


@dataclass(frozen=True)
class StepGuidance:
    """What a guiding classifier is at one diffusion step, against the true posterior; in nats.

    Args:
        level: the noise level t of the step, above 0.
        cross_entropy: E -log p_hat(c | x_t).
        entropy: the cross-entropy of the true posterior, the least that any classifier has.
        kl: epsilon^2, E KL(p(. | x_t) || p_hat(. | x_t)); cross_entropy - entropy.
        guidance_error: E |grad log p_hat(c | x_t) - grad log p(c | x_t)|^2, summed over coordinates.
        guidance_size: E |grad log p(c | x_t)|^2, the error of a classifier that does not guide.
    """

    level: int
    cross_entropy: float
    entropy: float
    kl: float
    guidance_error: float
    guidance_size: float

    @property
    def epsilon(self) -> float:
        """The root of the conditional KL divergence."""
        return math.sqrt(max(self.kl, 0.0))

    def ratio(self, dimensions: int) -> float:
        """The guidance error over d epsilon: the least constant with which the bound holds at this step;
        infinite where epsilon is 0 and the error is not.
        """
        curve = dimensions * self.epsilon
        if curve > 0:
            return self.guidance_error / curve
        return math.inf if self.guidance_error > 0 else 0.0


@dataclass(frozen=True)
class MeasuredGuide:
    """A trained guiding classifier of a mixture at all diffusion steps.

    Args:
        dimensions: d of the mixture.
        updates: the length of its training.
        seed: the number of the mixture and its training.
        steps: what it is at each step, from the noisiest.
    """

    dimensions: int
    updates: int
    seed: int
    steps: tuple[StepGuidance, ...]


@dataclass(frozen=True)
class GuidanceLaw:
    """How the guidance error follows epsilon and d over classifiers, and how it lies to the curve d epsilon.

    The bound is not known to a constant and logarithms, so a slope below the curve's over some lengths does
    not contradict it; as epsilon goes to 0, it would.

    Args:
        slope: the exponent of epsilon over training lengths at the same step and d, all steps together.
        slope_of_means: the same of the means of error and KL divergence over all steps.
        slopes: the exponent at each step alone, by its level; None with several d.
        dimension: the exponent of d at the same step and epsilon, 1 for the bound; None for one d alone.
        lowest_ratio, highest_ratio: the error over d epsilon, over all classifiers and steps; the highest
            is the least constant with which the bound holds for all of them.
        highest_level, highest_dimensions: t and d of the step with the highest ratio.
        share_below: of the classifiers' steps, how many have an error below d epsilon, the curve with the
            constant 1.
    """

    slope: Exponent
    slope_of_means: Exponent
    slopes: Mapping[int, Exponent] | None
    dimension: Exponent | None
    lowest_ratio: float
    highest_ratio: float
    highest_level: int
    highest_dimensions: int
    share_below: float


def law_of(guides: Sequence[MeasuredGuide]) -> GuidanceLaw:
    """The law of these classifiers, at two or more training lengths.

    Raises:
        UsageError: there are too few classifiers for a slope.
    """
    pairs = [(guide, step) for guide in guides for step in guide.steps]
    several = len({guide.dimensions for guide in guides}) > 1
    ratios = [step.ratio(guide.dimensions) for guide, step in pairs]
    highest = max(range(len(ratios)), key=lambda i: ratios[i])
    points = [_point(guide, step) for guide, step in pairs]
    return GuidanceLaw(
        slope=exponents(points)["epsilon"],
        slope_of_means=exponents([_mean_point(guide) for guide in guides])["epsilon"],
        slopes=None if several else _slopes(pairs),
        dimension=_dimension_exponent(pairs) if several else None,
        lowest_ratio=min(ratios),
        highest_ratio=ratios[highest],
        highest_level=pairs[highest][1].level,
        highest_dimensions=pairs[highest][0].dimensions,
        share_below=sum(ratio < 1 for ratio in ratios) / len(ratios),
    )


_Pair = tuple[MeasuredGuide, StepGuidance]


def _point(guide: MeasuredGuide, step: StepGuidance) -> LawPoint:
    """A step of a classifier; those at the same level in the same dimension are a group."""
    group = guide.dimensions, step.level
    return LawPoint({"epsilon": step.epsilon}, step.guidance_error, group, guide.seed)


def _mean_point(guide: MeasuredGuide) -> LawPoint:
    """The means over the steps of a classifier."""
    kl = sum(step.kl for step in guide.steps) / len(guide.steps)
    error = sum(step.guidance_error for step in guide.steps) / len(guide.steps)
    return LawPoint({"epsilon": math.sqrt(max(kl, 0.0))}, error, guide.dimensions, guide.seed)


def _slopes(pairs: Sequence[_Pair]) -> dict[int, Exponent]:
    """The exponent of epsilon at each level alone."""
    levels = dict.fromkeys(step.level for _, step in pairs)
    return {
        level: exponents([_point(guide, step) for guide, step in pairs if step.level == level])[
            "epsilon"
        ]
        for level in levels
    }


def _dimension_exponent(pairs: Sequence[_Pair]) -> Exponent:
    """The exponent of d at the same level and epsilon."""
    points = [
        LawPoint(
            {"epsilon": step.epsilon, "d": guide.dimensions},
            step.guidance_error,
            step.level,
            guide.seed,
        )
        for guide, step in pairs
    ]
    return exponents(points)["d"]
