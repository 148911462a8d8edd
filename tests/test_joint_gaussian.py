"""What the strategies sample where signal and logits are jointly Gaussian and the denoisers are exact.

Every move is affine, so mean and covariance at a schedule's end are known exactly. The engine's are
compared with those propagated from the paper's equations to rounding, and with its own random draws
within their standard error; those of ever more noise levels with the true joint distribution.
"""

from itertools import pairwise

import numpy as np
import pytest
from joint_gaussian import (
    COV,
    MEAN,
    Y_COR,
    Moments,
    UnitNoise,
    X,
    Y,
    clean_gain,
    conditional,
    engine_moments,
    gain,
    joint_state,
    run,
)

from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import cosine_alpha_bar
from trainables.strategies import schedule_of

DRAWS, ERRORS = 3000, 5  # a comparison of draws allows five standard errors
B, A = gain(Y, X), gain(X, Y)
RATE = B @ A  # of a Gibbs chain on y: its eigenvalues are the squared canonical correlations


def nested(T, outer, inner, refreshed, eta):
    """Algorithm 6 with the first signal of section 3.5 and refreshes before these outer steps."""
    m = Moments(T, eta)
    m.trajectory("x", inner)
    m.guide("y", "x")
    m.put("y", variance=1.0)
    for step, (t, s) in enumerate(pairwise(m.levels(outer))):
        if step in refreshed:
            m.guide("x", "y_hat") if step else m.guide("x", constant=Y_COR)
            m.trajectory("x", inner)
            m.guide("y", "x")
        m.step("y", t, s)
    return m.ends()


def parallel(T, steps, warm_up, guidance, eta):
    """Algorithm 2; `warm_up` are the first steps, without exchange."""
    m = Moments(T, eta)
    m.put("x", variance=1.0)
    m.put("y", variance=1.0)
    for step, (t, s) in enumerate(pairwise(m.levels(steps))):
        if step >= warm_up:
            if guidance == "noisy":
                m.guide("x", "y")
            else:
                m.guide("x", "y_hat") if step else m.guide("x", constant=Y_COR)
        m.step("x", t, s)
        if step >= warm_up:
            m.guide("y", "x_hat" if guidance == "clean" else "x")
        m.step("y", t, s)
    return m.ends()


def alternating(T, iterations, signal_steps, logit_steps, first_guidance, eta):
    """Algorithm 4."""
    m = Moments(T, eta)
    if first_guidance == "y_cor":
        m.guide("x", constant=Y_COR)
    for iteration in range(iterations):
        if iteration:
            m.guide("x", "y")
        m.trajectory("x", signal_steps)
        m.guide("y", "x")
        m.trajectory("y", logit_steps)
    return m.ends()


def nested_point(outer, inner, t_switch, interval, eta):
    settings = {"outer_steps": outer, "inner_steps": inner, "t_switch": t_switch}
    return schedule_of("nested", settings | {"refresh_interval": interval, "eta": float(eta)})


def parallel_point(steps, warm_up, guidance, eta, chains=1):
    strategy = "parallel" if guidance == "clean" else "parallel-noisy"
    point = {"steps": steps, "warm_up": warm_up, "eta": float(eta)}
    return schedule_of(strategy, point | {"chains": chains})


def alternating_point(iterations, signal_steps, logit_steps, first_guidance, eta):
    settings = {"signal_steps": signal_steps, "logit_steps": logit_steps, "eta": float(eta)}
    settings |= {"iterations": iterations, "first_guidance": first_guidance}
    return schedule_of("alternating", settings)


def _close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9, rtol=0)


def _drawn(moves, T, count=DRAWS):
    outcome = run(moves, T, SampleNoise(0, range(count)), count)
    return joint_state(outcome), outcome


def _agree(samples, mean, cov):
    """Mean and covariance of samples (N, D) within their standard errors."""
    spread, count = np.diag(cov), len(samples)
    assert (abs(samples.mean(0) - mean) < ERRORS * np.sqrt(spread / count)).all()
    error = np.sqrt((np.outer(spread, spread) + cov**2) / count)
    assert (abs(np.cov(samples.T) - cov) < ERRORS * error).all()


def _limit_is(ends_of, mean, cov, T=400):
    """The error shrinks as 1 / T, to nothing: extrapolated from T and 2T a tenth of it is left."""
    coarse, fine = ([m - mean, c - cov] for m, c in (ends_of(T), ends_of(2 * T)))
    for one, half in zip(coarse, fine, strict=True):
        assert abs(2 * half - one).max() < 0.1 * max(abs(one).max(), 0.01)


@pytest.mark.parametrize("eta", [0, 1])
@pytest.mark.parametrize(("steps", "warm_up"), [(12, 0.0), (12, 0.5), (5, 0.4), (5, 1.0)])
@pytest.mark.parametrize("guidance", ["clean", "noisy"])
def test_parallel_is_algorithm_2(guidance, steps, warm_up, eta):
    ours = engine_moments(parallel_point(steps, warm_up, guidance, eta), 12)
    _close(ours, parallel(12, steps, round(warm_up * steps), guidance, eta))


