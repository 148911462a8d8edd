"""What an observer of the engine sees: the steps of every schedule, and no change of any number."""

import pytest
import torch
from helpers import ExactLabels, ExactLogit, ExactSignal

from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.labels import LabelDiffusion
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.observer import levels_told
from trainables.sampling.prefix_cache import PrefixCache
from trainables.sampling.system import CoupledSystem, LabelSystem
from trainables.strategies import schedule_of

T, COUNT = 8, 3
ENHANCED = [("signal", level) for level in (1, 0.75, 0.5, 0.25)]
CARD = [("logit", level) for level in (1, 0.5)]
SCHEDULES = {
    "enhanced": ({"steps": 4, "eta": 1.0}, ENHANCED),
    "card": ({"steps": 2, "eta": 0.0, "chains": 2}, CARD * 2),
    "parallel": (
        {"steps": 2, "warm_up": 0.5, "eta": 1.0},
        [("signal", 1), ("logit", 1), ("signal", 0.5), ("logit", 0.5)],
    ),
    "alternating": (
        {
            "iterations": 2, "signal_steps": 4, "logit_steps": 2, "first_guidance": "y_cor",
            "eta": 0.5,
        },
        [*ENHANCED, *CARD] * 2,
    ),
    "nested": (
        {"outer_steps": 4, "inner_steps": 2, "t_switch": 0.5, "refresh_interval": 1.0, "eta": 1.0},
        [
            ("signal", 1), ("signal", 0.5), ("logit", 1), ("logit", 0.75), ("signal", 1),
            ("signal", 0.5), ("logit", 0.5), ("logit", 0.25),
        ],
    ),
    "noisy": ({}, []),
    "didicm-cp": ({"steps": 4}, [("label", level) for level in (0.75, 0.5, 0.25, 0)]),
    "didicm-cl": ({"steps": 2, "label_chains": 4}, [("label", 0.5), ("label", 0)]),
}  # fmt: skip


def _engine():
    process, labels = GaussianDiffusion(T), LabelDiffusion(3)
    posteriors = torch.tensor([[0.7, 0.2, 0.1]]).repeat(COUNT, 1)
    system = CoupledSystem(
        classifier=lambda x: x.flatten(1).mean(1, keepdim=True).repeat(1, 3),
        signal_process=process,
        logit_process=process,
        signal_denoiser=ExactSignal(process, 0.09),
        logit_denoiser=ExactLogit(process, 0.04),
        labels=LabelSystem(labels, ExactLabels(labels, posteriors), lambda logits: logits),
    )
    return Engine(system, (3,), Meter())


def _seen(engine, moves, batch=None):
    """The outcome, and what an observer is told on the way to it."""
    steps = []
    noise = SampleNoise(0, range(COUNT))
    x_cor = torch.ones(COUNT, 1, 2, 2) if batch is None else batch
    outcome = engine.run(
        moves, x_cor, noise, lambda process, level, z: steps.append((process, level, z))
    )
    return outcome, steps


@pytest.mark.parametrize("strategy", SCHEDULES)
def test_every_step_is_told_with_its_level(strategy):
    point, expected = SCHEDULES[strategy]
    engine, moves = _engine(), schedule_of(strategy, point)
    _, steps = _seen(engine, moves)
    assert [(process, pytest.approx(level)) for process, level, _ in steps] == expected
    last = {process: [] for process, _ in expected}
    for process, level, _ in steps:
        levels = last[process]
        last[process] = [*(levels if levels and level < levels[-1] else []), level]
    assert levels_told(moves, engine.system) == last


@pytest.mark.parametrize("strategy", SCHEDULES)
def test_no_number_changes_with_an_observer(strategy):
    moves = schedule_of(strategy, SCHEDULES[strategy][0])
    seen, plain = _engine(), _engine()
    outcome, _ = _seen(seen, moves)
    expected = plain.run(moves, torch.ones(COUNT, 1, 2, 2), SampleNoise(0, range(COUNT)))
    for name in ("x", "y", "deviation"):
        assert torch.equal(getattr(outcome, name), getattr(expected, name))
    ours, theirs = seen.meter.reading(), plain.meter.reading()
    assert (ours.calls, ours.flops) == (theirs.calls, theirs.flops)


@pytest.mark.parametrize("strategy", [name for name in SCHEDULES if "didicm" not in name])
def test_the_last_estimates_are_what_comes_out(strategy):
    """The last step of a process goes to its clean estimate; chains are averaged in the answer alone."""
    point = SCHEDULES[strategy][0]
    outcome, steps = _seen(_engine(), schedule_of(strategy, {**point, **_one_chain(point)}))
    last = {process: estimate for process, _, estimate in steps}
    if "signal" in last:
        torch.testing.assert_close(last["signal"], outcome.x)
    if "logit" in last:
        torch.testing.assert_close(last["logit"], outcome.y)


def _one_chain(point):
    return {"chains": 1} if "chains" in point else {}


def test_labels_are_told_as_probabilities_and_end_at_the_answer():
    outcome, steps = _seen(_engine(), schedule_of("didicm-cp", {"steps": 4}))
    for _, _, p in steps:
        torch.testing.assert_close(p.sum(dim=1), torch.ones(COUNT))
    torch.testing.assert_close(outcome.y.softmax(dim=1), steps[-1][2])
    outcome, steps = _seen(_engine(), schedule_of("didicm-cl", {"steps": 2, "label_chains": 4}))
    assert set((4 * steps[-1][2]).flatten().tolist()) <= {0, 1, 2, 3, 4}
    torch.testing.assert_close(outcome.y.softmax(dim=1), steps[-1][2], atol=1e-6, rtol=0)


def test_a_cached_prefix_hides_no_step():
    engine, cache = _engine(), PrefixCache(2**20)
    moves = schedule_of("nested", SCHEDULES["nested"][0])
    batch = cache.batch("key", lambda: torch.ones(COUNT, 1, 2, 2))
    expected = engine.run(moves, batch, SampleNoise(0, range(COUNT)))
    again = cache.batch("key", lambda: pytest.fail("the batch is cached"))
    calls = engine.meter.reading().calls
    outcome, steps = _seen(engine, moves, again)
    assert len(steps) == 8 and torch.equal(outcome.y, expected.y)
    assert engine.meter.reading().calls - calls == calls
