"""The OUVE process against closed forms and against fine numerical integration."""

import math
from itertools import pairwise

import pytest
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.diffusion.ouve import OUVE, OUVE_16K, OUVE_48K

MEAN, DEVIATION, X_COR = 0.3, 0.2, -0.4  # of the clean data, and what it drifts to
COUNT = 100_000


def _moments(process, t, x0, start=0.0, steps=100_000):
    """Mean and variance at t of the forward SDE, by Euler steps on their differential equations."""
    mean, variance, dt = x0, start, t / steps
    for i in range(steps):
        middle = (i + 0.5) * dt
        g2 = process.sigma_min**2 * (process.sigma_max / process.sigma_min) ** (2 * middle)
        g2 *= (
            2
            * math.log(process.sigma_max / process.sigma_min)
            / (2 if process.complex_state else 1)
        )
        mean += process.theta * (X_COR - mean) * dt
        variance += (g2 - 2 * process.theta * variance) * dt
    return mean, variance


@pytest.mark.parametrize("process", [OUVE(), OUVE_16K, OUVE_48K])
@pytest.mark.parametrize("t", [0.03, 0.4, 1.0])
def test_mean_and_deviation_against_fine_integration(process, t):
    mean, variance = _moments(process, t, 0.7)
    ours = process.mean(torch.tensor([[0.7]]), torch.tensor([[X_COR]]), t)
    assert float(ours) == pytest.approx(mean, rel=1e-4)
    assert float(process.deviation(t)) == pytest.approx(variance**0.5, rel=1e-4)


def test_a_path_of_the_sde_has_these_moments():
    process, steps = OUVE(), 400
    generator = generator_of("path")
    x = torch.full((COUNT, 1), 0.7)
    for i in range(steps):
        t, dt = (i + 0.5) / steps, 1 / steps
        drawn = torch.randn(COUNT, 1, generator=generator)
        x = x + process.drift(x, torch.tensor(X_COR)) * dt
        x = x + process.diffusion(t) * dt**0.5 * drawn
    assert float(x.mean()) == pytest.approx(
        float(process.mean(torch.tensor(0.7), torch.tensor(X_COR), 1.0)), abs=0.005
    )
    assert float(x.std()) == pytest.approx(float(process.deviation(1.0)), rel=0.01)


def test_times_may_be_numbers_or_tensors():
    process = OUVE()
    x0, x_cor, eps = torch.randn(3, 4, 2, 5, 6, generator=generator_of("times"))[:3]
    for t in (0.03, 0.6):
        each, one = torch.full((4,), t), torch.tensor([t])
        for function in (
            lambda time: process.noised(x0, x_cor, eps, time),
            lambda time: process.clean_of(x0, eps, time, x_cor),
        ):
            want = function(t)
            assert want.shape == x0.shape and want.dtype == x0.dtype
            torch.testing.assert_close(function(each), want)
            torch.testing.assert_close(function(one), want)
    mixed = process.noised(x0, x_cor, eps, torch.tensor([0.1, 0.2, 0.3, 0.4]))
    torch.testing.assert_close(
        mixed[2:3], process.noised(x0[2:3], x_cor[2:3], eps[2:3], torch.tensor([0.3]))
    )
    uniform = torch.tensor([0.0, 0.5, 1.0])
    torch.testing.assert_close(process.times(uniform), torch.tensor([0.03, 0.515, 1.0]))


def _marginal(process, t):
    """Mean and variance of x_t where the clean data are N(MEAN, DEVIATION^2)."""
    share = math.exp(-process.theta * t)
    mean = share * MEAN + (1 - share) * X_COR
    return mean, (share * DEVIATION) ** 2 + float(process.deviation(t)) ** 2


def _exact_output(process, x, t):
    mean, variance = _marginal(process, t)
    return -(x - mean) / variance * float(process.deviation(t))


def test_clean_estimate_is_the_posterior_mean_of_gaussian_data():
    process, x_cor = OUVE(), torch.tensor(X_COR, dtype=torch.float64)
    x_t = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    for t in process.levels(7):
        if t == 0:
            continue
        share, sigma = math.exp(-process.theta * t), float(process.deviation(t))
        # conditional mean of x0 given share x0 + (1 - share) x_cor + sigma eps = x_t
        gain = share * DEVIATION**2 / (share**2 * DEVIATION**2 + sigma**2)
        want = MEAN + gain * (x_t - share * MEAN - (1 - share) * X_COR)
        got = process.clean_of(x_t, _exact_output(process, x_t, t), t, x_cor)
        torch.testing.assert_close(got, want)


