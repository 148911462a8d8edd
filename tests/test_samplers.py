"""The samplers that a search may use, on the real space of `nested`."""

import dataclasses
import functools
from platform.pipeline.samplers import SAMPLERS as MAKERS
from platform.pipeline.samplers import sampler_of
from platform.planning.plan import SAMPLERS, USUAL_SAMPLER, Plan
from platform.planning.setup import setup_of

import optuna
import pytest

import search_spaces
from trainables.core.errors import UsageError
from trainables.strategies import schedule_of

_TRIALS = {"gp": 10}  # of which 8 are drawn at random; each of the others takes it a second
_OTHERS = 14  # more than the others draw at random, and more than a generation
optuna.logging.set_verbosity(optuna.logging.ERROR)


def _plan(tmp_path, **changes):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    return dataclasses.replace(plan, **changes)


@functools.cache
def _points(name, seed, repetition=0):
    """The points that a search asks for whose accuracy rises and whose calls fall with `t_switch`."""
    space, sampler = search_spaces.load("nested"), sampler_of(name, seed)
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    points = []
    for _ in range(_TRIALS.get(name, _OTHERS)):
        trial = study.ask()
        points.append(space.suggest(trial, 10))
        values = points[-1]["t_switch"], 10.0 * points[-1]["outer_steps"]
        study.tell(trial, values)
    return points


def test_every_name_that_a_plan_may_have_is_a_sampler():
    assert tuple(MAKERS) == SAMPLERS and USUAL_SAMPLER in SAMPLERS


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_asks_for_points_of_the_space_and_repeats_itself_at_the_same_seed(name):
    points = _points(name, 3)
    assert all(schedule_of("nested", point) for point in points)
    assert points == _points(name, 3, repetition=1)
    assert points != _points("random", 4)[: len(points)]
    if name != "random":  # it learns from the trials that it has seen
        assert points[-1] != _points("random", 3)[len(points) - 1]


def test_a_sweep_with_another_sampler_is_another_sweep_and_the_usual_one_is_not(tmp_path):
    folders = {name: setup_of(_plan(tmp_path, sampler=name)).folder for name in SAMPLERS}
    assert len(set(folders.values())) == len(SAMPLERS)
    assert folders[USUAL_SAMPLER] == setup_of(_plan(tmp_path)).folder


def test_an_unknown_sampler_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="nsga2"):
        _plan(tmp_path, sampler="nsga22")
