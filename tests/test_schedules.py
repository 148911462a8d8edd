"""Schedules of nested and the baselines against lists written by hand from the paper; one contract for
every strategy.
"""

import optuna
import pytest

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.sampling.cost import Cost, cost
from trainables.sampling.legality import check
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    NewChain,
    RetrainedAnswer,
    Start,
    Update,
)
from trainables.strategies import schedule_of
from trainables.strategies.nested import Parameters

X, Y = Update(SIGNAL, 0.0), Update(LOGIT, 0.0)
SIGNAL_RUN = [Start(SIGNAL, 2), X, X, Condition(SIGNAL, "x")]


def test_nested_by_hand():
    """Six outer steps, refreshes in the last four of them (t <= t_switch), every second step."""
    point = Parameters(
        outer_steps=6, inner_steps=2, t_switch=2 / 3, refresh_interval=1 / 3, eta=0.0
    )
    refresh = [Condition(LOGIT, "y0_hat"), *SIGNAL_RUN]
    expected = [
        *SIGNAL_RUN,  # section 3.5: the inner diffusion once at the beginning
        Start(LOGIT, 6),  # Algorithm 6, line 1
        Y,
        Y,
        *refresh,  # lines 5 to 10
        Y,  # lines 11 and 12
        Y,
        *refresh,
        Y,
        Y,
        Answer("y"),  # line 14
    ]
    assert list(point.schedule()) == expected


def test_nested_as_algorithm_6_has_it_without_reduction():
    """A refresh before every step; before the first there is no estimate but f(x_cor) (line 2)."""
    point = Parameters(outer_steps=2, inner_steps=2, t_switch=1.0, refresh_interval=0.0, eta=0.0)
    expected = [
        *SIGNAL_RUN,
        Start(LOGIT, 2),
        Condition(LOGIT, "y_cor"),
        *SIGNAL_RUN,
        Y,
        Condition(LOGIT, "y0_hat"),
        *SIGNAL_RUN,
        Y,
        Answer("y"),
    ]
    assert list(point.schedule()) == expected


def test_nested_never_refreshes_with_t_switch_zero():
    point = Parameters(outer_steps=3, inner_steps=2, t_switch=0.0, refresh_interval=0.1, eta=0.0)
    assert list(point.schedule()) == [*SIGNAL_RUN, Start(LOGIT, 3), Y, Y, Y, Answer("y")]


def test_nested_costs_what_the_paper_says_at_its_point():
    """D.4: 7T denoiser and 1 + 5 classifier calls at T = 150; refreshes at steps 50, 70, ..., 130."""
    T = 150
    moves = schedule_of("nested", search_spaces.load("nested").paper_point(T))
    assert cost(moves) == Cost(nfe_signal=6 * T, nfe_logit=T, nfe_classifier=1 + 5)
    assert cost(moves).nfe == 7 * T
    steps, refreshed = 0, []
    for move in moves:
        if move == Condition(LOGIT, "y0_hat"):
            refreshed.append(steps)
        steps += isinstance(move, Update) and move.process == LOGIT
    assert refreshed == [50, 70, 90, 110, 130]


@pytest.mark.parametrize("T", [30, 50, 75, 150])
def test_the_papers_point_means_the_same_at_every_step_count(T):
    moves = schedule_of("nested", search_spaces.load("nested").paper_point(T))
    assert cost(moves) == Cost(6 * T, T, 6)


def test_baselines_by_hand():
    assert schedule_of("noisy", {}) == [Answer("x_cor")]
    expected = [Start(SIGNAL, 2), Update(SIGNAL, 0.5), Update(SIGNAL, 0.5), Answer("x")]
    assert schedule_of("enhanced", {"steps": 2, "eta": 0.5}) == expected
    T = 150
    assert cost(schedule_of("noisy", {})) == Cost(0, 0, 1)
    assert schedule_of("retrained", {}) == [RetrainedAnswer(1)]
    three = [RetrainedAnswer(1), RetrainedAnswer(2), RetrainedAnswer(3)]
    assert schedule_of("ensemble", {"members": 3}) == three
    assert cost(schedule_of("retrained", {})) == Cost(0, 0, 1) and cost(three) == Cost(0, 0, 3)
    paper = search_spaces.load("enhanced").paper_point(T)
    assert cost(schedule_of("enhanced", paper)) == Cost(T, 0, 1)


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategy_has_a_legal_space_with_the_papers_point_in_it(name):
    space = search_spaces.load(name)
    assert check(schedule_of(name, space.paper_point(150)))
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    study.enqueue_trial(space.paper_point(20))
    asked = [study.ask() for _ in range(60)]
    points = [space.suggest(trial, 20) for trial in asked]
    assert points[0] == pytest.approx(space.paper_point(20))
    for point in points:
        assert cost(schedule_of(name, point)).nfe <= 10 * 20


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategy_refuses_unknown_parameters(name):
    with pytest.raises(UsageError, match="unknown setting"):
        schedule_of(name, {"step": 3})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outer_steps": 0}, "outer_steps is 0"),
        ({"eta": 1.5}, "eta is 1.5"),
        ({"eta": float("nan")}, "eta is nan"),
        ({"t_switch": -0.1}, "t_switch is -0.1"),
        ({"inner_steps": 2.5}, "must be of type int"),
        ({"inner_steps": True}, "must be of type int"),
        ({"refresh": 0.2}, "did you mean 'refresh_interval'"),
    ],
)
def test_nested_refuses_wrong_parameters(change, message):
    point = search_spaces.load("nested").paper_point(20)
    with pytest.raises(UsageError, match=message):
        schedule_of("nested", point | change)


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([], "not an answer"),
        ([Start(SIGNAL, 1), X], "not an answer"),
        ([X, Answer("x")], "no step left"),
        ([Start(SIGNAL, 1), X, X, Answer("x")], "no step left"),
        ([Start(SIGNAL, 2), X, Answer("x")], "has not ended"),
        ([Start(LOGIT, 1), Y, Answer("y")], "signal slot is empty"),
        ([Condition(SIGNAL, "x"), Answer("x_cor")], "has not been started"),
        ([Start(LOGIT, 1), Condition(LOGIT, "y0_hat"), Answer("x_cor")], "no estimate yet"),
        ([Condition(SIGNAL, "y_cor"), Answer("x_cor")], "of the other kind"),
        ([Answer("x_cor"), Start(SIGNAL, 1)], "not an answer"),
        ([NewChain(), Answer("x_cor")], "no answer"),
        ([Start(SIGNAL, 1), X, Answer("x"), NewChain(), Answer("x")], "has not ended"),
        ([Answer("y")], "has not ended"),
        ([Start(SIGNAL, 0), Answer("x")], "a step or more"),
        ([Start(SIGNAL, 1), Update(SIGNAL, 2.0), Answer("x")], "eta must be"),
    ],
)
def test_illegal_schedules_are_refused(moves, message):
    with pytest.raises(ValueError, match=message):
        check(moves)


def test_unknown_strategy_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'nested'"):
        strategies.load("nestd")
