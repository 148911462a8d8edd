"""Two parameters of coupled sampling: how much noise a step injects, and which process answers."""

import numpy as np
import pytest
import torch
from joint_gaussian import Y_COR, Moments, engine_moments, run

from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.sampling.cost import cost
from trainables.sampling.legality import check
from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, Start, Update
from trainables.strategies import schedule_of

T = 12
POINTS = {
    "enhanced": {"steps": 4, "eta": 1.0},
    "card": {"steps": 4, "eta": 1.0},
    "parallel": {"steps": 4, "warm_up": 0.5, "eta": 1.0},
    "alternating": {
        "iterations": 2, "signal_steps": 3, "logit_steps": 2, "first_guidance": "none", "eta": 1.0,
    },
    "nested": {
        "outer_steps": 4, "inner_steps": 3, "t_switch": 0.5, "refresh_interval": 0.25, "eta": 1.0,
    },
}  # fmt: skip
COUPLED = ("parallel", "alternating", "nested")


def alternating(temperature):
    """Algorithm 4 with two iterations, whose steps inject so much of DDPM's noise."""
    m = Moments(T, 1, temperature)
    for iteration in range(2):
        if iteration:
            m.guide("x", "y")
        m.trajectory("x", 3)
        m.guide("y", "x")
        m.trajectory("y", 2)
    return m.ends()


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_a_temperature_scales_the_noise_of_every_step(temperature):
    moves = schedule_of("alternating", POINTS["alternating"] | {"temperature": temperature})
    for ours, theirs in zip(engine_moments(moves, T), alternating(temperature), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9, rtol=0)


def test_without_noise_the_end_is_the_mean_of_the_posterior_chain_from_its_start():
    """All that is random is the prior: averaged over it, temperature 0 and 1 have the same mean, and
    temperature 0 has less variance.
    """
    (mean, cov), (cold_mean, cold_cov) = (alternating(one) for one in (1.0, 0.0))
    np.testing.assert_allclose(cold_mean, mean, atol=1e-9)
    assert (np.diag(cold_cov) < np.diag(cov)).all()


@pytest.mark.parametrize("name", POINTS)
def test_temperature_one_is_bit_equal_to_none_given(name):
    outcomes = [
        run(schedule_of(name, POINTS[name] | given), T, SampleNoise(0, range(5)), 5)
        for given in ({}, {"temperature": 1.0})
    ]
    assert torch.equal(outcomes[0].x, outcomes[1].x) and torch.equal(outcomes[0].y, outcomes[1].y)


@pytest.mark.parametrize("name", POINTS)
def test_where_no_noise_is_injected_the_temperature_makes_no_other_schedule(name):
    point = POINTS[name] | {"eta": 0.0}
    assert schedule_of(name, point | {"temperature": 0.5}) == schedule_of(name, point)


def test_a_temperature_out_of_range_is_refused():
    with pytest.raises(UsageError, match=r"temperature is 1\.5"):
        schedule_of("card", POINTS["card"] | {"temperature": 1.5})
    with pytest.raises(ValueError, match="temperature must be from 0 to 1"):
        check([Start(SIGNAL, 1), Update(SIGNAL, 1.0, -0.1), Answer("x")])


@pytest.mark.parametrize("name", COUPLED)
def test_the_answer_changes_the_last_moves_alone(name):
    by_logits = schedule_of(name, POINTS[name])
    assert by_logits[-1] == Answer("y")
    by_signal = schedule_of(name, POINTS[name] | {"answer": "x"})
    assert by_signal == [*by_logits[:-1], Answer("x")]
    by_both = schedule_of(name, POINTS[name] | {"answer": "mean"})
    assert by_both == [*by_logits[:-1], Answer("y"), Answer("x")]
    calls = [cost(moves) for moves in (by_logits, by_signal, by_both)]
    assert len({one.nfe for one in calls}) == 1
    more = [one.nfe_classifier - calls[0].nfe_classifier for one in calls]
    assert more == [0, 1, 1]  # the classifier on the sampled signal


def test_parallel_answering_by_both_by_hand():
    point = {"steps": 1, "warm_up": 0.0, "eta": 0.0, "answer": "mean"}
    assert schedule_of("parallel", point) == [
        Start(SIGNAL, 1),
        Start(LOGIT, 1),
        Condition(LOGIT, "y_cor"),
        Update(SIGNAL, 0.0),
        Condition(SIGNAL, "x0_hat"),
        Update(LOGIT, 0.0),
        Answer("y"),
        Answer("x"),
    ]


@pytest.mark.parametrize("name", COUPLED)
def test_the_mean_is_that_of_both_answers_in_logit_space(name):
    """The exact system's classifier says Y_COR of every signal."""
    of = {
        answer: run(schedule_of(name, POINTS[name] | {"answer": answer}), T, SampleNoise(0, [7]), 1)
        for answer in ("y", "x", "mean")
    }
    expected = torch.tensor(Y_COR)[None]
    torch.testing.assert_close(of["x"].y, expected)
    torch.testing.assert_close(of["mean"].y, (of["y"].y + expected) / 2)
    assert torch.equal(of["mean"].x, of["y"].x)


@pytest.mark.parametrize("name", COUPLED)
def test_an_answer_that_nobody_knows_is_refused(name):
    with pytest.raises(UsageError, match="answer"):
        schedule_of(name, POINTS[name] | {"answer": "z"})
