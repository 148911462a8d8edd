"""The larger space of a strategy with chains, whose points may end the chains of samples that are settled."""

from __future__ import annotations

import functools

import optuna

from search_spaces._ranges import Point
from search_spaces._replaying import Suggest

THRESHOLDS = (0.0, 2.0, 4.0, 8.0)
"""Values of `settled`: 0 is off; on digits a sample has 1.1 to 1.4 chains on average with 2, and 2 to 3.5
with 8. They are few, as points with the same one share their first chains.
"""


def with_settled(suggest: Suggest) -> Suggest:
    """A strategy's `suggest`, followed by the question for `settled` where a point has several chains."""

    @functools.wraps(suggest)
    def suggest_settled(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
        point = suggest(trial, T, kind)
        if int(point.get("chains", 1)) == 1:
            return point
        settled = trial.suggest_categorical("settled", THRESHOLDS)
        return point | {"settled": settled} if settled else point

    return suggest_settled