def test_the_output_for_known_noise_gives_back_the_clean_state():
    process = OUVE_16K
    x0, x_cor, eps = torch.randn(3, 4, 2, 3, 5, generator=generator_of("known")).double()
    t = torch.tensor([0.03, 0.2, 0.7, 1.0], dtype=torch.float64)
    x_t = process.noised(x0, x_cor, eps, t)
    torch.testing.assert_close(process.clean_of(x_t, -eps, t, x_cor), x0)


def test_levels_are_even_to_t_eps_and_end_at_zero():
    process = OUVE()
    assert process.levels(1) == [1.0, 0.0]
    assert process.levels(2) == [1.0, 0.03, 0.0]
    levels = process.levels(50)
    assert len(levels) == 51 and levels[0] == 1 and levels[-2:] == [0.03, 0.0]
    want = torch.linspace(1, 0.03, 50, dtype=torch.float64)
    torch.testing.assert_close(torch.tensor(levels[:-1], dtype=torch.float64), want)
    assert [process.is_random(t, s) for t, s in pairwise(levels)] == [True] * 49 + [False]
    assert not process.is_random(1.0, 0.5, eta=0.0)
    with pytest.raises(UsageError, match="number of steps"):
        process.levels(0)


def _predicted(process, steps, count=COUNT):
    """Mean and deviation of reverse diffusion with the exact score, from the exact prior."""
    generator = generator_of("predict", steps)
    mean, variance = _marginal(process, 1.0)
    x = mean + variance**0.5 * torch.randn(count, 1, generator=generator)
    for t, s in pairwise(process.levels(steps)):
        drawn = torch.randn(count, 1, generator=generator) if process.is_random(t, s) else None
        output = _exact_output(process, x, t)
        x = process.predict(x, output, t, s, 1.0, drawn, torch.tensor(X_COR))
    return float(x.mean()), float(x.std())


def _recursion(process, steps):
    """The same by hand: each step is affine, so Gaussians stay Gaussian."""
    mean, variance = _marginal(process, 1.0)
    theta, ratio = process.theta, process.sigma_max / process.sigma_min
    for t, s in pairwise(process.levels(steps)):
        m, v = _marginal(process, t)
        g2dt = process.sigma_min**2 * ratio ** (2 * t) * 2 * math.log(ratio) * (t - s)
        slope = 1 + theta * (t - s) - g2dt / v
        mean = slope * mean - theta * X_COR * (t - s) + g2dt / v * m
        variance = slope**2 * variance + (g2dt if s > 0 else 0.0)
    return mean, variance**0.5


@pytest.mark.parametrize("steps", [5, 10, 50])
def test_reverse_diffusion_is_the_affine_recursion_on_every_grid(steps):
    mean, deviation = _recursion(OUVE(), steps)
    got_mean, got_deviation = _predicted(OUVE(), steps)
    assert got_mean == pytest.approx(mean, abs=0.005)
    assert got_deviation == pytest.approx(deviation, rel=0.01)


def test_reverse_diffusion_tends_to_the_data_as_steps_grow():
    process = OUVE(t_eps=0.001)
    errors = []
    for steps in (25, 100, 400, 1600):
        mean, deviation = _recursion(process, steps)
        errors.append(abs(mean - MEAN) + abs(deviation - DEVIATION))
    assert all(fine < 0.4 * coarse for coarse, fine in pairwise(errors))  # of first order
    assert errors[-1] < 0.001
    mean, deviation = _predicted(OUVE(), 50)  # as published
    assert mean == pytest.approx(MEAN, abs=0.02)
    assert deviation == pytest.approx(DEVIATION, abs=0.03)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("t", "s"), [(1.0, 0.8), (0.9, 0.1), (0.03, 0.0)])
