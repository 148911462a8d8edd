"""Intervals, tests and fronts against numbers known otherwise."""

import math

import numpy as np
import pytest
from scipy import stats

from dashboards.pareto import Reference, front, hypervolume, shared_reference
from trainables.core.errors import DamageWarning, UsageError
from trainables.evaluation.records import Measurement, RecordStore
from trainables.evaluation.summary import interval, paired, per_image, summary
from trainables.scoring.statistics import holm, sign_flip


def _measured(correct, **cost):
    return Measurement({"c": correct, **cost}, {}, correct, {"nfe": 1.0, **cost})


def test_an_image_is_the_unit():
    scores = per_image([_measured("1100"), _measured("1010")])
    assert scores.tolist() == [1.0, 0.5, 0.5, 0.0]
    with pytest.raises(UsageError):
        per_image([_measured("11"), _measured("1")])
    with pytest.raises(UsageError):
        per_image([])


def test_one_seed_gives_wilsons_interval():
    scores = np.array([1.0] * 83 + [0.0] * 17)
    low, high = interval(scores)
    exact = stats.binomtest(83, 100).proportion_ci(method="wilson")
    assert low == pytest.approx(exact.low, abs=0.003) and high == pytest.approx(
        exact.high, abs=0.003
    )


def test_seeds_of_the_same_answers_do_not_narrow_the_interval():
    scores = np.array([1.0] * 80 + [0.0] * 20)
    once = interval(scores)
    assert interval(np.mean([scores] * 5, axis=0)) == pytest.approx(once)
    independent = np.random.default_rng(0).binomial(10, 0.8, size=100) / 10
    narrow = interval(independent)
    assert narrow[1] - narrow[0] < 0.5 * (once[1] - once[0])


def test_the_interval_covers_at_its_level():
    """Clustered answers: images differ in difficulty, three seeds each."""
    rng, truth, covered = np.random.default_rng(1), 0.8, 0
    for _ in range(400):
        difficulty = rng.beta(4, 1, size=200)
        low, high = interval(rng.binomial(3, difficulty) / 3)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_intervals_at_the_edges_stay_inside(value):
    low, high = interval(np.full(50, value))
    assert 0 <= low <= value <= high <= 1 and high - low > 0.05


def test_paired_test_is_the_exact_permutation_test():
    ours, other = [_measured("1111110111")], [_measured("1101010111")]
    result = paired(ours, other)
    # two images differ, both our way: of the 4 signs of their sum, 2 are as extreme
    assert result.p_value == pytest.approx(0.5) and result.difference == pytest.approx(0.2)
    with pytest.raises(UsageError, match="same seeds"):
        paired(ours, other * 2)


@pytest.mark.parametrize("highest", [1, 3, 40])
def test_signs_are_flipped_as_scipy_flips_them_all(highest):
    """Counts that differ by 1 (one seed), by up to 3 (three), by many (errors of sentences)."""
    rng = np.random.default_rng(highest)
    for _ in range(20):
        difference = rng.integers(-highest, highest + 2, size=12)
        exact = stats.permutation_test(
            (difference,), np.sum, permutation_type="samples", n_resamples=np.inf
        )
        assert sign_flip(difference) == pytest.approx(exact.pvalue, abs=1e-12)


def test_one_seed_gives_the_exact_mcnemar_test_at_any_size():
    difference = np.repeat([1, -1, 0], [300, 220, 9480])
    exact = stats.binomtest(300, 520).pvalue
    assert sign_flip(difference) == pytest.approx(exact, rel=1e-6)
    assert sign_flip(np.repeat([5, 0], [9000, 1000])) < 1e-12


def test_paired_test_of_equal_answers_says_nothing():
    same = [_measured("1101")]
    result = paired(same, same)
    assert result.p_value == 1.0 and result.low <= 0 <= result.high
    with pytest.raises(UsageError, match="same samples"):
        paired(same, [_measured("110")])


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_summary_averages_cost_and_accuracy():
    values = summary([_measured("1100", nfe=4.0), _measured("1000", nfe=6.0)])
    assert values["accuracy"] == 0.375 and values["nfe"] == 5.0
    assert values["accuracy_low"] < 0.375 < values["accuracy_high"]


def test_front_by_hand():
    points = [(0.9, 10), (0.8, 5), (0.85, 20), (0.95, 30), (0.8, 5), (0.9, 8)]
    assert front(points) == [1, 5, 3]
    assert front([]) == []


def test_hypervolume_by_hand():
    reference = Reference(0.1, 100.0)
    assert hypervolume([], reference) == 0.0
    assert hypervolume([(1.0, 1.0)], reference) == pytest.approx(1.0)
    # two rectangles on the log axis: (0.5 - 0.1) from 1 to 100, then (0.9 - 0.5) from 10 to 100
    expected = (0.4 * math.log(100) + 0.4 * math.log(10)) / (0.9 * math.log(100))
    assert hypervolume([(0.5, 1.0), (0.9, 10.0), (0.4, 50.0)], reference) == pytest.approx(expected)
    assert hypervolume([(0.05, 1.0), (0.9, 200.0)], reference) == 0.0
    assert shared_reference(10, 150) == Reference(0.1, 1500.0)


def test_records_are_found_by_what_determines_them(tmp_path):
    store, made = RecordStore(tmp_path), _measured("0110")
    assert store.find(made.config) is None
    store.save(made)
    assert store.find(dict(reversed(made.config.items()))) == made
    assert store.get(made.key) == made and store.get("00" * 10) is None
    assert not list(tmp_path.rglob(".*.json*"))


def test_a_damaged_record_is_none_and_is_put_aside(tmp_path):
    """One bit of each byte in turn, and every cut: none is read as a record."""
    store, made = RecordStore(tmp_path), _measured("0110")
    path = store.save(made)
    content = path.read_bytes()
    flips = [
        content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :]
        for i in range(len(content))
    ]
    for damaged in [*flips, *(content[:end] for end in range(0, len(content) - 1, 7))]:
        path.write_bytes(damaged)
        with pytest.warns(DamageWarning, match="is measured again"):
            assert store.find(made.config) is None
        assert not path.exists()
        for aside in tmp_path.rglob("*.damaged-*"):
            aside.unlink()
    path.write_bytes(content)
    assert store.find(made.config) == made


def test_a_record_is_written_whole_or_not_at_all(tmp_path):
    store = RecordStore(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        store.save(_measured("01", nfe=float("nan")))
    assert not list(tmp_path.rglob("*.json"))
