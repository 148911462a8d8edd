"""Chains that end once a sample is settled: which do, what they answer, what they cost, what is recorded."""

import json
import math
from dataclasses import replace
from platform.cli.next_commands import search_flags
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import open_study
from platform.pipeline.trial_log import TrialLog
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import torch
from helpers import tiny_task
from settled_sampler import BATCH, LOGIT_SHAPES, SHAPE, Sampler, T, close

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.evaluation.call_count import call_count
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, joined, measurement_config, measurement_of
from trainables.evaluation.shown import shown_samples
from trainables.evaluation.storage import Storage
from trainables.sampling.cost import cost
from trainables.sampling.legality import check
from trainables.sampling.moves import Answer, NewChainUnlessSettled
from trainables.sampling.prefix_cache import PrefixCache
from trainables.sampling.settling import settlement
from trainables.scoring.cost_metrics import BY_NFE
from trainables.scoring.metric_names import MEAN_CHAINS, NFE, NFE_LOGIT
from trainables.strategies import ChainParameters, schedule_of

CHAINS = 6
POINTS = {
    "card": {"steps": 3, "eta": 1.0},
    "enhanced": {"steps": 2, "eta": 0.5},
    "uncoupled": {"signal_steps": 2, "logit_steps": 3, "eta": 1.0},
    "signal-only": {"signal_steps": 2, "logit_steps": 3, "eta": 1.0},
    "logit-only": {"signal_steps": 2, "logit_steps": 3, "eta": 1.0},
    "parallel": {"steps": 3, "warm_up": 0.4, "eta": 1.0, "answer": "mean"},
    "nested": {
        "outer_steps": 4, "inner_steps": 2, "t_switch": 0.5, "refresh_interval": 0.25, "eta": 1.0,
    },
    "alternating": {
        "iterations": 2, "signal_steps": 2, "logit_steps": 2, "first_guidance": "y_cor", "eta": 0.0,
        "answer": "x",
    },
}  # fmt: skip
THRESHOLD = 1.5
CASCADES = {name for name in strategies.names() if strategies.lent(name)}


def _point(name, settled=THRESHOLD, chains=CHAINS):
    return POINTS[name] | {"chains": chains, "settled": settled}


def _by_hand(leads, prior=1.0):
    mean, n = sum(leads) / len(leads), len(leads)
    s = math.sqrt((prior + sum((lead - mean) ** 2 for lead in leads)) / n)
    return mean / (s / math.sqrt(n))


def test_after_one_chain_a_sample_is_as_settled_as_its_class_leads():
    logits = torch.tensor([[[1.0, 3.5, 2.0], [0.0, 0.0, -1.0]]])
    torch.testing.assert_close(settlement(logits), torch.tensor([1.5, 0.0]))


def test_after_several_it_is_the_mean_lead_in_standard_errors():
    """The classes are those of the mean: the second chain has another order."""
    logits = torch.tensor([[[4.0, 1.0, 0.0]], [[2.0, 2.5, 0.0]], [[5.0, 0.0, 3.0]]])
    expected = _by_hand([3.0, -0.5, 5.0])
    torch.testing.assert_close(settlement(logits), torch.tensor([expected]))


def test_of_sentences_the_least_settled_token_counts():
    tokens = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = [min(float(settlement(tokens[:, b, s : s + 1])) for s in range(4)) for b in (0, 1)]
    torch.testing.assert_close(settlement(tokens), torch.tensor(expected))


def test_every_strategy_with_chains_is_tried_here():
    with_chains = {
        name
        for name in strategies.names()
        if issubclass(strategies.load(name).Parameters, ChainParameters)
    }
    assert with_chains - set(POINTS) == {"guided", "parallel-noisy"} | CASCADES


@pytest.mark.parametrize("name", POINTS)
def test_where_nothing_is_settled_all_is_that_of_the_fixed_number_of_chains(name):
    ours, reading = Sampler().run(name, _point(name, settled=1e6, chains=3))
    theirs, expected = Sampler().run(name, _point(name, settled=0.0, chains=3))
    for field in ("y", "x", "deviation"):
        assert torch.equal(getattr(ours, field), getattr(theirs, field))
    assert (reading.calls, reading.flops) == (expected.calls, expected.flops)
    assert ours.chains.tolist() == [3] * BATCH


