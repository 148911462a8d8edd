"""The engine on OUVE processes, signals (2, F, T) about x_cor and logits about f(x_cor).

Signal and logits are jointly Gaussian and the denoisers exact, so every move is affine: mean and
covariance at a schedule's end are known to rounding (`UnitNoise`), and those of ever more steps are
compared with what the SDEs come to in closed form.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from joint_gaussian import COV, MEAN, X, Y, conditional, gain
from joint_ouve import EYE, FINE, LARGE, X_COR, Y_COR, engine_moments, run, system_of

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.ouve import OUVE
from trainables.sampling.cost import cost
from trainables.sampling.engine import Engine
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Answer, Start
from trainables.sampling.prefix_cache import PrefixCache, SharedBatch
from trainables.sampling.state import State
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of

TOLERANCE = 1e-6  # networks are told times in float32


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values) @ vectors.T


class _Fine:
    """What a trajectory of infinitely many steps makes of a mean and an origin: kept @ mean +
    (1 - kept) @ origin, plus noise. It starts at N(origin, sigma_T^2), as if all of the mean were gone,
    so a share of e^(-theta) of the way is never made good (paper, E.1).
    """

    def __init__(self, eta, cov):
        share, sigma = math.exp(-FINE.theta), float(FINE.deviation(1.0))
        state = share**2 * cov + sigma**2 * EYE
        if eta == 1:  # the law of z_0 given z_T
            moved = share * cov @ np.linalg.inv(state)
            self.noise = cov - share * moved @ cov + sigma**2 * moved @ moved.T
        else:  # the probability flow
            moved = _root(cov) @ np.linalg.inv(_root(state))
            self.noise = sigma**2 * moved @ moved.T
        self.kept = EYE - share * moved


def _gibbs(iterations, eta, guided=True):
    """Mean and covariance of (x, y) after Algorithm 4 of infinitely many steps; unguided at first, it
    is the first trajectory of all that begin alone.
    """
    to_x, to_y, apart = (
        _Fine(eta, cov) for cov in (conditional(X, Y), conditional(Y, X), COV[X, X])
    )
    A, B = gain(X, Y), gain(Y, X)
    y, cov_y = np.full(2, Y_COR), np.zeros((2, 2))
    for iteration in range(iterations):
        law, moved = (to_x, A) if guided or iteration else (apart, 0 * A)
        x = law.kept @ (MEAN[X] + moved @ (y - MEAN[Y])) + (EYE - law.kept) @ np.full(2, X_COR)
        cov_x = law.kept @ moved @ cov_y @ moved.T @ law.kept.T + law.noise
        y = to_y.kept @ (MEAN[Y] + B @ (x - MEAN[X])) + (EYE - to_y.kept) @ np.full(2, Y_COR)
        both = to_y.kept @ B @ cov_x
        cov_y = both @ B.T @ to_y.kept.T + to_y.noise
    return np.concatenate([x, y]), np.block([[cov_x, both.T], [both, cov_y]])


def _limit_is(moments_at, mean, cov, steps=60):
    """The error shrinks as 1 / steps, to nothing: extrapolated from so many and twice as many, a tenth
    of it is left.
    """
    coarse, fine = ([m - mean, c - cov] for m, c in map(moments_at, (steps, 2 * steps)))
    for one, half in zip(coarse, fine, strict=True):
        assert abs(2 * half - one).max() < 0.1 * max(abs(one).max(), 0.01)


SAMPLERS = [
    {"eta": eta, "predictor": predictor}
    for eta in (0.0, 1.0)
    for predictor in ("posterior", "reverse-diffusion")
]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_signal_trajectory_draws_from_its_conditional(sampler):
    mean, cov = _gibbs(1, sampler["eta"], guided=False)

    def signal(steps):
        point = {"signal_steps": steps, "logit_steps": 1} | sampler
        mean, cov = engine_moments("logit-only", point)
        return mean[X], cov[X, X]

    _limit_is(signal, mean[X], cov[X, X])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_logits_are_drawn_given_the_signal(sampler):
    """`logit-only`, and `nested` without a refresh: x alone, then y given x about f(x_cor)."""
    ends = _gibbs(1, sampler["eta"], guided=False)
    _limit_is(
        lambda n: engine_moments("logit-only", {"signal_steps": n, "logit_steps": n} | sampler),
        *ends,
    )
    nested = {"outer_steps": 5, "inner_steps": 5, "t_switch": 0.0, "refresh_interval": 1.0}
    ours = engine_moments("nested", nested | sampler)
    theirs = engine_moments("logit-only", {"signal_steps": 5, "logit_steps": 5} | sampler)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_alternating_is_a_gibbs_chain_about_the_corrupted_state(sampler):
    point = {"iterations": 3, "first_guidance": "y_cor"} | sampler
    _limit_is(
        lambda n: engine_moments("alternating", point | {"signal_steps": n, "logit_steps": n}),
        *_gibbs(3, sampler["eta"]),
    )


def _predictor_corrector(process, steps, eta, corrections):
    """Mean and covariance of x at the end of E.5's sampler, step by step from equation 37."""
    theta, ratio = process.theta, process.sigma_max / process.sigma_min
    mean, cov = np.full(2, X_COR), float(process.deviation(1.0)) ** 2 * EYE
    times = [*np.linspace(1, process.t_eps, steps), 0.0]
    for t, s in pairwise(times):
        share, sigma = math.exp(-theta * t), float(process.deviation(t))
        center = share * MEAN[X] + (1 - share) * X_COR
        precision = np.linalg.inv(share**2 * COV[X, X] + sigma**2 * EYE)
        for _ in range(corrections):
            size = 2 * (0.5 * sigma) ** 2
            slope = EYE - size * precision
            mean = slope @ mean + size * precision @ center
            cov = slope @ cov @ slope.T + 2 * size * EYE
        g2 = process.sigma_min**2 * ratio ** (2 * t) * 2 * math.log(ratio) * (t - s)
        push = (1 + eta**2) / 2 * g2 * precision
        slope = (1 + theta * (t - s)) * EYE - push
        mean = slope @ mean - theta * (t - s) * X_COR + push @ center
        cov = slope @ cov @ slope.T + (eta**2 * g2 * EYE if s > 0 else 0)
    return mean, cov


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("corrections", [0, 1, 2])
def test_predictor_and_corrector_are_those_of_the_paper(corrections, eta):
    sampler = {"eta": eta, "predictor": "reverse-diffusion", "corrections": corrections}
    mean, cov = engine_moments("enhanced", {"steps": 9} | sampler, OUVE())
    want = _predictor_corrector(OUVE(), 9, eta, corrections)
    np.testing.assert_allclose(mean[X], want[0], atol=TOLERANCE)
    np.testing.assert_allclose(cov[X, X], want[1], atol=TOLERANCE)


