"""DiDiCM's tables: the settings of the grid, and which way its gain goes."""

from platform.reproduction.didicm_report import Cell, steps_of_growth
from platform.reproduction.didicm_tables import GRID, didicm, didicm_budget
from platform.reproduction.results import Result

import pytest

from trainables.sampling.cost import cost
from trainables.strategies import schedule_of


def _result(strategy, accuracy):
    return Result("d", "none", strategy, strategy, 0, {}, {"accuracy": accuracy}, 9, 1, None, 0)


def _cells(gain):
    return [
        Cell(r, f, _result("retrained", 0.5), _result("didicm-cp", 0.5 + gain(r, f)))
        for r, f in GRID
    ]


def test_the_grid_is_the_papers():
    assert len(GRID) == len(set(GRID)) == 9
    assert {r for r, _ in GRID} == {f for _, f in GRID} == {1.0, 0.5, 0.25}


@pytest.mark.parametrize(
    ("gain", "grows"),
    [
        (lambda r, f: 0.1 - r * f / 10, 12),
        (lambda r, f: r * f / 10, 0),
        (lambda r, f: (1 - r) / 10, 6),
        (lambda r, f: 0.0, 0),
    ],
)
def test_growth_is_counted_between_neighbours(gain, grows):
    assert steps_of_growth(_cells(gain), "accuracy") == (grows, 12)


def test_cells_that_are_missing_are_not_compared():
    cells = [
        c for c in _cells(lambda r, f: 1 - r) if (c.resolution, c.train_fraction) != (0.5, 0.5)
    ]
    assert steps_of_growth(cells, "accuracy")[1] == 8


def test_calls_of_the_methods_are_those_of_their_names():
    calls = [cost(schedule_of(m.strategy, m.point(50))).nfe for m in didicm_budget(50).methods]
    assert calls == [0, 1, 2, 4, 8, 16, 8, 32, 64]
    assert [cost(schedule_of(m.strategy, m.point(50))).nfe for m in didicm(50).methods] == [0, 8]