@pytest.mark.parametrize("eta", [0, 1])
@pytest.mark.parametrize("first_guidance", ["y_cor", "none"])
def test_alternating_is_algorithm_4(first_guidance, eta):
    settings = (3, 4, 7, first_guidance, eta)
    _close(engine_moments(alternating_point(*settings), 12), alternating(12, *settings))


@pytest.mark.parametrize("eta", [0, 1])
@pytest.mark.parametrize(
    ("t_switch", "interval", "refreshed"), [(2 / 3, 2 / 9, (3, 5, 7)), (1, 1 / 3, (0, 3, 6))]
)
def test_nested_is_algorithm_6(t_switch, interval, refreshed, eta):
    ours = engine_moments(nested_point(9, 6, t_switch, interval, eta), 12)
    _close(ours, nested(12, 9, 6, refreshed, eta))


@pytest.mark.parametrize(
    ("moves", "ends"),
    [
        (nested_point(6, 6, 2 / 3, 1 / 3, 1), nested(12, 6, 6, (2, 4), 1)),
        (parallel_point(12, 0.5, "clean", 1), parallel(12, 12, 6, "clean", 1)),
        (alternating_point(3, 6, 6, "y_cor", 1), alternating(12, 3, 6, 6, "y_cor", 1)),
    ],
    ids=["nested", "parallel", "alternating"],
)
def test_a_samples_own_noise_is_independent_in_every_draw(moves, ends):
    """Moments as they must be only if no two trajectories or steps share a random number."""
    _agree(_drawn(moves, 12)[0], *ends)


@pytest.mark.parametrize("eta", [0, 1])
@pytest.mark.parametrize("iterations", [1, 4])
def test_alternating_is_gibbs_sampling(iterations, eta):
    """With exact conditionals Algorithm 4 is a Gibbs chain. Of what f(x_cor) is off, and of what its
    spread lacks, RATE^N is left after N iterations; the rest is the joint distribution.
    """
    left_y = np.linalg.matrix_power(RATE, iterations)
    left_x = A @ np.linalg.matrix_power(RATE, iterations - 1)
    mean = MEAN + np.concatenate([left_x, left_y]) @ (Y_COR - MEAN[Y])
    x = COV[X, X] - left_x @ COV[Y, Y] @ left_x.T
    y = COV[Y, Y] - left_y @ COV[Y, Y] @ left_y.T
    cov = np.block([[x, x @ B.T], [B @ x, y]])
    _limit_is(lambda T: alternating(T, iterations, T, T, "y_cor", eta), mean, cov)


def test_alternating_forgets_the_first_guidance_at_the_rate_of_a_gibbs_chain():
    """E[y] - E[y0] shrinks by the squared canonical correlations an iteration. A trajectory's prior
    has mean 0 instead of sqrt(abar_T) of the data's, which may shift its end by as much.
    """
    T, offset = 60, Y_COR - MEAN[Y]
    slack = float(cosine_alpha_bar(T)[T]) ** 0.5 * abs(offset).max()
    for iterations in (1, 2, 4, 8):
        moves = alternating_point(iterations, T, T, "y_cor", 1)
        left = joint_state(run(moves, T, UnitNoise(1), 1))[0, Y] - MEAN[Y]
        np.testing.assert_allclose(
            left, np.linalg.matrix_power(RATE, iterations) @ offset, atol=slack
        )


def test_one_iteration_is_visibly_biased_and_sixteen_are_not():
    """What is left of f(x_cor) after sixteen, 0.2%, is below the standard error."""

    def errors(iterations):
        drawn, _ = _drawn(alternating_point(iterations, 10, 10, "y_cor", 0), 10, 600)
        return abs(drawn.mean(0) - MEAN) / np.sqrt(np.diag(COV) / 600)

    assert (errors(1) > 10 * ERRORS).any() and (errors(16) < ERRORS).all()


@pytest.mark.parametrize("eta", [0, 1])
def test_nested_without_refresh_samples_the_joint_distribution(eta):
    """x ~ p(x), y ~ p(y | x); `logit-only` has the same moves."""
    _limit_is(lambda T: nested(T, T, T, (), eta), MEAN, COV)
    point = {"signal_steps": 5, "logit_steps": 5, "eta": float(eta)}
    _close(engine_moments(schedule_of("logit-only", point), 12), nested(12, 5, 5, (), eta))


def test_nested_of_one_step_answers_by_the_mean_given_a_signal_guided_by_f_of_x_cor():
    """One outer step draws no y: it is E[y0 | x], for x ~ p(x | y0 = f(x_cor))."""
    mean_x, cov_x = MEAN[X] + A @ (Y_COR - MEAN[Y]), conditional(X, Y)
    mean = np.concatenate([mean_x, MEAN[Y] + RATE @ (Y_COR - MEAN[Y])])
    cov = np.block([[cov_x, cov_x @ B.T], [B @ cov_x, B @ cov_x @ B.T]])
    _limit_is(lambda T: nested(T, 1, T, (0,), 1), mean, cov)


