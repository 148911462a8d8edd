"""A cascade: the cheap half where it settles a sample, the dear half elsewhere."""

import math

import optuna
import pytest
import torch
from helpers import tiny_task
from settled_sampler import BATCH, Sampler, T, close

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.storage import Storage
from trainables.sampling.cost import cost
from trainables.sampling.moves import LogitsBy, StartOverUnlessSettled
from trainables.sampling.outcome import running_after_chains
from trainables.sampling.prefix_cache import PrefixCache
from trainables.strategies import schedule_of
from trainables.task import networks

SAMPLING = {"eta": 1.0, "temperature": 0.5, "chains": 2}
DEAR = {
    "cascade": ("enhanced", {"steps": 3} | SAMPLING),
    "cascade-parallel": ("parallel", {"steps": 3, "warm_up": 0.4, "answer": "mean"} | SAMPLING),
    "cascade-nested": (
        "nested",
        {"outer_steps": 4, "inner_steps": 2, "t_switch": 0.5, "refresh_interval": 0.25} | SAMPLING,
    ),
}
CARD = {"steps": 2, "eta": 0.5, "temperature": 0.25}
CHEAP = {"noisy": ("noisy", {}), "card": ("card", CARD)}
THRESHOLDS = {"noisy": 2.0, "card": 0.7}


both = pytest.mark.parametrize("name", DEAR)
first = pytest.mark.parametrize("cheap", CHEAP)


def _point(name, cheap, threshold, **changes):
    cheap_half = {f"cheap_{name}": value for name, value in CARD.items()}
    return DEAR[name][1] | {"cheap": cheap, "threshold": threshold} | cheap_half | changes


def _cheap(cheap, cache=None):
    """A run of the cheap half alone, by the denoiser that is trained for it."""
    return Sampler(cache=cache, part="card").run(*CHEAP[cheap])


@first
@both
def test_with_threshold_0_it_is_its_cheap_half_and_with_infinity_its_dear_one(name, cheap):
    is_lent = [LogitsBy("card")] if cheap == "card" else []
    assert schedule_of(name, _point(name, cheap, 0)) == [*is_lent, *schedule_of(*CHEAP[cheap])]
    assert schedule_of(name, _point(name, cheap, math.inf)) == schedule_of(*DEAR[name])


@first
@both
def test_at_the_ends_of_the_threshold_answers_and_signals_are_those_of_the_halves(name, cheap):
    """Also where both are sampled, each with its own denoisers and its own noise, and one of them dropped."""
    halves = {1e-9: _cheap(cheap), 1e9: Sampler().run(*DEAR[name])}
    for threshold, (theirs, _) in halves.items():
        ours, _ = Sampler().run(name, _point(name, cheap, threshold))
        for field in ("y", "x", "deviation"):
            assert torch.equal(getattr(ours, field), getattr(theirs, field))


@pytest.mark.parametrize("settled", [0.0, 1.5])
@first
@both
def test_a_sample_has_the_answer_of_the_half_that_it_ends_in(name, cheap, settled):
    chains = {"settled": settled, "chains": 4}
    point = _point(name, cheap, THRESHOLDS[cheap], **chains)
    outcome, reading = Sampler().run(name, point)
    cheaply, spent = _cheap(cheap)
    half, parameters = DEAR[name]
    dearly, _ = Sampler().run(half, parameters | chains)
    is_cheap = outcome.chains == 1
    assert 0 < int(is_cheap.sum()) < BATCH, "the test wants samples of both halves"
    for theirs, rows in ((cheaply, is_cheap), (dearly, ~is_cheap)):
        for field in ("y", "x", "deviation"):
            ours, expected = getattr(outcome, field)[rows], getattr(theirs, field)[rows]
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
    number = outcome.chains[~is_cheap] - 1
    assert number.tolist() == dearly.chains[~is_cheap].tolist()
    one = cost(schedule_of(half, parameters | {"chains": 1}))
    assert reading.calls["signal"] == one.nfe_signal * int(number.sum())
    assert reading.calls["logit"] == spent.calls["logit"] + one.nfe_logit * int(number.sum())
    running = running_after_chains(schedule_of(name, point), outcome)
    assert running[1] == len(number) and len(running) == 4
    assert BATCH + running.total() == int(outcome.chains.sum())


