"""The engine on states shaped like speech: spectrograms (2, F, T) and one row of logits a token (S, K).

Nothing in it may take a signal for an image, or a sample's logits for a vector.
"""

import pytest
import torch
from helpers import ExactLogit, ExactSignal

import search_spaces
from trainables import strategies
from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.sampling.cost import cost
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of
from trainables.task.members import lent_logit

T, SIGNAL_SHAPE, LOGIT_SHAPE = 6, (2, 6, 5), (3, 4)
VARIANCE_X, VARIANCE_Y = 0.09, 0.04
SIGNAL_PARTS = {"enhanced", "alternating", "nested", "parallel", "parallel-noisy"}
LOGIT_PARTS = {"card", "alternating", "nested", "parallel", "parallel-noisy"}


def _classify(x):
    """A row for each of three spans of frames, the same number for every token of the vocabulary."""
    spans = torch.stack([span.flatten(1).mean(1) for span in x.tensor_split(3, dim=3)], dim=1)
    return spans[:, :, None].expand(-1, *LOGIT_SHAPE).contiguous()


def _x_cor(indices):
    every = torch.linspace(-1, 1, 8 * 60).reshape(8, *SIGNAL_SHAPE)
    return every[list(indices)]


def _run(name, point, indices=range(5)):
    """With the denoisers of the strategy's parts alone."""
    parts = {part for part in strategies.load(name).PARTS if part not in strategies.lent(name)}
    process = GaussianDiffusion(T)
    system = CoupledSystem(
        _classify,
        process,
        process,
        ExactSignal(process, VARIANCE_X) if parts & SIGNAL_PARTS else None,
        ExactLogit(process, VARIANCE_Y) if parts & LOGIT_PARTS else None,
        lent={lent_logit(part): ExactLogit(process, VARIANCE_Y) for part in strategies.lent(name)},
    )
    meter, noise = Meter(), SampleNoise(0, list(indices))
    moves = schedule_of(name, point)
    outcome = Engine(system, LOGIT_SHAPE, meter).run(moves, _x_cor(indices), noise)
    return outcome, meter, cost(moves)


def _point(name, **changes):
    """The paper's point, every step random; two chains."""
    point = search_spaces.load(name).paper_point(T)
    return point | {"eta": 1.0, "chains": 2} | changes if point else point


@pytest.mark.parametrize("name", strategies.names("sentence"))
def test_every_strategy_keeps_the_shapes_and_costs_what_its_schedule_says(name):
    outcome, meter, expected = _run(name, _point(name))
    assert outcome.y.shape == outcome.deviation.shape == (5, *LOGIT_SHAPE)
    assert outcome.x.shape == (5, *SIGNAL_SHAPE)
    calls = {kind: meter.calls[kind] for kind in ("signal", "logit", "classifier")}
    assert calls == {
        "signal": 5 * expected.nfe_signal,
        "logit": 5 * expected.nfe_logit,
        "classifier": 5 * expected.nfe_classifier,
    }
    assert bool((outcome.deviation > 0).all()) == (name != "noisy")


@pytest.mark.parametrize("name", strategies.names("sentence"))
def test_a_sample_depends_on_neither_neighbours_nor_batch(name):
    whole, _, _ = _run(name, _point(name))
    part, _, _ = _run(name, _point(name), [3, 1])
    for field in ("y", "x", "deviation"):
        ours, theirs = getattr(part, field), getattr(whole, field)[[3, 1]]
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def _one_step(prior, mean, variance):
    """E[z0 | z_T = prior] for z0 ~ N(mean, variance), what a trajectory of one step ends at."""
    abar = float(GaussianDiffusion(T).alpha_bar[T])
    mean = mean.reshape(-1, *[1] * (prior.dim() - 1))
    return mean + variance * abar**0.5 / (abar * variance + 1 - abar) * (prior - abar**0.5 * mean)


def _priors():
    noise = SampleNoise(0, range(5))
    signal, logit = noise.split("signal0"), noise.split("logit0")
    return signal.normal(SIGNAL_SHAPE), logit.normal(LOGIT_SHAPE)


@pytest.mark.parametrize(
    ("name", "changes", "guide"),
    [
        ("logit-only", {"signal_steps": 1, "logit_steps": 1}, "nothing"),
        ("parallel", {"steps": 1, "warm_up": 0.0}, "y_cor"),
        ("parallel-noisy", {"steps": 1, "warm_up": 0.0}, "y_T"),
        ("alternating", {"iterations": 1, "signal_steps": 1, "logit_steps": 1}, "y_cor"),
    ],
)
def test_one_step_of_each_by_hand(name, changes, guide):
    """x given f(x_cor), the logits' prior or nothing, y given x: every entry from its own noise."""
    outcome, _, _ = _run(name, _point(name, chains=1, **changes))
    prior_x, prior_y = _priors()
    guides = {
        "nothing": torch.zeros(5),
        "y_cor": _classify(_x_cor(range(5))).flatten(1).mean(1),
        "y_T": prior_y.flatten(1).mean(1),
    }
    x = _one_step(prior_x, guides[guide], VARIANCE_X)
    torch.testing.assert_close(outcome.x, x)
    torch.testing.assert_close(outcome.y, _one_step(prior_y, x.flatten(1).mean(1), VARIANCE_Y))


def test_an_answer_by_the_classifier_is_of_the_sampled_signal():
    outcome, _, _ = _run("enhanced", _point("enhanced", steps=1, chains=1))
    torch.testing.assert_close(outcome.x, _one_step(_priors()[0], torch.zeros(5), VARIANCE_X))
    torch.testing.assert_close(outcome.y, _classify(outcome.x))
