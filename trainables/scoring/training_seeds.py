"""Intervals and p-values of points that were trained at several seeds: training seeds and samples both vary.

Each training seed s answers the same samples i, so the scores (S, N) are crossed: score = mean + seed +
sample + what is left, all but the mean random. Statistics over samples alone take the training as fixed;
they are too narrow for a claim about the method, whose accuracy varies between seeds (Bouthillier et al.,
"Accounting for variance in machine learning benchmarks", MLSys 2021). A bootstrap of seeds and samples
(Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 2007) has the right components, but two or three seeds
are too few to resample. So the components are estimated as in the two-way analysis of variance (Searle,
Casella and McCulloch, "Variance components", 1992), and the half-widths that each would have alone, by
Student's quantile of its own degrees of freedom, are added as squares. For normal scores this covers at
least at the level (Banerjee, Sankhya 1961); arms of different lengths are added in the same way (Zou and
Donner, Stat. Med. 2008). With two seeds Student's quantile is 12.7: intervals are wide, and cover more often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainables.core.errors import UsageError
from trainables.scoring.quantiles import student_quantile
from trainables.scoring.statistics import LEVEL

_SMALLEST_LOG_P = -230.0  # natural logarithm: p-values from 1e-100 are told apart


@dataclass(frozen=True)
class Components:
    """Components of the variance of a mean over training seeds and samples.

    Args:
        seeds: the variance of the mean of the seeds' own means. It includes what is left of the scores
            once seeds and samples are accounted for.
        samples: the variance that is due to samples which score alike at every seed.
        samples_share: `samples` divided by the variance over samples if training were fixed, in [0, 1].
        seed_count, sample_count: how many there are, S and N.
    """

    seeds: float
    samples: float
    samples_share: float
    seed_count: int
    sample_count: int

    def half_width(self, p: float) -> float:
        """Half the width of the mean's interval at the confidence level 1 - p, p in (0, 1]."""
        return math.sqrt(
            self.samples * _quantile(p, self.sample_count) ** 2
            + self.seeds * _quantile(p, self.seed_count) ** 2
        )


def components(scores: np.ndarray) -> Components:
    """The variance components of scores (S, N) of S training seeds and N samples.

    Raises:
        UsageError: there are fewer than two seeds.
    """
    seed_count, sample_count = scores.shape
    if seed_count < 2:
        raise UsageError("the variance between training seeds needs two seeds or more, not one")
    seed_means, sample_means = scores.mean(axis=1), scores.mean(axis=0)
    seeds = float(seed_means.var(ddof=1)) / seed_count
    if sample_count < 2:
        return Components(seeds, 0.0, 0.0, seed_count, sample_count)
    fixed = float(sample_means.var(ddof=1)) / sample_count
    left = scores - seed_means[:, None] - sample_means[None, :] + scores.mean()
    freedom = (seed_count - 1) * (sample_count - 1)
    interaction = float((left**2).sum()) / freedom / (seed_count * sample_count)
    samples = max(0.0, fixed - interaction)
    share = samples / fixed if fixed > 0 else 0.0
    return Components(seeds, samples, share, seed_count, sample_count)


def widened(value: float, interval: tuple[float, float], scores: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a mean over training seeds and samples.

    It is never narrower than the interval that takes training as fixed.

    Args:
        value: the mean over seeds and samples.
        interval: its 95 % interval over samples, training as fixed; it contains the value.
        scores: of each training seed and sample, (S, N); their mean need not be the value.
    """
    parts = components(scores)
    reach = _quantile(1 - LEVEL, parts.seed_count) ** 2 * parts.seeds
    down, up = value - interval[0], interval[1] - value
    down, up = (max(a, math.sqrt(parts.samples_share * a * a + reach)) for a in (down, up))
    return value - down, value + up


def two_sided_p(difference: float, scores: np.ndarray, p_value: float) -> float:
    """The two-sided p-value of a mean difference over training seeds and samples.

    It is one less the highest level at which the interval of the components leaves out 0, and never below
    `p_value`.

    Args:
        difference: the mean difference over seeds and samples.
        scores: differences of each training seed and sample, (S, N).
        p_value: that of a test over samples, training as fixed.
    """
    parts = components(scores)
    if difference == 0:
        return 1.0

    def excess(log_p: float) -> float:
        return parts.half_width(math.exp(log_p)) - abs(difference)

    if excess(_SMALLEST_LOG_P) < 0:
        return p_value
    from scipy import optimize

    root: float = optimize.brentq(excess, _SMALLEST_LOG_P, 0.0, xtol=1e-10)
    return max(p_value, math.exp(root))


def _quantile(p: float, count: int) -> float:
    """What Student's t of `count` values exceeds in absolute value with probability p; 0 for one value,
    which has no spread.
    """
    return -student_quantile(p / 2, count - 1) if count > 1 else 0.0
