"""The sequential test of a race, on simulated answers."""

import math

import numpy as np
import pytest

from trainables.scoring.racing import is_behind, log_wealth

_ERROR = 0.05


def _populations(total, share, ahead, generator, races):
    """Leads of the rival over all samples in random orders: on so many more samples the point does better."""
    ties = total - 2 * round(share * total) - ahead
    values = np.repeat([1.0, -1.0, 0.0], [round(share * total), round(share * total) + ahead, ties])
    return generator.permuted(np.tile(values, (races, 1)), axis=1)


def _share_stopped(leads, error):
    total = leads.shape[1]
    return float((log_wealth(leads, total).max(axis=1) >= -math.log(error)).mean())


def _worst_share(races, generator):
    """The largest share of races, over how often the two differ, in which a point is stopped that is ahead by
    one sample; whoever looks after every sample has the most chances to err.
    """
    return max(
        _share_stopped(_populations(200, share, 1, generator, races), _ERROR)
        for share in (0.01, 0.1, 0.3, 0.45)
    )


def test_a_point_that_is_ahead_is_hardly_ever_stopped():
    assert _worst_share(1500, np.random.default_rng(0)) <= _ERROR


@pytest.mark.slow
def test_the_error_is_kept_over_a_million_races():
    generator = np.random.default_rng(1)
    shares = [_worst_share(5000, generator) for _ in range(50)]
    assert np.mean(shares) <= _ERROR


def test_a_point_that_is_far_behind_is_stopped_early_and_a_near_one_late_or_not_at_all():
    generator = np.random.default_rng(2)
    medians = []
    for behind in (100, 60, 30):
        leads = -_populations(200, 0.1, behind, generator, 400)
        stopped = log_wealth(leads, 200) >= -math.log(_ERROR)
        medians.append(float(np.median(np.where(stopped.any(1), stopped.argmax(1) + 1, 200))))
    assert medians == sorted(medians) and medians[0] < 40 and medians[2] > 60


def test_what_cannot_be_made_up_is_certain():
    leads = np.ones(60)
    wealth = log_wealth(leads, 100)
    assert np.isinf(wealth[51:]).all() and np.isfinite(wealth[:40]).all()
    assert is_behind(leads, 100, 1.0, 1e-300) and not is_behind(-leads, 100, 1.0, 0.5)


def test_a_tie_is_no_lead():
    """With all samples but one seen and no difference, the last one could still put the point ahead; with a
    lead of one for the rival it could not.
    """
    assert not np.isinf(log_wealth(np.zeros(99), 100)).any()
    assert np.isinf(log_wealth(np.r_[np.zeros(98), 1.0, 0.0], 100)[-1])


def test_nothing_is_known_before_anything_was_seen():
    assert not is_behind(np.zeros(0), 100, 1.0, 0.9)