@pytest.mark.parametrize("logit_shape", LOGIT_SHAPES)
@pytest.mark.parametrize("name", POINTS)
def test_a_sample_is_answered_as_alone_and_as_by_its_number_of_chains(name, logit_shape):
    sampler, threshold = Sampler(logit_shape), THRESHOLD / len(logit_shape)
    outcome, reading = sampler.run(name, _point(name, threshold))
    numbers = outcome.chains.tolist()
    assert len(set(numbers)) > 1, "the test wants samples with several numbers of chains"
    assert outcome.y.shape == (BATCH, *logit_shape) and outcome.x.shape == (BATCH, *SHAPE)
    calls = 0
    for chains in set(numbers):
        index = numbers.index(chains)
        alone, spent = sampler.run(name, _point(name, threshold), [index])
        fixed, expected = sampler.run(name, _point(name, 0.0, chains), [index])
        assert alone.chains.tolist() == [chains]
        for other in (alone, fixed):
            picked = replace(outcome, **{f: getattr(outcome, f)[[index]] for f in vars(outcome)})
            close(picked, other)
        assert spent.calls == expected.calls
        calls += numbers.count(chains) * expected.calls.total()
    assert reading.calls.total() == calls


def test_all_may_be_settled_at_once():
    outcome, reading = Sampler().run("card", _point("card", settled=1e-9))
    one, expected = Sampler().run("card", _point("card", chains=1))
    assert torch.equal(outcome.y, one.y) and outcome.chains.tolist() == [1] * BATCH
    assert reading.calls == expected.calls and not outcome.deviation.any()


@pytest.mark.parametrize("name", ["card", "nested"])
def test_points_that_share_their_first_chains_give_what_they_give_alone(name):
    shared = Sampler(cache=PrefixCache(2**30))
    points = [(0.0, 2), (THRESHOLD, 3), (THRESHOLD, CHAINS), (3.0, 4), (THRESHOLD, 5), (1e-9, 3)]
    for settled, chains in points + points[::-1]:
        point = _point(name, settled, chains)
        ours, reading = shared.run(name, point)
        theirs, expected = Sampler().run(name, point)
        for field in vars(ours):
            assert torch.equal(getattr(ours, field), getattr(theirs, field))
        assert reading.calls == expected.calls and reading.flops == pytest.approx(expected.flops)


def test_an_observer_is_told_of_whole_batches_and_changes_nothing():
    steps = []
    outcome, reading = Sampler().run("card", _point("card"), observer=lambda *s: steps.append(s))
    plain, expected = Sampler().run("card", _point("card"))
    assert torch.equal(outcome.y, plain.y) and reading.calls == expected.calls
    assert all(estimate.shape == (BATCH, 3) for _, _, estimate in steps)
    last = steps[-1][2]
    for index, chains in enumerate(outcome.chains.tolist()):
        told = []
        fixed = _point("card", 0.0, chains)
        Sampler().run("card", fixed, [index], observer=lambda *s, told=told: told.append(s))
        torch.testing.assert_close(last[[index]], told[-1][2], atol=1e-5, rtol=1e-5)


def test_what_is_known_before_sampling_is_the_most_that_it_costs():
    moves, fixed = schedule_of("nested", _point("nested")), _point("nested", 0.0)
    assert cost(moves) == cost(schedule_of("nested", fixed)) == call_count("nested", fixed, T)
    assert call_count("nested", _point("nested"), T) == cost(moves)


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan])
def test_a_threshold_that_settles_everything_is_refused(threshold):
    with pytest.raises(ValueError, match="must be above 0"):
        check([Answer("x_cor"), NewChainUnlessSettled(threshold), Answer("x_cor")])


@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf])
def test_a_wrong_parameter_is_refused(value):
    with pytest.raises(UsageError, match="settled is"):
        schedule_of("card", _point("card", settled=value))


def test_with_0_a_point_is_the_point_of_earlier_releases():
    task, sampling = tiny_task(), Sampling("test", 40, 3)
    earlier = POINTS["card"] | {"chains": 4}
    assert schedule_of("card", earlier) == schedule_of("card", earlier | {"settled": 0.0})
    config = measurement_config(task, "card", earlier, sampling)
    assert config == measurement_config(task, "card", earlier | {"settled": 0.0}, sampling)
    assert config != measurement_config(task, "card", earlier | {"settled": 1.0}, sampling)


@pytest.fixture(scope="module")
def stored(parts, tmp_path_factory):
    """A storage that has the parts of `card`, and its task."""
    storage, task = Storage(str(tmp_path_factory.mktemp("runs"))), tiny_task()
    for kind in ("classifier", "card"):
        storage.parts.save(kind, task, parts[kind], {})
    return task, storage


def _new_evaluator(stored):
    return Evaluator(stored[0], "card", stored[1], 16, torch.device("cpu"))


@pytest.fixture(scope="module")
def evaluator(stored):
    return _new_evaluator(stored)


SAMPLING, SETTLED = Sampling("test", 40, 3, "float32"), 0.45


