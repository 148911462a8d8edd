"""TPE that is shown the front and the latest trials: Optuna's own to the bit up to the bound, deaf to what is
neither beyond it.
"""

import warnings
from platform.pipeline.bounded_tpe import MOST_TRIALS, BoundedTPE, first_shown, front_before

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import create_trial

OPTIONS = {
    "seed": 3, "multivariate": True, "group": True, "constant_liar": True,
    "n_startup_trials": 8, "warn_independent_sampling": False,
}  # fmt: skip
UNIT = {"x": FloatDistribution(0, 1), "z": FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _study(sampler, trials=()):
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    study.add_trials(trials)
    return study


def _trial(x, z, accuracy, cost):
    return create_trial(params={"x": x, "z": z}, distributions=UNIT, values=[accuracy, cost])


def _asked(study, count):
    points = []
    for _ in range(count):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        y = trial.suggest_float("y", 0, 1) if x > 0.5 else trial.suggest_float("z", 0, 1)
        study.tell(trial, [x * (1 - y), 1 + 10 * x])
        points.append(tuple(trial.params.items()))
    return points


def test_it_is_optunas_own_up_to_the_bound_and_another_beyond_it():
    begun = [_trial(n % 17 / 17, n % 7 / 7, n % 11 / 11, 1.0 + n % 13) for n in range(260)]
    samplers = TPESampler(**OPTIONS), BoundedTPE(20, **OPTIONS), BoundedTPE(20, **OPTIONS)
    own, bounded, again = (_asked(_study(sampler, begun), 20) for sampler in samplers)
    assert first_shown(269, 20) == 0 and first_shown(270, 20) == 250
    assert own[:10] == bounded[:10] and own != bounded
    assert bounded == again, "the same seed, the same points"


def _older(z):
    """250 trials, of which the first two are a front that all others are behind."""
    front = [_trial(0.3, 0.3, 0.9, 1.0), _trial(0.6, 0.6, 0.95, 5.0)]
    return [*front, *(_trial(0.5, z, 0.1 + number / 1e4, 50.0 + number) for number in range(248))]


LATEST = [_trial(number / 40, 0.5, 0.5 + number / 100, 10.0 + number) for number in range(30)]


@pytest.mark.parametrize(
    "sampler", [lambda: BoundedTPE(20, **OPTIONS), lambda: TPESampler(**OPTIONS)]
)
def test_what_is_neither_late_nor_on_the_front_is_not_seen(sampler):
    one, other = (_study(sampler(), [*_older(z), *LATEST]) for z in (0.1, 0.9))
    is_bounded = isinstance(one.sampler, BoundedTPE)
    assert (_asked(one, 5) == _asked(other, 5)) == is_bounded


def test_the_front_of_old_trials_is_seen():
    low = [_trial(0.3, 0.3, 0.2, 60.0), _trial(0.6, 0.6, 0.1, 70.0), *_older(0.5)[2:]]
    with_front, without = (
        _study(BoundedTPE(20, **OPTIONS), [*older, *LATEST]) for older in (_older(0.5), low)
    )
    assert _asked(with_front, 5) != _asked(without, 5)
    front = front_before(with_front.trials, 250)
    assert [trial.number for trial in front] == [0, 1]


@pytest.mark.parametrize("number", [0, 1, MOST_TRIALS, MOST_TRIALS + 249])
def test_all_are_shown_up_to_the_bound(number):
    assert first_shown(number, MOST_TRIALS) == 0


@pytest.mark.parametrize("number", [MOST_TRIALS + 250, 9_999, 100_000])
def test_beyond_it_no_more_than_a_stride_above_it(number):
    shown = number - first_shown(number, MOST_TRIALS)
    assert MOST_TRIALS <= shown < MOST_TRIALS + 250
