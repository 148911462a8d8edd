"""Schedules with corrections and the other predictor, written by hand; the paper's points for speech and
what they cost (E.5).
"""

import optuna
import pytest

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.diffusion.ouve import OUVE
from trainables.evaluation.call_count import call_count
from trainables.sampling.cost import Cost, cost
from trainables.sampling.legality import check
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Correct,
    NewChain,
    Predict,
    Start,
    Update,
)
from trainables.strategies import nested, schedule_of

STEPS = 50  # E.5
NAMES = strategies.names("sentence")
SAMPLED = [name for name in NAMES if name != "noisy" and not strategies.lent(name)]
X, Y = Predict(SIGNAL, 1.0), Predict(LOGIT, 1.0)
CORRECT_X, CORRECT_Y = Correct(SIGNAL), Correct(LOGIT)


def _paper(name, **changes):
    return search_spaces.load(name).paper_point(STEPS, "speech") | changes


def test_a_corrected_step_by_hand():
    """E.5: one corrector and one predictor a step, as of the default sampler of SGMSE."""
    expected = [Start(SIGNAL, 2), CORRECT_X, X, CORRECT_X, X, Answer("x")]
    assert schedule_of("enhanced", _paper("enhanced", steps=2)) == expected


def test_corrections_and_predictor_are_chosen_apart():
    x = Update(SIGNAL, 0.5)
    point = {"steps": 1, "eta": 0.5}
    run = schedule_of("enhanced", point | {"corrections": 2})
    assert run == [Start(SIGNAL, 1), CORRECT_X, CORRECT_X, x, Answer("x")]
    run = schedule_of("enhanced", point | {"predictor": "reverse-diffusion"})
    assert run == [Start(SIGNAL, 1), Predict(SIGNAL, 0.5), Answer("x")]


def test_parallel_with_corrections_by_hand():
    """Each correction hears what its step hears."""
    point = _paper("parallel", steps=3, warm_up=2 / 3)
    apart, coupled = [CORRECT_X, X, CORRECT_Y, Y], [CORRECT_X, X, Condition(SIGNAL, "x0_hat")]
    expected = [
        Start(SIGNAL, 3),
        Start(LOGIT, 3),
        Condition(SIGNAL, "x_cor"),
        *apart * 2,
        Condition(LOGIT, "y0_hat"),
        *coupled,
        CORRECT_Y,
        Y,
        Answer("x"),
    ]
    assert schedule_of("parallel", point) == expected


def test_nested_with_corrections_by_hand():
    point = _paper("nested", outer_steps=2, inner_steps=1, t_switch=0.5, chains=2)
    signal = [Start(SIGNAL, 1), CORRECT_X, X, Condition(SIGNAL, "x")]
    chain = [
        *signal,
        Start(LOGIT, 2),
        CORRECT_Y,
        Y,
        Condition(LOGIT, "y0_hat"),
        *signal,
        CORRECT_Y,
        Y,
        Answer("x"),
    ]
    assert schedule_of("nested", point) == [*chain, NewChain(), *chain]


@pytest.mark.parametrize("name", SAMPLED)
def test_without_corrections_by_the_posterior_schedules_are_those_of_images(name):
    point = search_spaces.load(name).paper_point(4)
    plain = {"corrections": 0, "predictor": "posterior"}
    assert schedule_of(name, point | plain) == schedule_of(name, point)
    assert not {"corrections", "predictor"} & set(point)


