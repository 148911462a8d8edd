"""Schedules of every strategy but nested, against lists written by hand from the paper, and what each
strategy costs at the paper's point.
"""

import pytest

import search_spaces
from trainables import strategies
from trainables.core.errors import UsageError
from trainables.models.images.classifier import ResNetConfig
from trainables.sampling.cost import Cost, cost
from trainables.sampling.legality import check
from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, NewChain, Start, Update
from trainables.strategies import alternating, parallel, schedule_of

T = 150
X, Y = Update(SIGNAL, 0.0), Update(LOGIT, 0.0)
SAMPLED = [
    name
    for name in strategies.names()
    if issubclass(strategies.load(name).Parameters, strategies.ChainParameters)
    and not strategies.lent(name)  # a cascade, whose cheap half has one chain
]
SIGNAL_RUN, LOGIT_RUN = [Start(SIGNAL, 2), X, X], [Start(LOGIT, 3), Y, Y, Y]
TWO_LOOPS = {"signal_steps": 2, "logit_steps": 3, "eta": 0.0}

# D.4, calls of the signal denoiser, the logit denoiser and the classifier. The ablations are not in
# the paper: two whole trajectories each, and a call for every signal that is shown or answers.
COSTS = {
    "parallel": Cost(T, T, 1 + T // 2),
    "parallel-noisy": Cost(T, T, 1 + T // 2),
    "alternating": Cost(5 * T, 5 * T, 1 + 5),
    "nested": Cost(6 * T, T, 1 + 5),
    "enhanced": Cost(T, 0, 1),
    "card": Cost(0, T, 1),
    "noisy": Cost(0, 0, 1),
    "retrained": Cost(0, 0, 1),
    "ensemble": Cost(0, 0, 1),
    "didicm-cp": Cost(0, 0, 0, 8),
    "didicm-cl": Cost(0, 0, 0, 2 * 16),
    "uncoupled": Cost(T, T, 2),
    "logit-only": Cost(T, T, 1),
    "signal-only": Cost(T, T, 2),
    # not in the paper: x_cor and all clean estimates but the last are shown, every step is guided
    "guided": Cost(T, T, T, nfe_gradient=T),
    # not in the paper: the most that a sample costs
    "cascade": Cost(T, 0, 2),
    "cascade-parallel": Cost(T, T, 1 + 1 + T // 2),
    "cascade-nested": Cost(6 * T, T, 1 + 1 + 5),
}


@pytest.mark.parametrize("name", strategies.names())
def test_costs_at_the_papers_point_are_the_papers(name):
    assert cost(schedule_of(name, search_spaces.load(name).paper_point(T))) == COSTS[name]


def _parallel(strategy, steps, warm_up):
    return schedule_of(strategy, {"steps": steps, "warm_up": warm_up, "eta": 0.0})


GUIDANCE = pytest.mark.parametrize(
    ("strategy", "first", "y", "x"),
    [("parallel", "y_cor", "y0_hat", "x0_hat"), ("parallel-noisy", "y", "y", "x")],
)


@GUIDANCE
def test_parallel_by_hand(strategy, first, y, x):
    """Algorithm 2, no warm-up. Noisy guidance (4.3) is by the states y_t and x_{t-1}, also at first."""
    expected = [
        Start(SIGNAL, 3),  # line 2
        Start(LOGIT, 3),  # line 1
        Condition(LOGIT, first),  # line 3
        X,  # lines 5 and 6
        Condition(SIGNAL, x),
        Y,  # lines 7 and 8
        Condition(LOGIT, y),
        X,
        Condition(SIGNAL, x),
        Y,
        Condition(LOGIT, y),
        X,
        Condition(SIGNAL, x),
        Y,
        Answer("y"),  # line 10
    ]
    assert _parallel(strategy, 3, 0.0) == expected


@GUIDANCE
def test_parallel_without_exchange_in_the_first_half(strategy, first, y, x):
    """D.4: until then no logits guide the signal, and the logits are given x_cor."""
    coupled = [Condition(LOGIT, y), X, Condition(SIGNAL, x), Y]
    expected = [
        Start(SIGNAL, 4),
        Start(LOGIT, 4),
        Condition(SIGNAL, "x_cor"),
        *[X, Y] * 2,
        *coupled * 2,
        Answer("y"),
    ]
    assert _parallel(strategy, 4, 0.5) == expected


@pytest.mark.parametrize("strategy", ["parallel", "parallel-noisy"])
def test_parallel_that_warms_up_to_the_end_exchanges_nothing(strategy):
    starts = [Start(SIGNAL, 2), Start(LOGIT, 2), Condition(SIGNAL, "x_cor")]
    assert _parallel(strategy, 2, 1.0) == [*starts, X, Y, X, Y, Answer("y")]


def test_parallel_at_the_papers_point_couples_the_second_half():
    """D.4: "initially denoised independently ... during the first half", then the classifier is
    called at every step.
    """
    moves = schedule_of("parallel", search_spaces.load("parallel").paper_point(T))
    before = moves.index(Condition(LOGIT, "y0_hat"))
    assert cost([*moves[:before], Answer("y")]) == Cost(T // 2, T // 2, 1)
    assert cost(moves[before:]) == Cost(T // 2, T // 2, T // 2)


FIRST = [*SIGNAL_RUN, Condition(SIGNAL, "x"), *LOGIT_RUN]
ALTERNATING = [  # Algorithm 4 with N = 2, from line 4 on
    *FIRST,
    Condition(LOGIT, "y"),  # line 16
    *SIGNAL_RUN,  # lines 4 to 8
    Condition(SIGNAL, "x"),  # line 9
    *LOGIT_RUN,  # lines 11 to 15
    Answer("y"),  # line 18
]


@pytest.mark.parametrize(
    ("first_guidance", "first"), [("y_cor", [Condition(LOGIT, "y_cor")]), ("none", [])]
)
def test_alternating_by_hand(first_guidance, first):
    """Line 1 guides the first signal by f(x_cor); "none" leaves it out."""
    point = TWO_LOOPS | {"iterations": 2, "first_guidance": first_guidance}
    assert schedule_of("alternating", point) == [*first, *ALTERNATING]


def test_alternating_once_is_enhance_then_classify_by_diffusion():
    """B.1: with N = 1 and no first guidance, what `logit-only` does."""
    point = TWO_LOOPS | {"iterations": 1, "first_guidance": "none"}
    assert schedule_of("alternating", point) == schedule_of("logit-only", TWO_LOOPS)


def test_card_and_the_ablations_by_hand():
    logits_of_x_cor = [Condition(SIGNAL, "x_cor"), *LOGIT_RUN]
    card = [*logits_of_x_cor, Answer("y")]
    uncoupled = [*SIGNAL_RUN, Answer("x"), *logits_of_x_cor, Answer("y")]
    signal_only = [*logits_of_x_cor, Condition(LOGIT, "y"), *SIGNAL_RUN, Answer("x")]
    assert schedule_of("card", {"steps": 3, "eta": 0.0}) == card
    assert schedule_of("uncoupled", TWO_LOOPS) == uncoupled
    assert schedule_of("signal-only", TWO_LOOPS) == signal_only
    assert schedule_of("logit-only", TWO_LOOPS) == [*FIRST, Answer("y")]


@pytest.mark.parametrize("name", SAMPLED)
def test_chains_are_the_same_moves_again_from_nothing(name):
    point = search_spaces.load(name).paper_point(4)
    one = schedule_of(name, point | {"chains": 1})
    three = check(schedule_of(name, point | {"chains": 3}))
    assert three == [*one, NewChain(), *one, NewChain(), *one]
    one_cost, three_cost = cost(one), cost(three)
    assert three_cost.nfe_signal == 3 * one_cost.nfe_signal
    assert three_cost.nfe_logit == 3 * one_cost.nfe_logit
    assert three_cost.nfe_classifier == 3 * one_cost.nfe_classifier


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", SAMPLED)
def test_eta_is_that_of_every_step(name, eta):
    moves = schedule_of(name, search_spaces.load(name).paper_point(4) | {"eta": eta})
    assert {move.eta for move in moves if isinstance(move, Update)} == {eta}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("parallel", {"guidance": "clean"}, "unknown setting of Parameters 'guidance'"),
        ("parallel", {"warm_up": 1.01}, "warm_up is 1.01"),
        ("parallel", {"steps": 0}, "steps is 0"),
        ("alternating", {"iterations": 0}, "iterations is 0"),
        ("alternating", {"first_guidance": "y_cro"}, "did you mean 'y_cor'"),
        ("alternating", {"chains": 0}, "chains is 0"),
        ("uncoupled", {"logit_steps": 0}, "logit_steps is 0"),
        ("card", {"eta": -0.1}, "eta is -0.1"),
    ],
)
def test_wrong_parameters_are_refused(name, change, message):
    with pytest.raises(UsageError, match=message):
        schedule_of(name, search_spaces.load(name).paper_point(20) | change)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: parallel.Parameters(2, 1.5, 0.0), "warm_up is 1.5"),
        (lambda: alternating.Parameters(1, 2, 2, "y_corr", 0.0), "did you mean 'y_cor'"),
        (lambda: ResNetConfig(depth=34), "unknown value of classifier depth '34'"),
    ],
)
def test_a_wrong_word_is_refused_when_the_parameters_are_made(make, message):
    with pytest.raises(UsageError, match=message):
        make()
