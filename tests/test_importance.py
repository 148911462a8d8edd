"""Importance of sampling parameters, in made-up searches whose truth is known."""

from platform.comparison.importance import LEAST_TRIALS, importance
from platform.comparison.recorded import RecordedTrial

import numpy as np
import pytest


def _trials(count, seed, conditional=False):
    """Accuracy rises with `steps`, less with `answer`, and not with `eta`; `interval` is there where `switch`
    is above a half, and matters there if `conditional`.
    """
    rng, trials = np.random.default_rng(seed), []
    for number in range(count):
        point = {
            "steps": int(np.exp(rng.uniform(0, np.log(100)))),
            "answer": str(rng.choice(["x", "y"])),
            "eta": float(rng.uniform()),
            "corrections": 0,
        }
        accuracy = 0.6 + 0.05 * np.log(point["steps"]) + 0.05 * (point["answer"] == "y")
        if rng.uniform() > 0.5:
            point["interval"] = float(rng.choice([0.2, 0.5, 1.0]))
            accuracy -= 0.6 * point["interval"] * conditional
        trials.append(RecordedTrial(number, point, {"accuracy": accuracy, "nfe": 1.0}, ""))
    return trials


def _importance(*searches, seed=0):
    return importance(searches, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_what_matters_comes_first(seed):
    found = _importance(_trials(60, seed))
    assert list(found)[:2] == ["steps", "answer"] and "corrections" not in found
    assert next(iter(_importance(_trials(24, seed)))) == "steps"
    assert sum(found.values()) == pytest.approx(1) and min(found.values()) >= 0


def test_a_parameter_that_only_some_trials_have_counts():
    found = _importance(_trials(40, 1, conditional=True))
    assert next(iter(found)) == "interval" and found["steps"] > found["eta"]


def test_the_same_generator_finds_the_same():
    trials = _trials(20, 0)
    assert _importance(trials) == _importance(trials)
    assert {type(share) for share in _importance(trials).values()} == {float}  # not numpy's


def test_seeds_that_are_better_throughout_say_nothing_of_parameters():
    """At the second seed all is better by far, and `eta` is large there: it would seem to matter."""
    first, second = _trials(30, 0), _trials(30, 1)
    for one in second:
        one.point["eta"] += 1.0
        one.validation["accuracy"] += 10.0
    assert list(_importance(first, second))[:2] == ["steps", "answer"]


def test_of_few_trials_or_of_none_that_differ_nothing_is_said():
    assert _importance() == _importance([]) == _importance(_trials(LEAST_TRIALS - 1, 0)) == {}
    same = [RecordedTrial(n, {"steps": n}, {"accuracy": 0.5}, "") for n in range(20)]
    assert _importance(same) == {}
    fixed = [RecordedTrial(n, {"steps": 3}, {"accuracy": 0.1 * n}, "") for n in range(20)]
    assert _importance(fixed) == {}


def test_thousands_of_trials_are_looked_at_in_part():
    found = _importance(_trials(3000, 0))
    assert list(found)[:2] == ["steps", "answer"]