# E.5: 2, 10 and 7 times a trajectory of 50 corrected steps. Of the classifier: once for initialisation
# (where the logits start: f(x_cor)), after each signal that is shown, and on the enhanced speech, whose
# transcript is the answer (E.3). The paper's sum for nested, 1 + 5, leaves out the answer, and either
# f(x_cor) or the first of its six signals.
COSTS = {
    "enhanced": Cost(2 * STEPS, 0, 1),
    "card": Cost(0, 2 * STEPS, 1),
    "parallel": Cost(2 * STEPS, 2 * STEPS, 1 + 10 + 1),
    "parallel-noisy": Cost(2 * STEPS, 2 * STEPS, 1 + 10 + 1),
    "alternating": Cost(5 * 2 * STEPS, 5 * 2 * STEPS, 1 + 5 + 1),
    "nested": Cost(6 * 2 * STEPS, 2 * STEPS, 1 + 6 + 1),
    "noisy": Cost(0, 0, 1),
    "uncoupled": Cost(2 * STEPS, 2 * STEPS, 2),
    "logit-only": Cost(2 * STEPS, 2 * STEPS, 2),
    "signal-only": Cost(2 * STEPS, 2 * STEPS, 2),
    "cascade": Cost(2 * STEPS, 0, 2),
    "cascade-parallel": Cost(2 * STEPS, 2 * STEPS, 1 + 1 + 10 + 1),
    "cascade-nested": Cost(6 * 2 * STEPS, 2 * STEPS, 1 + 1 + 6 + 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_costs_at_the_papers_point_for_speech(name):
    assert cost(schedule_of(name, _paper(name)), needs_origin=True) == COSTS[name]
    assert call_count(name, _paper(name), STEPS, OUVE()) == COSTS[name]


def test_costs_are_the_papers_multiples_of_one_trajectory():
    one = COSTS["enhanced"].nfe
    multiples = {name: COSTS[name].nfe / one for name in ("parallel", "alternating", "nested")}
    assert multiples == {"parallel": 2, "alternating": 10, "nested": 7}


@pytest.mark.parametrize("name", SAMPLED)
def test_every_chain_asks_for_its_origin(name):
    one = cost(schedule_of(name, _paper(name)), needs_origin=True)
    three = cost(schedule_of(name, _paper(name, chains=3)), needs_origin=True)
    assert three.nfe_classifier == 3 * one.nfe_classifier and three.nfe == 3 * one.nfe


def test_parallel_couples_the_last_ten_steps():
    moves = schedule_of("parallel", _paper("parallel"))
    before = moves[: moves.index(Condition(LOGIT, "y0_hat"))]
    assert before.count(X) == before.count(Y) == 40
    assert moves.count(Condition(LOGIT, "y0_hat")) == 10


def test_nested_refreshes_before_each_of_the_last_five_steps():
    steps, refreshed = 0, []
    for move in schedule_of("nested", _paper("nested")):
        if move == Condition(LOGIT, "y0_hat"):
            refreshed.append(steps)
        steps += move == Y
    assert refreshed == [45, 46, 47, 48, 49] and steps == STEPS


@pytest.mark.parametrize("name", NAMES)
def test_every_space_for_speech_has_the_papers_point_and_keeps_to_its_cost(name):
    space = search_spaces.load(name)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    study.enqueue_trial(space.paper_point(20, "speech"))
    points = [space.suggest(study.ask(), 20, "speech") for _ in range(60)]
    assert points[0] == pytest.approx(space.paper_point(20, "speech"))
    for point in points:
        assert cost(schedule_of(name, point)).nfe <= 2 * 10 * 20
    if name != "noisy":
        assert {point["corrections"] for point in points} == {0, 1}
        assert {point["predictor"] for point in points} == {"posterior", "reverse-diffusion"}


@pytest.mark.parametrize("kind", ["image", "speech"])
def test_a_refresh_interval_that_is_too_dear_gives_way_to_a_longer_one(kind):
    space = search_spaces.load("nested")
    asked = space.paper_point(20, kind) | {"outer_steps": 10, "t_switch": 1.0}
    dear = cost(nested.Parameters(**asked).schedule()).nfe
    most = 200 if kind == "image" else 400
    trial = optuna.trial.FixedTrial(asked)
    point = space.suggest(trial, 20, kind)
    assert dear > most >= cost(schedule_of("nested", point)).nfe
    assert point["refresh_interval"] == 0.2  # every second step


@pytest.mark.parametrize("name", ["enhanced", "card"])
def test_the_grid_for_speech_has_the_papers_point_and_costs_no_more(name):
    space = search_spaces.load(name)
    points = space.grid(STEPS, "speech")
    paper = space.paper_point(STEPS, "speech")
    assert paper in points
    assert max(cost(schedule_of(name, p)).nfe for p in points) == cost(schedule_of(name, paper)).nfe


@pytest.mark.parametrize("name", ["parallel", "nested", "alternating", "enhanced", "uncoupled"])
def test_an_unknown_kind_of_signal_names_the_nearest(name):
    with pytest.raises(UsageError, match="did you mean 'speech'"):
        search_spaces.load(name).paper_point(20, "spech")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corrections": -1}, "corrections is -1"),
        ({"corrections": 0.5}, "must be of type int"),
        ({"predictor": "reverse"}, "did you mean 'reverse-diffusion'"),
    ],
)
def test_wrong_sampler_parameters_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        schedule_of("card", _paper("card") | change)


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([CORRECT_X, Answer("x_cor")], "no step left"),
        ([Start(SIGNAL, 1), X, CORRECT_X, Answer("x")], "no step left"),
        ([Start(LOGIT, 1), CORRECT_Y, Answer("x_cor")], "signal slot is empty"),
        ([Start(SIGNAL, 1), CORRECT_X, Answer("x")], "has not ended"),
        ([Start(SIGNAL, 1), CORRECT_X, Condition(SIGNAL, "x0_hat")], "no estimate yet"),
        ([Start(SIGNAL, 1), Predict(SIGNAL, 1.1), Answer("x")], "eta must be"),
        ([Start(SIGNAL, 1), X, X, Answer("x")], "no step left"),
    ],
)
def test_illegal_corrections_and_predictions_are_refused(moves, message):
    with pytest.raises(ValueError, match=message):
        check(moves)
