"""Intervals and tests over training seeds and samples, against known truth."""

import math

import numpy as np
import pytest
from scipy import stats

from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import (
    paired,
    paired_over_seeds,
    summary,
    summary_over_seeds,
)
from trainables.scoring.metric_names import METRIC_OF_KIND
from trainables.scoring.training_seeds import components, two_sided_p, widened

WER = METRIC_OF_KIND["speech"]
ROUNDS = 400
BINOMIAL_ERROR = 2.6 * math.sqrt(0.95 * 0.05 / ROUNDS)
"""How far a fraction of rounds may be from 95 % by chance: one time in a hundred it is farther."""
REGIMES = {
    "no seeds": (0.0, 0.4, 0.2),
    "samples and seeds": (0.02, 0.4, 0.2),
    "seeds": (0.1, 0.4, 0.2),
    "interaction": (0.0, 0.0, 0.4),
}
"""Standard deviations between seeds, between samples and of what is left."""


def _answers(correct):
    return [
        Measurement({}, {}, "".join("01"[int(c)] for c in row), {"nfe": 2.0}) for row in correct
    ]


def _groups(correct):
    """Measurements of correct answers (S, R, N): training seeds, sampling seeds, samples."""
    return [_answers(seed) for seed in correct]


def _sentences(errors, words):
    correct = "".join("01"[int(e == 0)] for e in errors)
    return [Measurement({}, {}, correct, {"nfe": 2.0}, tuple(errors), tuple(words))]


def _scores(rng, seeds, samples, deviations):
    between_seeds, between_samples, rest = deviations
    return (
        between_seeds * rng.normal(size=(seeds, 1))
        + between_samples * rng.normal(size=(1, samples))
        + rest * rng.normal(size=(seeds, samples))
    )


def _fixed_interval(scores):
    means = scores.mean(axis=0)
    half = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means))
    return means.mean() - half, means.mean() + half


def test_components_are_those_of_the_analysis_of_variance():
    scores = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 5.0]])
    parts = components(scores)
    # by hand: seed means 2 and 3; sample means 1.5, 2, 4; what is left is 0, 0.5 and -0.5
    assert parts.seeds == pytest.approx(0.5 / 2)
    fixed, interaction = 1.75 / 3, (2 * 0.5) / 2 / 6
    assert parts.samples == pytest.approx(fixed - interaction)
    assert parts.samples_share == pytest.approx(1 - interaction / fixed)
    with pytest.raises(UsageError, match="two seeds or more"):
        components(scores[:1])


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("regime", REGIMES)
def test_intervals_cover_at_their_level(seeds, regime):
    """At least 95 % within binomial error. They are exact where one component rules; two seeds or a
    mixture of components make them wider.
    """
    rng = np.random.default_rng([seeds, list(REGIMES).index(regime)])
    covered = 0
    for _ in range(ROUNDS):
        scores = _scores(rng, seeds, 200, REGIMES[regime])
        low, high = widened(float(scores.mean()), _fixed_interval(scores), scores)
        covered += low <= 0 <= high
    assert covered / ROUNDS >= 0.95 - BINOMIAL_ERROR
    if regime in ("no seeds", "seeds") and seeds == 10:
        assert covered / ROUNDS <= 0.95 + BINOMIAL_ERROR


