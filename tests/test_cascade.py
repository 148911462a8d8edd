"""A cascade: the cheap half where it settles a sample, the dear half elsewhere."""

import math

import pytest
import torch
from settled_sampler import BATCH, Sampler, T, close

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.sampling.cost import cost
from trainables.sampling.moves import StartOverUnlessSettled
from trainables.sampling.outcome import running_after_chains
from trainables.sampling.prefix_cache import PrefixCache
from trainables.strategies import schedule_of

DEAR = {"steps": 3, "eta": 1.0, "temperature": 0.5, "chains": 2}
CARD = {"steps": 2, "eta": 0.5, "temperature": 0.25}
HALVES = {"noisy": ("noisy", {}), "card": ("card", CARD)}
THRESHOLDS = {"noisy": 2.0, "card": 0.7}


def _point(cheap, threshold, **changes):
    cheap_half = {f"cheap_{name}": value for name, value in CARD.items()}
    return DEAR | {"cheap": cheap, "threshold": threshold} | cheap_half | changes


@pytest.mark.parametrize("cheap", HALVES)
def test_with_threshold_0_it_is_its_cheap_half_and_with_infinity_its_dear_one(cheap):
    assert schedule_of("cascade", _point(cheap, 0)) == schedule_of(*HALVES[cheap])
    assert schedule_of("cascade", _point(cheap, math.inf)) == schedule_of("enhanced", DEAR)


@pytest.mark.parametrize("cheap", HALVES)
def test_at_the_ends_of_the_threshold_answers_and_signals_are_those_of_the_halves(cheap):
    for threshold, half in ((1e-9, HALVES[cheap]), (1e9, ("enhanced", DEAR))):
        ours, _ = Sampler().run("cascade", _point(cheap, threshold))
        theirs, _ = Sampler().run(*half)
        for field in ("y", "x", "deviation"):
            assert torch.equal(getattr(ours, field), getattr(theirs, field))


@pytest.mark.parametrize("settled", [0.0, 1.5])
@pytest.mark.parametrize("cheap", HALVES)
def test_a_sample_has_the_answer_of_the_half_that_it_ends_in(cheap, settled):
    point = _point(cheap, THRESHOLDS[cheap], settled=settled, chains=4)
    outcome, reading = Sampler().run("cascade", point)
    cheaply, spent = Sampler().run(*HALVES[cheap])
    dearly, _ = Sampler().run("enhanced", DEAR | {"settled": settled, "chains": 4})
    is_cheap = outcome.chains == 1
    assert 0 < int(is_cheap.sum()) < BATCH, "the test wants samples of both halves"
    for half, rows in ((cheaply, is_cheap), (dearly, ~is_cheap)):
        for field in ("y", "x", "deviation"):
            ours, theirs = getattr(outcome, field)[rows], getattr(half, field)[rows]
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    chains = outcome.chains[~is_cheap] - 1
    assert chains.tolist() == dearly.chains[~is_cheap].tolist()
    assert reading.calls["logit"] == spent.calls["logit"]
    assert reading.calls["signal"] == DEAR["steps"] * int(chains.sum())
    running = running_after_chains(schedule_of("cascade", point), outcome)
    assert running[1] == len(chains) and len(running) == 4
    assert BATCH + running.total() == int(outcome.chains.sum())


def test_cascades_share_their_cheap_half():
    shared = Sampler(cache=PrefixCache(2**30))
    for threshold in (0.7, 0.5, 1.0, 0.7):
        ours, reading = shared.run("cascade", _point("card", threshold))
        theirs, expected = Sampler().run("cascade", _point("card", threshold))
        close(ours, theirs)
        assert reading.calls == expected.calls


@pytest.mark.parametrize("cheap", HALVES)
def test_an_observer_is_told_of_whole_batches(cheap):
    """What a cheap answer settles has no signal trajectory: it is told as it came out, as x_cor."""
    steps, point = [], _point(cheap, THRESHOLDS[cheap])
    outcome, _ = Sampler().run("cascade", point, observer=lambda *step: steps.append(step))
    signals = [estimate for process, _, estimate in steps if process == "signal"]
    assert len(signals) == DEAR["steps"] * DEAR["chains"]
    is_cheap = outcome.chains == 1
    for estimate in signals:
        assert estimate.shape == outcome.x.shape
        assert torch.equal(estimate[is_cheap], outcome.x[is_cheap])
    close_to = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(signals[-1][~is_cheap], outcome.x[~is_cheap], **close_to)


def test_its_parts_are_those_of_both_halves():
    parts = set(strategies.load("card").PARTS) | set(strategies.load("enhanced").PARTS)
    assert set(strategies.load("cascade").PARTS) == parts


def test_what_is_known_before_sampling_is_the_most_that_it_costs():
    whole, halves = cost(schedule_of("cascade", _point("card", 1.0))), []
    halves = [cost(schedule_of(*half)) for half in (HALVES["card"], ("enhanced", DEAR))]
    assert whole.nfe == sum(half.nfe for half in halves)
    assert whole.nfe_classifier == sum(half.nfe_classifier for half in halves)


@pytest.mark.parametrize("kind", ["image", "speech"])
def test_its_space_has_both_cheap_halves_and_always_a_dear_one(kind):
    points = [entry[2] for entry in search_spaces.description("cascade", T, kind)["points"]]
    assert {point["cheap"] for point in points} == set(HALVES)
    for point in points:
        moves = schedule_of("cascade", point)
        assert sum(isinstance(move, StartOverUnlessSettled) for move in moves) == 1


@pytest.mark.parametrize(
    "change",
    [{"cheap": "nested"}, {"threshold": -1.0}, {"threshold": math.nan}, {"cheap_steps": 0},
     {"cheap_eta": 2.0}, {"cheap_temperature": -1.0}],
)  # fmt: skip
def test_wrong_parameters_are_refused(change):
    with pytest.raises(UsageError, match=next(iter(change))):
        schedule_of("cascade", _point("card", 1.0) | change)
