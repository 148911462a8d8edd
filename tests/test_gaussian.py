"""The Gaussian process against closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from helpers import exact_velocity

from trainables.core.errors import UsageError
from trainables.diffusion.gaussian import GaussianDiffusion, cosine_alpha_bar
from trainables.training.losses import noise_loss

MEAN, DEVIATION = 0.3, 0.25


def test_cosine_schedule_is_that_of_its_paper():
    T = 150
    abar = cosine_alpha_bar(T)
    f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    assert abar[0] == 1 and len(abar) == T + 1
    for t in (1, 50, 149):
        assert float(abar[t]) == pytest.approx(f[t] / f[0], rel=1e-9)
    assert float(abar[T] / abar[T - 1]) == pytest.approx(0.001)  # the last beta is clipped
    assert (abar[1:] < abar[:-1]).all()


def test_forward_marginals():
    process = GaussianDiffusion(20)
    generator = torch.Generator().manual_seed(0)
    z0 = MEAN + DEVIATION * torch.randn(200_000, generator=generator)
    eps = torch.randn(200_000, generator=generator)
    for t in (1, 10, 20):
        abar = float(process.alpha_bar[t])
        z_t = process.noised(z0, eps, torch.tensor([t]))
        assert float(z_t.mean()) == pytest.approx(abar**0.5 * MEAN, abs=0.01)
        assert float(z_t.var()) == pytest.approx(abar * DEVIATION**2 + 1 - abar, rel=0.02)


@pytest.mark.parametrize("t", [1, 2, 9, 20])
def test_full_grid_with_eta_one_is_the_ddpm_posterior(t):
    process = GaussianDiffusion(20)
    abar_t, abar_s = float(process.alpha_bar[t]), float(process.alpha_bar[t - 1])
    beta = 1 - abar_t / abar_s
    z_t, z0 = torch.tensor([0.7, -1.1], dtype=torch.float64), torch.tensor([0.2, 0.5])
    z0 = z0.double()
    # Ho et al. 2020, equation 7
    mean = abar_s**0.5 * beta / (1 - abar_t) * z0
    mean = mean + (1 - beta) ** 0.5 * (1 - abar_s) / (1 - abar_t) * z_t
    variance = beta * (1 - abar_s) / (1 - abar_t)
    ours = process.step(z_t, z0, t, t - 1, 1.0, torch.zeros_like(z_t))
    torch.testing.assert_close(ours, mean)
    noisy = process.step(z_t, z0, t, t - 1, 1.0, torch.ones_like(z_t))
    torch.testing.assert_close(noisy - ours, torch.full_like(z_t, variance**0.5))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_step_over_any_gap_keeps_the_marginal(eta):
    """With the true z0, z_s has its forward marginal whatever is skipped."""
    process = GaussianDiffusion(50)
    generator = torch.Generator().manual_seed(1)
    z0 = torch.full((200_000,), 0.4)
    t, s = 40, 15
    z_t = process.noised(z0, torch.randn(200_000, generator=generator), torch.tensor([t]))
    z_s = process.step(z_t, z0, t, s, eta, torch.randn(200_000, generator=generator))
    abar = float(process.alpha_bar[s])
    assert float(z_s.mean()) == pytest.approx(abar**0.5 * 0.4, abs=0.01)
    assert float(z_s.var()) == pytest.approx(1 - abar, rel=0.02)


def _linear_recursion(process: GaussianDiffusion, levels: list[int], eta: float):
    """Mean and deviation at the end of a trajectory with the exact denoiser, by hand: each step is
    affine in z_t, so Gaussians stay Gaussian.
    """
    mean, variance = 0.0, 1.0
    for t, s in pairwise(levels):
        at, as_ = float(process.alpha_bar[t]), float(process.alpha_bar[s])
        gain = DEVIATION**2 * at**0.5 / (at * DEVIATION**2 + 1 - at)  # z0_hat = g z_t + c
        constant = MEAN - gain * at**0.5 * MEAN
        sigma2 = eta**2 * (1 - as_) / (1 - at) * (1 - at / as_)
        direction = max(1 - as_ - sigma2, 0.0) ** 0.5 / (1 - at) ** 0.5
        slope = as_**0.5 * gain + direction * (1 - at**0.5 * gain)
        mean = slope * mean + (as_**0.5 - direction * at**0.5) * constant
        variance = slope**2 * variance + (sigma2 if s > 0 else 0.0)
    return mean, variance**0.5


def _sample(process: GaussianDiffusion, steps: int, eta: float, count: int = 100_000):
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(count, generator=generator)
    levels = process.levels(steps)
    for t, s in pairwise(levels):
        z0_hat = process.clean_of(
            z, exact_velocity(process, z, t, MEAN, DEVIATION**2), torch.tensor([t])
        )
        noise = torch.randn(count, generator=generator) if process.is_random(t, s, eta) else None
        z = process.step(z, z0_hat, t, s, eta, noise)
    return float(z.mean()), float(z.std())


@pytest.mark.parametrize("steps", [1, 3, 10, 50, 150])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_trajectories_with_the_exact_denoiser(steps, eta):
    process = GaussianDiffusion(150)
    mean, deviation = _linear_recursion(process, process.levels(steps), eta)
    got_mean, got_deviation = _sample(process, steps, eta)
    assert got_mean == pytest.approx(mean, abs=0.005)
    assert got_deviation == pytest.approx(deviation, abs=0.005)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_many_steps_reach_the_data_and_fifty_are_almost_as_good(eta):
    process = GaussianDiffusion(1000)
    mean, deviation = _sample(process, 1000, eta)
    assert mean == pytest.approx(MEAN, abs=0.005)
    assert deviation == pytest.approx(DEVIATION, abs=0.01)
    mean, deviation = _sample(process, 50, eta)
    assert mean == pytest.approx(MEAN, abs=0.01)
    assert deviation == pytest.approx(DEVIATION, abs=0.06)


def test_levels_are_selected_evenly_and_end_at_zero():
    process = GaussianDiffusion(150)
    assert process.levels(150) == list(range(150, -1, -1))
    assert process.levels(3) == [150, 100, 50, 0]
    assert process.levels(1) == [150, 0]
    for steps in range(1, 151):
        levels = process.levels(steps)
        assert len(set(levels)) == steps + 1 and levels == sorted(levels, reverse=True)
    for steps in (0, 151):
        with pytest.raises(UsageError, match="number of steps"):
            process.levels(steps)


def _noise_of(process, z_t, v, t):
    """eps from z_t = sqrt(abar) z0 + sqrt(1 - abar) eps and v = sqrt(abar) eps - sqrt(1 - abar) z0."""
    abar = process.alpha_bar[t].float().reshape(-1, *[1] * (z_t.dim() - 1))
    return (1 - abar).sqrt() * z_t + abar.sqrt() * v


def test_clean_estimate_and_noise_invert_the_forward_process():
    process = GaussianDiffusion(30)
    generator = torch.Generator().manual_seed(3)
    z0, eps = torch.randn(2, 6, 2, 3, generator=generator)
    t = torch.tensor([1, 5, 12, 20, 29, 30])
    z_t, v = process.noised(z0, eps, t), process.velocity(z0, eps, t)
    torch.testing.assert_close(process.clean_of(z_t, v, t), z0, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(_noise_of(process, z_t, v, t), eps, atol=1e-5, rtol=1e-5)


def test_clean_estimate_is_clipped():
    process = GaussianDiffusion(10, clip=1.0)
    v = torch.full((1, 4), -7.0)
    assert process.clean_of(torch.zeros(1, 4), v, torch.tensor([10])).abs().max() == 1.0


def test_noise_loss_is_the_error_of_the_predicted_noise():
    process = GaussianDiffusion(30)
    generator = torch.Generator().manual_seed(4)
    z0, eps, v_hat = torch.randn(3, 6, 5, generator=generator)
    t = torch.tensor([1, 5, 12, 20, 29, 30])
    z_t = process.noised(z0, eps, t)
    error = (_noise_of(process, z_t, v_hat, t) - eps).square()
    torch.testing.assert_close(noise_loss(process, v_hat, z0, eps, t, "noise"), error.mean())
    weighted = (error / process.alpha_bar[t][:, None].float()).mean()
    ours = noise_loss(process, v_hat, z0, eps, t, "velocity")
    torch.testing.assert_close(ours, weighted, rtol=1e-3, atol=0)


def _marginal_variance(process: GaussianDiffusion, t: int, variance: float) -> float:
    """Of z_t where z0 ~ N(0, variance)."""
    return float(process.alpha_bar[t]) * variance + 1 - float(process.alpha_bar[t])


def test_reverse_diffusion_is_refused():
    z = torch.zeros(1, 1)
    with pytest.raises(UsageError, match="choose 'posterior'"):
        GaussianDiffusion(4).predict(z, z, 4, 3, 1.0, z)


@pytest.mark.parametrize("t", [3, 10, 20])
def test_langevin_corrections_keep_the_marginal_up_to_their_size(t):
    """Repeated, z <- slope z + noise ends at variance noise^2 / (1 - slope^2): the marginal's as the
    ratio goes to 0, 1 / (1 - snr^2 share) of it at a finite one, share being the noise's.
    """
    process, data = GaussianDiffusion(20), 0.3
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    true = _marginal_variance(process, t, data)
    share = (1 - float(process.alpha_bar[t])) / true
    for snr in (0.01, 0.5):
        v = exact_velocity(process, one, t, 0.0, data)
        slope = float(process.correct(one, v, t, zero, snr=snr))
        noise = float(process.correct(zero, zero, t, one, snr=snr))
        assert noise**2 / (1 - slope**2) == pytest.approx(true / (1 - snr**2 * share))
    assert torch.equal(process.correct(one, v, t, one), process.correct(one, v, t, one, snr=0.5))


def test_a_correction_sees_the_bounded_clean_estimate():
    process, z_t, v = GaussianDiffusion(20, clip=1.0), torch.tensor([[3.0]]), torch.tensor([[-2.0]])
    eps = (z_t - float(process.alpha_bar[10]) ** 0.5) / (1 - float(process.alpha_bar[10])) ** 0.5
    assert float(process.clean_of(z_t, v, 10)) == 1.0
    corrected = process.correct(z_t, v, 10, torch.zeros(1, 1))
    torch.testing.assert_close(
        corrected, z_t - 0.5 * (1 - float(process.alpha_bar[10])) ** 0.5 * eps
    )


def test_levels_are_told_as_shares_and_the_prior_is_the_noise():
    process, drawn = GaussianDiffusion(4), torch.randn(2, 3)
    assert process.scaled([4, 3, 1]).tolist() == [1.0, 0.75, 0.25]
    assert process.prior(None, drawn) is drawn and not process.needs_origin