def test_corrections_mend_the_start_and_inflate_by_no_more_than_they_say():
    """Of the variance 1 / (1 - SNR^2) at most; the mean forgets where it started."""
    point = {"steps": 100, "eta": 1.0}
    (plain, _), (mean, cov) = (
        engine_moments("enhanced", point | {"corrections": n}) for n in (0, 1)
    )
    assert abs(mean[X] - MEAN[X]).max() < 0.2 * abs(plain[X] - MEAN[X]).max()
    ratios = np.linalg.eigvals(np.linalg.solve(COV[X, X], cov[X, X])).real
    assert (ratios > 0.98).all() and (ratios < 1 / (1 - 0.5**2)).all()


class _Constant:
    """Draws one number for all of a process' noise."""

    def __init__(self, value=0.0):
        self.value = value

    def split(self, stream):
        return _Constant({"signal0": 0.3, "logit0": -0.2}[stream])

    def normal(self, shape):
        return torch.full((1, *shape), self.value, dtype=torch.float64)


def test_parallel_with_corrections_by_hand():
    """Two steps, the second coupled: y0_hat guides x, its x0_hat guides y, corrections included."""
    process = OUVE()
    point = {"steps": 2, "warm_up": 0.5, "answer": "y"}
    moves = schedule_of("parallel", search_spaces.load("parallel").paper_point(2, "speech") | point)
    outcome, _ = run(moves, _Constant(), 1, process)
    sigma_T = float(process.deviation(1.0))
    x, y = np.full(2, X_COR + 0.3 * sigma_T), np.full(2, Y_COR - 0.2 * sigma_T)

    def step(z, t, s, drawn, mean, cov, origin):
        share, sigma = math.exp(-process.theta * t), float(process.deviation(t))
        precision = np.linalg.inv(share**2 * cov + sigma**2 * EYE)
        center = share * mean + (1 - share) * origin
        z = z - 0.5 * sigma**2 * precision @ (z - center) + sigma * drawn  # one correction
        score, g2 = -precision @ (z - center), float(process.diffusion(t)) ** 2 * (t - s)
        clean = (z + sigma**2 * score - (1 - share) * origin) / share
        z = z - process.theta * (origin - z) * (t - s) + g2 * score
        return (z + g2**0.5 * drawn if s > 0 else z), clean

    x, _ = step(x, 1.0, 0.03, 0.3, MEAN[X], COV[X, X], X_COR)
    y, y_hat = step(y, 1.0, 0.03, -0.2, MEAN[Y], COV[Y, Y], Y_COR)
    guided = MEAN[X] + gain(X, Y) @ (y_hat - MEAN[Y])
    x, x_hat = step(x, 0.03, 0.0, 0.3, guided, conditional(X, Y), X_COR)
    guided = MEAN[Y] + gain(Y, X) @ (x_hat - MEAN[X])
    y, _ = step(y, 0.03, 0.0, -0.2, guided, conditional(Y, X), Y_COR)
    np.testing.assert_allclose(outcome.x.flatten().numpy(), x, atol=TOLERANCE)
    np.testing.assert_allclose(outcome.y.flatten().numpy(), y, atol=TOLERANCE)