def test_training_taken_as_fixed_would_not_cover():
    """What the intervals over samples alone do, for the same scores: the seeds' component is needed."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(ROUNDS):
        low, high = _fixed_interval(_scores(rng, 3, 200, REGIMES["seeds"]))
        covered += low <= 0 <= high
    assert covered / ROUNDS < 0.7


@pytest.mark.parametrize("seeds", [3, 6])
def test_the_interval_of_accuracy_covers_over_seeds_and_images(seeds):
    """Images differ in difficulty and training seeds in ability; the truth is known by integration."""
    rng, covered = np.random.default_rng(seeds), 0
    draws = rng.normal(1.2, 1, 400_000) + rng.normal(0, 0.3, 400_000)
    truth = stats.norm.cdf(draws).mean()
    for _ in range(ROUNDS):
        ability, easiness = rng.normal(0, 0.3, (seeds, 1, 1)), rng.normal(1.2, 1, 200)
        chance = np.broadcast_to(stats.norm.cdf(ability + easiness), (seeds, 2, 200))
        values = summary_over_seeds(_groups(rng.random(chance.shape) < chance))
        covered += values["accuracy_low"] <= truth <= values["accuracy_high"]
    assert covered / ROUNDS >= 0.95 - BINOMIAL_ERROR


def test_p_values_of_equal_methods_are_small_no_more_often_than_they_say():
    rng, rejected = np.random.default_rng(5), 0
    for _ in range(ROUNDS):
        scores = _scores(rng, 3, 200, REGIMES["samples and seeds"])
        fixed = stats.ttest_1samp(scores.mean(axis=0), 0).pvalue
        rejected += two_sided_p(float(scores.mean()), scores, fixed) < 0.05
    assert rejected / ROUNDS <= 0.05 + BINOMIAL_ERROR


def test_p_values_are_small_where_intervals_leave_out_zero():
    rng = np.random.default_rng(6)
    for shift in np.linspace(-0.2, 0.2, 21):
        scores = _scores(rng, 4, 100, REGIMES["samples and seeds"]) + shift
        mean = float(scores.mean())
        fixed = stats.ttest_1samp(scores.mean(axis=0), 0).pvalue
        low, high = widened(mean, _fixed_interval(scores), scores)
        assert (two_sided_p(mean, scores, fixed) < 0.05) == (not low <= 0 <= high)


def test_p_values_where_only_seeds_vary_are_students():
    means = np.array([0.01, 0.02, 0.04])
    scores = np.repeat(means[:, None], 50, axis=1)
    expected = stats.ttest_1samp(means, 0).pvalue
    assert two_sided_p(float(means.mean()), scores, 1e-9) == pytest.approx(expected)
    assert two_sided_p(0.02, np.full((3, 50), 0.02), 1e-9) == 1e-9  # nothing varies
    assert two_sided_p(0.0, scores - scores, 1.0) == 1.0


def test_one_training_seed_is_measured_as_before():
    rng = np.random.default_rng(7)
    ours, others = (rng.random((2, 60)) < 0.7 for _ in range(2))
    assert summary_over_seeds([_answers(ours)]) == summary(_answers(ours))
    assert paired_over_seeds([_answers(ours)], [_answers(others)]) == paired(
        _answers(ours), _answers(others)
    )


def test_seeds_that_agree_leave_the_interval_over_images():
    """A second seed with the same answers says nothing new, and nothing varies between seeds."""
    answers = np.random.default_rng(8).random((1, 80)) < 0.7
    assert summary_over_seeds(_groups([answers, answers])) == summary(_answers(answers))


def test_seeds_are_pooled_and_make_the_interval_wider():
    rng = np.random.default_rng(9)
    correct = np.stack([rng.random((2, 100)) < chance for chance in (0.6, 0.7, 0.8)])
    pooled, fixed = summary_over_seeds(_groups(correct)), summary(_answers(correct.reshape(6, 100)))
    assert pooled["accuracy"] == pytest.approx(correct.mean()) and pooled["nfe"] == 2.0
    assert pooled["accuracy_low"] < fixed["accuracy_low"]
    assert fixed["accuracy_high"] < pooled["accuracy_high"] <= 1
    perfect = summary_over_seeds(_groups(np.ones((3, 1, 50), bool)))
    assert perfect["accuracy_high"] == 1 and 0.9 < perfect["accuracy_low"] < 1


def test_a_gain_at_every_seed_is_told_from_one_at_a_single_seed():
    rng = np.random.default_rng(10)
    baseline = rng.random((3, 1, 400)) < 0.6
    better = baseline | (rng.random((3, 1, 400)) < 0.25)
    lucky = baseline.copy()
    lucky[0] |= rng.random((1, 400)) < 0.75
    everywhere = paired_over_seeds(_groups(better), _groups(baseline))
    once = paired_over_seeds(_groups(lucky), _groups(baseline))
    assert everywhere.p_value < 0.05 and everywhere.low > 0
    assert once.p_value > 0.05 and once.low < 0 < once.high
    assert (
        paired(_answers(lucky.reshape(3, 400)), _answers(baseline.reshape(3, 400))).p_value < 1e-6
    )


def test_shares_of_right_answers_differ_by_no_more_than_all():
    right, wrong = np.ones((2, 1, 8), bool), np.zeros((2, 1, 8), bool)
    wrong[0] = True  # the two training seeds could not differ more
    test = paired_over_seeds(_groups(right), _groups(wrong))
    assert (test.difference, test.low, test.high) == (0.5, -1.0, 1.0)


def test_word_error_rates_are_pooled_with_their_words():
    words = [
        (2, 3, 5, 4),
        (2, 3, 5, 4),
        (2, 3, 5, 5),
    ]  # another classifier may hear another reference
    errors = [(1, 0, 2, 1), (2, 1, 2, 1), (0, 0, 1, 1)]
    groups = [_sentences(e, w) for e, w in zip(errors, words, strict=True)]
    values = summary_over_seeds(groups, WER)
    assert values["wer"] == pytest.approx(12 / 43) and values["accuracy"] == 1 - values["wer"]
    assert 0 <= values["wer_low"] < values["wer"] < values["wer_high"]
    fewer = [
        _sentences([max(0, e - 1) for e in row], w) for row, w in zip(errors, words, strict=True)
    ]
    test = paired_over_seeds(fewer, groups)
    assert test.difference == pytest.approx(9 / 43) and test.low < test.difference < test.high
    assert paired_over_seeds(groups, groups).p_value == 1.0
    with pytest.raises(UsageError, match="same utterances"):
        paired_over_seeds(groups, [groups[2], *groups[1:]])


def test_the_interval_of_the_word_error_rate_covers():
    rng, rounds, covered = np.random.default_rng(11), 60, 0
    for _ in range(rounds):
        words = rng.integers(3, 10, 80)
        rates = np.clip(0.3 + rng.normal(0, 0.05, (4, 1)) + rng.normal(0, 0.08, 80), 0, 1)
        errors = rng.binomial(words, rates)
        values = summary_over_seeds([_sentences(e.tolist(), words.tolist()) for e in errors], WER)
        covered += values["wer_low"] <= 0.3 <= values["wer_high"]
    assert covered / rounds >= 0.95 - 2.6 * math.sqrt(0.95 * 0.05 / rounds)


def test_training_seeds_must_be_of_the_same_samples_and_samplings():
    one, two = _answers([[1, 0, 1]]), _answers([[1, 0, 1], [1, 1, 1]])
    for groups in ([one, two], [], [one, _answers([[1, 0]])], [[], []]):
        with pytest.raises(UsageError):
            summary_over_seeds(groups)
    with pytest.raises(UsageError, match="same seeds"):
        paired_over_seeds([one, one], [two])