def test_the_record_has_the_mean_and_the_share_that_goes_on_after_each_chain(stored, evaluator):
    point = _point("card", SETTLED)
    measurement = evaluator.measure(point, SAMPLING)
    outcome, _ = evaluator.sample(point, SAMPLING)
    shares = [float((outcome.chains > n).float().mean()) for n in range(1, CHAINS)]
    assert 0 < shares[-1] < 1
    assert measurement.running == pytest.approx(shares)
    mean = float(outcome.chains.float().mean())
    assert measurement.cost[MEAN_CHAINS] == pytest.approx(mean)
    assert measurement.cost[NFE] == measurement.cost[NFE_LOGIT] == pytest.approx(3 * mean)
    again = stored[1].records.get(measurement.key)
    assert again == measurement and again.running == measurement.running
    tally = _new_evaluator(stored).tally(point, SAMPLING)
    replayed = measurement_of(measurement.config, point, [tally])
    assert replayed.correct == measurement.correct and replayed.running == measurement.running


def test_pieces_come_to_the_whole(stored, evaluator):
    point = _point("card", SETTLED)
    config = measurement_config(stored[0], "card", point, SAMPLING)
    whole = measurement_of(config, point, [evaluator.tally(point, SAMPLING)])
    rows = [slice(0, 16), slice(16, 32), slice(32, 40)]
    tallies = [evaluator.tally(point, SAMPLING, part) for part in rows]
    partials = stored[1].partials
    partials.save(config, tallies[:2])
    for pieces in tallies, [joined(tallies)], [*partials.find(config), tallies[2]]:
        merged = measurement_of(config, point, pieces)
        assert merged.correct == whole.correct and merged.running == whole.running
        assert merged.cost[NFE] == whole.cost[NFE]


def test_a_record_of_a_point_without_it_has_nothing_more(stored, evaluator):
    measurement = evaluator.measure(_point("card", 0.0, 2), SAMPLING)
    assert measurement.running == () and MEAN_CHAINS not in measurement.cost
    assert "running" not in stored[1].records.path(measurement.key).read_text()


def test_samples_are_shown_as_they_are_answered(evaluator):
    point = _point("card", SETTLED)
    shown = shown_samples(evaluator, point, replace(SAMPLING, limit=16), 8)
    outcome, _ = evaluator.sample(point, replace(SAMPLING, limit=16))
    assert shown.answers == tuple(evaluator.judge.texts(evaluator.answers(outcome)))
    assert shown.frames is not None and shown.frames.probabilities.shape[0] == 8


def test_the_usual_space_does_not_have_it_and_the_larger_one_is_another_sweep():
    usual, larger = (search_spaces.description("card", T, "image", s) for s in (False, True))
    assert "settled" not in json.dumps(usual) and "settled" in json.dumps(larger)
    assert usual == search_spaces.description("card", T, "image")
    assert all("settled" not in search_spaces.load(n).paper_point(T) for n in POINTS)


@pytest.mark.parametrize("name", [*POINTS, "noisy"])
def test_points_of_the_larger_space_are_legal_and_end_chains_where_there_are_several(name):
    """Every path through the space is among the points of its description."""
    points = [entry[2] for entry in search_spaces.description(name, T, "image", True)["points"]]
    assert any("settled" in point for point in points) == (name != "noisy")
    for point in points:
        settles = any(isinstance(m, NewChainUnlessSettled) for m in schedule_of(name, point))
        assert settles == ("settled" in point)
        assert point.get("chains", 1) > 1 or not settles


def test_earlier_points_carry_over_to_the_larger_space_but_not_back():
    fixed = search_spaces.load("card").paper_point(T) | {"chains": 4, "steps": 2}
    adaptive = fixed | {"settled": 4.0}
    assert search_spaces.answers_to("card", adaptive, T, "image") is None
    assert search_spaces.answers_to("card", fixed, T, "image", True)["settled"] == 0
    assert search_spaces.answers_to("card", adaptive, T, "image", True)["settled"] == 4
    assert "settled" not in search_spaces.answers_to("card", fixed, T, "image")
    other = adaptive | {"settled": 3.0}
    assert search_spaces.answers_to("card", other, T, "image", True) is None


def test_a_search_with_it_asks_for_it_after_the_papers_point(tmp_path):
    setup = _setup(tmp_path, settled=True)
    assert setup.sweep_id != _setup(tmp_path).sweep_id
    assert "--settled" in search_flags(setup) and "--settled" not in search_flags(_setup(tmp_path))
    study, log = open_study(setup), TrialLog(tmp_path / "trials.jsonl")
    searcher = StudySearcher(study, log, "card", setup.task.recipe.T, settled=True)
    points = [searcher.suggest(str(number)) for number in range(10)]
    assert points[0] == search_spaces.load("card").paper_point(setup.task.recipe.T)
    assert any("settled" in point for point in points[1:])


def _setup(folder, **changes):
    fields = ("card", "digits", "gn30", "smoke", 6, 0, 1, None, str(folder), "sqlite://")
    return setup_of(Plan(*fields, **changes))


@pytest.mark.parametrize(
    ("calls", "text"), [(3.0, "3"), (3.305, "3.3"), (0.04, "0"), (47.96, "48"), (350.4, "350")]
)
def test_a_mean_of_calls_is_written_with_a_decimal(calls, text):
    assert BY_NFE.number(calls) == text
