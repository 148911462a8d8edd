"""What a search has come to, kept as its trials end.

To read all trials of a study again whenever one ends would make a trial of a long search dearer than one of a
short search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from platform.pipeline.study import accuracy_and_cost, is_within_bounds

from optuna.trial import FrozenTrial, TrialState

from dashboards.pareto import Reference, front, hypervolume


class FinishedTrials:
    """The finished trials of a study, those first that there are.

    Attributes:
        counted: how many count among those that were asked for: complete and stopped ones.
        places: (accuracy, cost) of the complete ones, as they ended.
        front: the complete ones that no other beats, by rising cost; of equal ones the first by its number.
    """

    def __init__(self, trials: Iterable[FrozenTrial] = ()) -> None:
        self.counted = 0
        self.places: list[tuple[float, float]] = []
        self.front: list[FrozenTrial] = []
        self._within: list[FrozenTrial] = []  # the front of those that keep to the bounds
        self._best: dict[bool, tuple[float, float]] = {}  # by whether they keep to the bounds
        for trial in trials:
            self.add(trial)

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial that has ended; one that has failed changes nothing."""
        self.counted += trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        if trial.state is not TrialState.COMPLETE:
            return
        place, is_within = accuracy_and_cost(trial), is_within_bounds(trial)
        self.places.append(place)
        self.front = _front([*self.front, trial])
        if is_within:
            self._within = _front([*self._within, trial])
        self._best[is_within] = max(self._best.get(is_within, place), place)

    @property
    def best(self) -> tuple[float, float]:
        """(accuracy, cost) of the most accurate complete trial that keeps to the bounds, of all where none
        does.
        """
        return self._best[max(self._best)]

    def hypervolume(self, reference: Reference) -> float:
        """The hypervolume of the front of the complete trials that keep to the bounds."""
        return hypervolume([accuracy_and_cost(trial) for trial in self._within], reference)


def _front(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Those of complete trials that no other of them beats."""
    in_order = sorted(trials, key=lambda trial: trial.number)
    return [in_order[i] for i in front([accuracy_and_cost(trial) for trial in in_order])]