@both
def test_cascades_share_their_cheap_half(name):
    """In one cache also with points whose logits are denoised by the strategy's own network."""
    shared = Sampler(cache=PrefixCache(2**30))
    for threshold in (0.7, math.inf, 0.5, 1.0, 0.7):
        ours, reading = shared.run(name, _point(name, "card", threshold))
        theirs, expected = Sampler().run(name, _point(name, "card", threshold))
        close(ours, theirs)
        assert reading.calls == expected.calls


@first
def test_an_observer_is_told_of_whole_batches(cheap):
    """What a cheap answer settles has no signal trajectory: it is told as it came out, as x_cor."""
    steps, point = [], _point("cascade", cheap, THRESHOLDS[cheap])
    outcome, _ = Sampler().run("cascade", point, observer=lambda *step: steps.append(step))
    signals = [estimate for process, _, estimate in steps if process == "signal"]
    assert len(signals) == point["steps"] * point["chains"]
    is_cheap = outcome.chains == 1
    for estimate in signals:
        assert estimate.shape == outcome.x.shape
        assert torch.equal(estimate[is_cheap], outcome.x[is_cheap])
    close_to = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(signals[-1][~is_cheap], outcome.x[~is_cheap], **close_to)


@both
def test_its_parts_are_those_of_both_halves(name):
    parts = [set(strategies.load(half).PARTS) for half in ("card", DEAR[name][0])]
    assert set(strategies.load(name).PARTS) == set.union(*parts)


def test_an_evaluator_has_the_trained_denoiser_of_each_half(parts, tmp_path):
    storage, task = Storage(str(tmp_path)), tiny_task()
    for kind in ("classifier", "card", "nested"):
        storage.parts.save(kind, task, parts[kind], {})
    evaluator = Evaluator(task, "cascade-nested", storage, 6, torch.device("cpu"))
    system, x, y = evaluator.system(torch.float32), torch.rand(3, 1, 8, 8), torch.rand(3, 10)
    codes = {}
    for part, kind in ((None, "nested"), ("card", "card")):
        network = networks.logit_denoiser(evaluator.dataset, task.recipe, parts[kind]).eval()
        codes[kind] = network.encode_signals(x, y, x)
        ours = system.logits_by(part).plain_encode_signals(x, y, x)
        torch.testing.assert_close(ours, codes[kind])
    assert not torch.equal(codes["card"], codes["nested"])


@both
def test_what_is_known_before_sampling_is_the_most_that_it_costs(name):
    whole = cost(schedule_of(name, _point(name, "card", 1.0)))
    halves = [cost(schedule_of(*half)) for half in (CHEAP["card"], DEAR[name])]
    assert whole.nfe == sum(half.nfe for half in halves)
    assert whole.nfe_classifier == sum(half.nfe_classifier for half in halves)


@pytest.mark.parametrize("kind", ["image", "speech"])
@both
def test_its_space_has_both_cheap_halves_and_always_a_dear_one(name, kind):
    points = [entry[2] for entry in search_spaces.description(name, T, kind)["points"]]
    assert {point["cheap"] for point in points} == set(CHEAP)
    for point in points:
        moves = schedule_of(name, point)
        assert sum(isinstance(move, StartOverUnlessSettled) for move in moves) == 1


def test_where_the_dear_half_leaves_no_calls_for_card_the_classifier_answers_first():
    """At T = 10 no point has more than 100 calls, and this `nested` has them all."""
    answers = {"outer_steps": 10, "inner_steps": 10, "t_switch": 0.8, "refresh_interval": 2 / 15}
    answers |= {"eta": 0.0, "answer": "y", "chains": 1, "cheap": "card", "threshold": 4.0}
    trial = optuna.trial.FixedTrial(answers | {"cheap_steps": 1, "cheap_eta": 0.0})
    point = search_spaces.load("cascade-nested").suggest(trial, 10)
    assert (point["cheap"], point["threshold"], point["chains"]) == ("noisy", 4.0, 1)
    assert cost(schedule_of("cascade-nested", point)).nfe == 100


@pytest.mark.parametrize(
    "change",
    [{"cheap": "nested"}, {"threshold": -1.0}, {"threshold": math.nan}, {"cheap_steps": 0},
     {"cheap_eta": 2.0}, {"cheap_temperature": -1.0}],
)  # fmt: skip
def test_wrong_parameters_are_refused(change):
    with pytest.raises(UsageError, match=next(iter(change))):
        schedule_of("cascade", _point("cascade", "card", 1.0) | change)