def test_a_step_over_any_gap_keeps_the_marginal(eta, t, s):
    """With the true x0, x_s has its forward marginal whatever is skipped."""
    process, generator = OUVE(), generator_of("gap")
    x0, x_cor = torch.full((COUNT, 1), 0.7), torch.tensor(X_COR)
    x_t = process.noised(x0, x_cor, torch.randn(COUNT, 1, generator=generator), t)
    drawn = torch.randn(COUNT, 1, generator=generator) if process.is_random(t, s, eta) else None
    x_s = process.step(x_t, x0, t, s, eta, drawn, x_cor)
    want = float(process.mean(x0[:1], x_cor, s))
    assert float(x_s.mean()) == pytest.approx(want, abs=0.005)
    assert float(x_s.std()) == pytest.approx(float(process.deviation(s)), rel=0.01, abs=1e-6)


def test_a_random_step_is_bayes_rule_on_the_forward_step():
    """q(x_s | x_t, x0): the product of x_s's marginal and the forward kernel from s to t."""
    process, x0, x_cor, x_t = OUVE(), 0.7, X_COR, 0.1
    t, s = 0.8, 0.5
    a = math.exp(-process.theta * (t - s))
    prior_mean = float(process.mean(torch.tensor(x0), torch.tensor(x_cor), s))
    prior_var = float(process.deviation(s)) ** 2
    kernel_var = float(process.deviation(t)) ** 2 - a**2 * prior_var
    variance = 1 / (1 / prior_var + a**2 / kernel_var)
    mean = variance * (prior_mean / prior_var + a * (x_t - (1 - a) * x_cor) / kernel_var)
    state, clean, origin = torch.tensor([[x_t], [x0], [x_cor]], dtype=torch.float64)[:, None]
    zero = process.step(state, clean, t, s, 1.0, torch.zeros(1, 1), origin)
    one = process.step(state, clean, t, s, 1.0, torch.ones(1, 1), origin)
    assert float(zero) == pytest.approx(mean)
    assert float(one - zero) == pytest.approx(variance**0.5)


@pytest.mark.parametrize("snr", [0.05, 0.16, 0.5])
def test_langevin_steps_keep_the_marginal_up_to_their_size(snr):
    """About a known mean, repeated steps end at sigma / sqrt(1 - snr^2), and at sigma as snr goes to 0."""
    process, t = OUVE(), 0.5
    sigma, generator = float(process.deviation(t)), generator_of("langevin")
    x = MEAN + sigma * torch.randn(COUNT, 1, generator=generator)
    for _ in range(round(4 / (2 * snr**2)) if snr > 0.1 else 40):
        drawn = torch.randn(COUNT, 1, generator=generator)
        x = process.correct(x, -(x - MEAN) / sigma, t, drawn, snr=snr)
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.005)
    limit = sigma / (1 - snr**2) ** 0.5
    assert float(x.std()) == pytest.approx(limit, rel=0.01)


def test_one_corrector_step_by_hand():
    process, drawn = OUVE(), torch.ones(1, 1, dtype=torch.float64)
    sigma = float(process.deviation(0.5))
    x = process.correct(0.2 * drawn, 3 * sigma * drawn, 0.5, drawn)  # a score of 3
    assert float(x) == pytest.approx(0.2 + 3 * 0.5 * sigma**2 + sigma)


def test_the_prior_is_about_the_corrupted_state():
    x_cor = torch.tensor([[0.5, -1.0]])
    drawn = torch.tensor([[1.0, -2.0]])
    want = x_cor + float(OUVE().deviation(1.0)) * drawn
    torch.testing.assert_close(OUVE().prior(x_cor, drawn), want)


def test_complex_states_have_the_published_deviation_as_complex_numbers():
    generator = generator_of("complex")
    eps = torch.randn(COUNT, 2, 1, 1, generator=generator)
    noise = OUVE_16K.noised_about(torch.zeros(COUNT, 2, 1, 1), eps, 0.7)
    magnitude = noise.square().sum(dim=1).mean() ** 0.5
    assert float(magnitude) == pytest.approx(float(OUVE().deviation(0.7)), rel=0.01)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"theta": 0.0}, "theta is 0.0"),
        ({"t_eps": 0.7}, "t_eps is 0.7"),
        (
            {"sigma_min": 0.5, "sigma_max": 0.1},
            "sigma_min is 0.5, but must be below sigma_max, 0.1",
        ),
        ({"sigma_max": math.nan}, "sigma_max is nan"),
    ],
)
def test_settings_out_of_range_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        OUVE(**given)
