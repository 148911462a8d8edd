"""Pareto mathematics against brute force: every pair of points, every cell of a grid."""

import itertools
import math

import numpy as np
import pytest

from dashboards.pareto import (
    Reference,
    front,
    front_of_two_costs,
    growth,
    hypervolume,
    hypervolume_of_two_costs,
    joint_front,
    knee,
    not_surely_dominated,
    reference_of_costs,
    shared_reference,
    surely_dominates,
)

SEEDS = range(20)


def _points(seed, costs=1, levels=9):
    """Random points of few levels, so that some are equal in one objective or in all."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 25))
    accuracy = rng.integers(0, levels + 1, count) / levels
    others = 2.0 ** rng.integers(0, 8, (count, costs))
    return [(float(a), *map(float, c)) for a, c in zip(accuracy, others, strict=True)]


def _beats(one, other):
    """Whether a point is nowhere worse and somewhere better."""
    losses = [(-p[0], *p[1:]) for p in (one, other)]
    return losses[0] != losses[1] and all(a <= b for a, b in zip(*losses, strict=True))


def _undominated(points):
    """Indices by enumeration of all pairs; of equal points the first."""
    return {
        i
        for i, point in enumerate(points)
        if not any(_beats(other, point) for other in points) and points.index(point) == i
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_fronts_are_those_of_all_pairs(seed):
    two, three = _points(seed), _points(seed, costs=2)
    assert set(front(two)) == _undominated(two)
    assert set(front_of_two_costs(three)) == _undominated(three)
    costs = [two[i][1] for i in front(two)]
    assert costs == sorted(costs)


def test_there_is_no_front_of_nothing():
    assert front([]) == front_of_two_costs([]) == [] and joint_front({"a": []}) == set()
    assert hypervolume_of_two_costs([], Reference(0.1, 10), Reference(0.1, 10)) == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_joint_front_is_that_of_all_points(seed):
    fronts = {name: _points(100 * seed + n) for n, name in enumerate(("a", "b", "c"))}
    everything = [point for points in fronts.values() for point in points]
    owners = [(name, i) for name, points in fronts.items() for i in range(len(points))]
    assert joint_front(fronts) == {owners[i] for i in _undominated(everything)}


def _cells(points, worst_accuracy, largest, least, costs):
    """The share of the cells of a grid that are dominated, on whose lines all points lie: costs are powers of
    2 from `least` to `largest`, accuracies ninths.
    """
    accuracies = np.arange(worst_accuracy, 9) / 9 + 1 / 18
    steps = np.arange(round(math.log2(least)), round(math.log2(largest)))
    centers = itertools.product(accuracies, *[2.0 ** (steps + 0.5)] * costs)
    inside = [any(p[0] > a and all(np.less(p[1:], c)) for p in points) for a, *c in centers]
    return float(np.mean(inside))


@pytest.mark.parametrize("seed", SEEDS)
def test_hypervolumes_are_shares_of_a_grid(seed):
    two, three = _points(seed), _points(seed, costs=2)
    for least in (1.0, 4.0):
        reference = Reference(2 / 9, 64.0, least)
        assert hypervolume(two, reference) == pytest.approx(_cells(two, 2, 64, least, 1))
        volume = hypervolume_of_two_costs(three, reference, reference)
        assert volume == pytest.approx(_cells(three, 2, 64, least, 2))


def test_the_volume_of_two_costs_has_a_reference_for_each():
    """A box by hand: half of the accuracy, a third of the one cost's decades, half of the other's."""
    one, other = Reference(0.0, 1000.0), Reference(0.0, 1.0, 0.01)
    assert hypervolume_of_two_costs([(0.5, 100.0, 0.1)], one, other) == pytest.approx(1 / 12)
    assert hypervolume_of_two_costs([(0.5, 2000.0, 0.1)], one, other) == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hypervolume_grows_as_its_first_points_do(seed):
    points, reference = _points(seed), Reference(1 / 9, 100.0)
    expected = [hypervolume(points[: k + 1], reference) for k in range(len(points))]
    assert growth(points, reference) == pytest.approx(expected)


def test_a_reference_is_one_for_all_that_is_compared():
    assert reference_of_costs(10, [0.0, 3.0, 0.5, 40.0]) == Reference(0.1, 40.0, 0.5)
    assert reference_of_costs(0, []) == Reference(0.0, 1.0, 1.0)
    assert hypervolume([(0.9, 3.0)], reference_of_costs(10, [3.0])) == 0.0
    assert shared_reference(10, 50, "speech").nfe == 1000.0


def _distance_to_the_chord(points, index):
    (x0, y0), (x1, y1), (x, y) = [(math.log(points[i][1]), points[i][0]) for i in (0, -1, index)]
    cross = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
    return cross / math.hypot(x1 - x0, y1 - y0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_knee_is_farthest_from_the_line_between_the_ends(seed):
    points = _points(seed)
    line = [points[i] for i in front(points)]
    distances = [_distance_to_the_chord(line, i) for i in range(len(line))] if len(line) > 2 else []
    found = knee(points)
    if not distances or max(distances) <= 1e-12:
        assert found is None
    else:
        assert found in front(points)
        place = line.index(points[found])
        assert distances[place] == pytest.approx(max(distances))


def test_a_knee_by_hand():
    assert knee([(0.5, 1), (0.9, 4), (0.95, 64)]) == 1
    assert knee([(0.5, 1), (0.55, 4), (0.95, 64)]) is None  # it bends the other way
    assert knee([(0.5, 1), (0.9, 4)]) is None
    assert knee([(0.5, 0), (0.6, 0.5), (0.7, 1)]) is None  # all count as one call


def test_to_dominate_surely_is_to_be_better_at_the_lower_end_and_not_dearer():
    assert surely_dominates(3, 3, low=0.001) and not surely_dominates(3, 2, low=0.5)
    assert not surely_dominates(1, 3, low=0.0) and not surely_dominates(
        1, 3, low=0.02, epsilon=0.02
    )
    assert surely_dominates(1, 3, low=-0.005, epsilon=-0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_doubt_the_front_that_is_sure_is_the_front(seed):
    """Where intervals have no width, what is left are the points that none beats in accuracy at their cost or
    less; and the wider they are, the more is left.
    """
    points = _points(seed)
    pairs = itertools.permutations(range(len(points)), 2)
    lows = {(i, j): points[i][0] - points[j][0] for i, j in pairs}
    costs = [cost for _, cost in points]
    expected = [
        i for i, (a, c) in enumerate(points) if not any(b > a and d <= c for b, d in points)
    ]
    sure = not_surely_dominated(costs, lows)
    assert sure == expected and set(front(points)) <= set(sure)
    wider = not_surely_dominated(costs, {pair: low - 0.2 for pair, low in lows.items()})
    assert set(sure) <= set(wider)
    assert wider == not_surely_dominated(costs, lows, epsilon=0.2)
    assert not_surely_dominated(costs, {}) == list(range(len(points)))