# ---- spectrograms and rows of logits, every strategy


def _point(name, **changes):
    point = search_spaces.load(name).paper_point(6, "speech")
    return point | {"chains": 2} | changes if point else point


def _large(name, point, indices=range(4), shapes=LARGE):
    noise = SampleNoise(0, list(indices))
    process = OUVE(complex_state=True)
    return run(schedule_of(name, point), noise, len(noise.indices), process, shapes, torch.float32)


@pytest.mark.parametrize("logit_shape", [(4,), (3, 4)])
@pytest.mark.parametrize("name", strategies.names("sentence"))
def test_every_strategy_keeps_the_shapes_and_costs_what_its_schedule_says(name, logit_shape):
    point = _point(name)
    outcome, meter = _large(name, point, shapes=(LARGE[0], logit_shape))
    assert outcome.y.shape == outcome.deviation.shape == (4, *logit_shape)
    assert outcome.x.shape == (4, *LARGE[0]) and outcome.x.dtype == torch.float32
    expected = cost(schedule_of(name, point), needs_origin=True)
    calls = {kind: meter.calls[kind] / 4 for kind in ("signal", "logit", "classifier")}
    assert calls == {
        "signal": expected.nfe_signal,
        "logit": expected.nfe_logit,
        "classifier": expected.nfe_classifier,
    }


@pytest.mark.parametrize("name", strategies.names("sentence"))
def test_a_sample_depends_on_neither_neighbours_nor_batch(name):
    whole, _ = _large(name, _point(name))
    part, _ = _large(name, _point(name), [3, 1])
    for field in ("y", "x", "deviation"):
        ours, theirs = getattr(part, field), getattr(whole, field)[[3, 1]]
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_corrected_trajectory_costs_two_calls_a_step():
    _, meter = _large("enhanced", _point("enhanced", steps=7, chains=1))
    assert meter.calls["signal"] == 4 * 2 * 7


def test_prefixes_are_shared_with_their_origin_and_its_cost():
    process, cache = OUVE(complex_state=True), PrefixCache(2**30)
    system = system_of(process, LARGE[1])
    for iterations in (1, 2, 3, 2):
        moves = schedule_of("alternating", _point("alternating", iterations=iterations))
        outcomes = []
        for store in (None, cache):
            x_cor, meter = torch.full((4, *LARGE[0]), X_COR), Meter()
            batch = x_cor if store is None else store.batch("key", lambda x_cor=x_cor: x_cor)
            outcome = Engine(system, LARGE[1], meter).run(
                check(moves), batch, SampleNoise(0, range(4))
            )
            outcomes.append((outcome, meter.calls))
        (alone, calls), (shared, shared_calls) = outcomes
        assert torch.equal(alone.y, shared.y) and torch.equal(alone.x, shared.x)
        expected = 4 * cost(moves, needs_origin=True).nfe_classifier
        assert calls == shared_calls and calls["classifier"] == expected


def test_levels_are_encoded_once_a_grid_and_never_the_clean_one():
    process = OUVE()
    system = system_of(process, LARGE[1])
    engine = Engine(system, LARGE[1], Meter())
    for steps in (3, 5, 3):
        moves = schedule_of("logit-only", {"signal_steps": steps, "logit_steps": 3, "eta": 0.0})
        engine.run(moves, torch.full((2, *LARGE[0]), X_COR), SampleNoise(0, range(2)))
    want = [process.levels(steps)[:-1] for steps in (3, 5)]
    assert [grid.tolist() for grid in system.signal_denoiser.grids] == [
        pytest.approx(levels) for levels in want
    ]
    assert len(system.logit_denoiser.grids) == 1


@pytest.mark.parametrize(("logit_process", "calls"), [(OUVE(), 1), (GaussianDiffusion(4), 0)])
def test_the_classifier_is_called_for_an_origin_only_where_one_is_needed(logit_process, calls):
    exact, meter = system_of(OUVE(), LARGE[1]), Meter()
    system = CoupledSystem(exact.classifier, OUVE(), logit_process)
    moves = [Start("signal", 2), Start("logit", 2), Answer("x_cor")]
    for expected in (moves[:2], moves):
        meter.reset()
        state = State(SharedBatch(torch.full((3, *LARGE[0]), X_COR)))
        for move in expected:
            Engine(system, LARGE[1], meter)._apply(state, move, SampleNoise(0, range(3)))
        assert meter.calls["classifier"] == 3 * (calls if len(expected) == 2 else 1)


def test_an_ouve_process_without_its_origin_is_refused():
    x = torch.zeros(1, 2)
    for ask in (
        lambda: OUVE().prior(None, x),
        lambda: OUVE().clean_of(x, x, 0.5),
        lambda: OUVE().step(x, x, 0.5, 0.4, 1.0, x),
        lambda: OUVE().predict(x, x, 0.5, 0.4, 1.0, x),
    ):
        with pytest.raises(UsageError, match="no origin"):
            ask()
