"""How much each sampling parameter matters for accuracy, from the trials of a search.

It is Optuna's mean decrease in impurity: how much of the trials' variance in accuracy a random forest
explains by each parameter, as a share of what it explains. Of Optuna's evaluators it suits small studies of
numbers and words: PED-ANOVA asks what leads to the best tenth, which are two trials of twenty, and fANOVA
weighs the range of a parameter evenly, also where accuracy has long levelled off. In made-up studies of 16
to 60 trials it found the two parameters that mattered more often than either. With few trials even what
does not matter has a share: only large ones are to be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from platform.comparison.recorded import RecordedTrial

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from trainables.scoring.metric_names import ACCURACY

LEAST_TRIALS = 10
"""With fewer trials nothing is said."""

_MOST_TRIALS = 500  # more take seconds, and say the same

_ABSENT = "absent"


def importance(
    searches: Sequence[Sequence[RecordedTrial]], rng: np.random.Generator
) -> dict[str, float]:
    """The importance of each parameter that varies, in [0, 1] and 1 in sum, the most first; empty where there
    are fewer than `LEAST_TRIALS` trials, or all are as accurate.

    Args:
        searches: the trials at each training seed, whose accuracies are taken relative to their mean.
        rng: draws the forest, and which trials are looked at where there are very many.

    A parameter that only some trials have counts in all: that it is absent is a value of its own.
    """
    centred = [
        (trial.point, trial.validation[ACCURACY] - mean)
        for trials in searches
        if trials
        for mean in [float(np.mean([trial.validation[ACCURACY] for trial in trials]))]
        for trial in trials
    ]
    seed = int(rng.integers(2**32))
    if len(centred) > _MOST_TRIALS:
        kept = np.sort(rng.choice(len(centred), _MOST_TRIALS, replace=False))
        centred = [centred[index] for index in kept]
    columns = _columns([point for point, _ in centred])
    values = [value for _, value in centred]
    if len(values) < LEAST_TRIALS or not columns or max(values) - min(values) < 1e-12:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        optuna.trial.create_trial(
            params={name: column[row] for name, (column, _) in columns.items()},
            distributions={name: distribution for name, (_, distribution) in columns.items()},
            value=value,
        )
        for row, value in enumerate(values)
    )
    evaluator = optuna.importance.MeanDecreaseImpurityImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _columns(
    points: Sequence[Mapping[str, object]],
) -> dict[str, tuple[list[CategoricalChoiceType], BaseDistribution]]:
    """The values of each parameter that varies, a value a point, with the distribution that holds them."""
    names = list(dict.fromkeys(name for point in points for name in point))
    columns = {name: _column([point.get(name) for point in points]) for name in names}
    return {name: column for name, column in columns.items() if not column[1].single()}


def _column(values: Sequence[object]) -> tuple[list[CategoricalChoiceType], BaseDistribution]:
    """Values of a parameter, None where it is absent, with their distribution: numbers as they are, and one
    below all where it is absent; of anything else the text.
    """
    there = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return _numbers(
            [value for value in values if value is None or isinstance(value, int | float)]
        )
    texts = [_ABSENT if value is None else str(value) for value in values]
    return list(texts), CategoricalDistribution(sorted(set(texts)))


def _numbers(
    values: Sequence[int | float | None],
) -> tuple[list[CategoricalChoiceType], BaseDistribution]:
    """As `_column`, of numbers."""
    there = [value for value in values if value is not None]
    low, high = min(there), max(there)
    below = low - (high - low or 1)
    filled = [below if value is None else value for value in values]
    if all(isinstance(value, int) for value in filled):
        return list(filled), IntDistribution(int(min(filled)), int(high))
    return [float(value) for value in filled], FloatDistribution(float(min(filled)), float(high))