def test_a_signal_refreshed_before_the_last_of_two_steps():
    """The refresh is guided by E[y0 | first x], which spreads less than y0, so both end too narrow.

    With s = T / 2 and G of y_s: y_s = sqrt(abar_s) E[y0 | x1] + sqrt(1 - abar_s) eps (DDIM, from pure
    noise), x2 ~ p(x | y0 = E[y0 | x1]), y = (I - sqrt(abar_s) G) E[y0 | x2] + G y_s.
    """
    abar = float(cosine_alpha_bar(100_000)[50_000])
    G = clean_gain(conditional(Y, X), abar)
    left, guess = np.eye(2) - abar**0.5 * G, B @ COV[X, X] @ B.T  # covariance of E[y0 | x1]
    x2 = A @ guess @ A.T + conditional(X, Y)
    through = left @ RATE + abar**0.5 * G
    y = through @ guess @ through.T + left @ B @ conditional(X, Y) @ B.T @ left.T
    y += (1 - abar) * G @ G.T
    xy = A @ guess @ through.T + conditional(X, Y) @ B.T @ left.T
    _limit_is(lambda T: nested(T, 2, T, (1,), 0), MEAN, np.block([[x2, xy], [xy.T, y]]))
    assert (np.linalg.eigvalsh(COV[X, X] - x2) > 0).all()
    assert (np.linalg.eigvalsh(COV[Y, Y] - y) > 0).all()


@pytest.mark.parametrize("eta", [0, 1])
def test_parallel_by_clean_estimates_samples_the_joint_distribution(eta):
    """Its estimates are coordinate ascent: the fixed point of E[x0 | x_t, y0_hat] and
    E[y0 | y_t, x0_hat] is E[x0, y0 | x_t, y_t], which many small steps follow.
    """
    _limit_is(lambda T: parallel(T, T, 0, "clean", eta), MEAN, COV)


def _correlations(cov):
    """Squared canonical correlations, the larger first."""
    ratio = np.linalg.solve(cov[X, X], cov[X, Y]) @ np.linalg.solve(cov[Y, Y], cov[Y, X])
    return np.sort(np.linalg.eigvals(ratio).real)[::-1]


@pytest.mark.parametrize("eta", [0, 1])
def test_a_warm_up_keeps_parallels_mean_and_costs_correlation(eta):
    """What the first half settled apart stays apart, however many steps; without any exchange both
    are right by themselves and independent.
    """
    T = 600
    true, short = _correlations(COV), _correlations(parallel(T, T, 0, "clean", eta)[1])
    mean, cov = parallel(T, T, T // 2, "clean", eta)
    slack = float(cosine_alpha_bar(T)[T]) ** 0.5  # of the prior's mean, see above
    np.testing.assert_allclose(mean, MEAN, atol=slack)
    assert (_correlations(cov) < true - 5 * abs(short - true)).all()
    apart = COV.copy()
    apart[X, Y] = apart[Y, X] = 0
    _limit_is(lambda T: parallel(T, T, T, "clean", eta), MEAN, apart)


@pytest.mark.parametrize("eta", [0, 1])
def test_noisy_guidance_of_clean_denoisers_is_biased_at_any_number_of_steps(eta):
    """A noisy state is taken for a clean one: sqrt(abar_t) of its mean, with noise on top."""
    for T in (300, 600):
        (clean, _), (noisy, _) = (parallel(T, T, T // 2, g, eta) for g in ("clean", "noisy"))
        assert abs(noisy - MEAN).max() > 10 * abs(clean - MEAN).max()


def test_the_mean_of_chains_has_their_variance_divided_by_their_number():
    one, three = (
        engine_moments(parallel_point(5, 0.4, "clean", 1, chains), 12) for chains in (1, 3)
    )
    _close((three[0], three[1][X, X]), (one[0], one[1][X, X]))
    np.testing.assert_allclose(three[1][Y, Y], one[1][Y, Y] / 3, atol=1e-9)


def test_chains_are_independent_and_their_deviation_estimates_that_of_one():
    chains = 4
    drawn, outcome = _drawn(parallel_point(5, 0.4, "clean", 1, chains), 12)
    mean, cov = parallel(12, 5, 2, "clean", 1)
    _agree(drawn[:, Y], mean[Y], cov[Y, Y] / chains)
    squared = outcome.deviation.square().mean(0).numpy()
    variance = np.diag(cov[Y, Y])
    error = variance * np.sqrt(2 / (chains - 1) / DRAWS)  # of a sample variance of four
    assert (abs(squared - variance) < ERRORS * error).all()
