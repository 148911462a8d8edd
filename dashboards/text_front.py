"""The front of a search in letters, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from dashboards.pareto import front
from dashboards.scales import padded_limits, plain_ticks
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import Metric

FRONT_MARK, TRIAL_MARK = "●", "·"
"""A trial that no other beats, and another trial."""
FRONT_LETTERS = FRONT_MARK + "━┃┛┓"
"""The letters that the front is drawn with."""
WIDTH, HEIGHT = 60, 12
"""Columns and rows inside of the axes."""

_BELOW, _ABOVE = "▾", "▴"  # trials outside of what is shown
_LABEL = 7  # columns of a number at the vertical axis, with the gap before the axis


def text_front(
    trials: Sequence[tuple[float, float]],
    metric: Metric,
    width: int = WIDTH,
    height: int = HEIGHT,
    cost: CostMetric = BY_NFE,
) -> list[str]:
    """The metric against the logarithm of the cost, a line of text each; empty where no trial has any.

    The vertical axis shows the front and the better half of the trials; others are marks at its edge.

    Args:
        trials: (accuracy, cost) of all complete trials.
        metric: what the vertical axis shows.
        width, height: columns and rows inside of the axes.
        cost: what the horizontal axis shows.
    """
    trials = [trial for trial in trials if trial[1] > 0]
    if not trials:
        return []
    places = [(amount, 100 * metric.of(accuracy)) for accuracy, amount in trials]
    undominated = [places[index] for index in front(trials)]
    values = [value for _, value in undominated] + [median(value for _, value in places)]
    low, high = padded_limits(values)
    amounts = [amount for amount, _ in places]
    left, right = min(amounts) / 1.25, max(amounts) * 1.25

    def column(amount: float) -> int:
        return round((width - 1) * math.log(amount / left) / math.log(right / left))

    def row(value: float) -> int:
        return round((height - 1) * (high - min(max(value, low), high)) / (high - low))

    grid = [[" "] * width for _ in range(height)]
    _draw_stairs(grid, [(column(amount), row(value)) for amount, value in undominated])
    for amount, value in places:
        mark = _BELOW if value < low else _ABOVE if value > high else TRIAL_MARK
        grid[row(value)][column(amount)] = mark
    for amount, value in undominated:
        grid[row(value)][column(amount)] = FRONT_MARK
    ticks = {column(tick): f"{tick:g}" for tick in plain_ticks(left, right)}
    return [
        f"{metric.axis}, by {cost.title} (log scale): {FRONT_MARK} front so far, {TRIAL_MARK} other trials",
        *_with_vertical_axis(grid, low, high),
        *_horizontal_axis(ticks, width),
    ]


def _draw_stairs(grid: list[list[str]], corners: Sequence[tuple[int, int]]) -> None:
    """Join (column, row) places by rising column: level first, then up, or down where less is better."""
    for (start, level), (end, target) in pairwise(corners):
        for column in range(start, end):
            grid[level][column] = "━"
        for row in range(min(level, target), max(level, target) + 1):
            grid[row][end] = "┃"
        if end > start:
            grid[level][end] = "┛" if target < level else "┓" if target > level else "━"


def _with_vertical_axis(grid: Sequence[Sequence[str]], low: float, high: float) -> list[str]:
    """The rows with an axis at their left, and numbers at its top, middle and bottom."""
    last = len(grid) - 1
    lines = []
    for number, letters in enumerate(grid):
        value = high - (high - low) * number / last
        numbered = number in (0, last // 2, last)
        start = f"{value:{_LABEL - 1}.1f} ┤" if numbered else " " * _LABEL + "│"
        lines.append((start + "".join(letters)).rstrip())
    return lines


def _horizontal_axis(ticks: dict[int, str], width: int) -> list[str]:
    """The axis, and under it the numbers that have room."""
    axis = "".join("┬" if column in ticks else "─" for column in range(width))
    numbers = ""
    for column, text in sorted(ticks.items()):
        start = max(0, column - len(text) // 2)
        if start >= len(numbers) + bool(numbers):
            numbers = numbers.ljust(start) + text
    return [" " * _LABEL + "└" + axis, " " * (_LABEL + 1) + numbers]
