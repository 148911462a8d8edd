"""Word errors counted by hand, and intervals that hold what they promise."""

import numpy as np
import pytest
from scipy import stats

from trainables.core.errors import UsageError
from trainables.scoring.statistics import wilson
from trainables.scoring.word_error import errors, interval, paired_difference, wer

REFERENCES = ["The cat sat on the mat.", "Colour it, please!", "seven", "go", ""]
HYPOTHESES = ["the cat sat the mat", "color it please", "7", "no go", "well then"]


def test_errors_are_counted_as_by_hand():
    """A deletion; spelling, case, punctuation, digits are no errors; an insertion; nothing was said."""
    wrong, words = errors(REFERENCES, HYPOTHESES)
    assert wrong.tolist() == [1, 0, 0, 1, 2] and words.tolist() == [6, 3, 1, 1, 0]
    assert wer(wrong, words) == pytest.approx(4 / 11)


def test_substitutions_and_runs_of_errors():
    wrong, words = errors(["a b c d e f", "a b c"], ["a x y d", "x y z a b c w"])
    assert wrong.tolist() == [4, 4] and words.tolist() == [6, 3]


def test_hypotheses_must_match():
    with pytest.raises(UsageError, match="1 references and 2"):
        errors(["a"], ["a", "b"])
    with pytest.raises(UsageError, match="0 references"):
        errors([], [])
    with pytest.raises(UsageError, match="they have none"):
        wer(*errors([""], ["a"]))
    with pytest.raises(UsageError, match="same utterances"):
        paired_difference(np.zeros(2), np.zeros(3), np.ones(3))


def _utterances(rng, count, rate, lengths=(3, 13)):
    """Utterances of different difficulty; the mean of their error rates is `rate`."""
    words = rng.integers(*lengths, size=count)
    return rng.binomial(words, rng.beta(2 * rate, 2 * (1 - rate), size=count)), words


def test_the_interval_covers_at_its_level():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(100):
        low, high = interval(*_utterances(rng, 150, 0.2))
        covered += low <= 0.2 <= high
    assert covered >= 88


def test_the_interval_is_wider_than_words_taken_for_independent():
    wrong, words = _utterances(np.random.default_rng(1), 300, 0.2)
    low, high = interval(wrong, words)
    naive_low, naive_high = wilson(wer(wrong, words), words.sum())
    assert low < wer(wrong, words) < high and high - low > 1.3 * (naive_high - naive_low)
    assert interval(wrong, words) == (low, high) != interval(wrong, words, seed=1)


@pytest.mark.parametrize("count", [2, 40, 1001])
def test_the_interval_is_scipys_bootstrap(count):
    """Also where the resamples of so many utterances have been drawn before."""
    wrong, words = _utterances(np.random.default_rng(count), count, 0.3)
    wrong[0] = words[0]  # not all alike
    expected = stats.bootstrap(
        (wrong, words), lambda e, w, axis: e.sum(axis=axis) / w.sum(axis=axis), paired=True,
        batch=500, method="percentile", rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    for _ in range(2):
        found = interval(wrong, words, seed=3)
        assert found == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_without_spread_the_interval_is_wilsons():
    assert interval(np.zeros(50), np.full(50, 4)) == wilson(0.0, 50)
    assert interval(np.full(50, 4), np.full(50, 4)) == wilson(1.0, 50)
    assert interval(np.full(5, 2), np.ones(5)) == (2.0, 2.0)


def test_a_paired_difference_sees_what_separate_intervals_hide():
    rng = np.random.default_rng(2)
    other, words = _utterances(rng, 300, 0.3)
    ours = other - rng.binomial(other, 0.1)
    found = paired_difference(ours, other, words)
    assert found.difference == pytest.approx(wer(ours, words) - wer(other, words))
    assert found.low < found.difference < found.high < 0 and found.p_value < 0.001
    assert interval(ours, words)[1] > interval(other, words)[0], "their intervals overlap"
    mirrored = paired_difference(other, ours, words)
    assert mirrored.difference == -found.difference and mirrored.p_value == found.p_value


def test_equal_systems_do_not_differ():
    wrong, words = _utterances(np.random.default_rng(3), 40, 0.3)
    same = paired_difference(wrong, wrong, words)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(40):
        a, words = _utterances(rng, 40, 0.3)
        b = rng.binomial(words, a / words)
        p_values.append(paired_difference(a, b, words).p_value)
    assert np.mean(np.array(p_values) < 0.1) < 0.25
