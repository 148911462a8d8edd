"""What an observer of the engine is told: after each step of a process, the estimate that it was made by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from trainables.diffusion.label_sampling import frequencies_of
from trainables.sampling.label_moves import LABEL, StartLabels, UpdateLabels
from trainables.sampling.moves import SIGNAL, Move, Predict, Start, Update
from trainables.sampling.state import State
from trainables.sampling.system import AnyProcess, CoupledSystem

Observer: TypeAlias = Callable[[str, float, Tensor], None]
"""Called after each step with the process, a level and an estimate, which must not be changed.

Of `SIGNAL` and `LOGIT` these are the level that the step began at, as a fraction of T, and the clean
estimate (B, ...) there; of `LABEL` the time that the step ended at, and the probabilities of labels (B, K)
then: those of the noised label, which are the posterior's at time 0.
"""


def tell(observer: Observer, move: Move, state: State, system: CoupledSystem) -> None:
    """Tell an observer of a move that was made, if it is a step, by the state after it."""
    match move:
        case Update() | Predict():
            trajectory = state.trajectories[move.process]
            assert trajectory.clean_estimate is not None, "a step makes an estimate"
            level = trajectory.levels[trajectory.position - 1]
            (fraction,) = _fractions(system.process(move.process), [level])
            observer(move.process, fraction, trajectory.clean_estimate)
        case UpdateLabels():
            labels = state.labels
            assert labels is not None and system.labels is not None, "labels step after their start"
            p = labels.state
            if labels.is_of_chains:
                p = frequencies_of(p, system.labels.process.classes)
            observer(LABEL, labels.times[labels.position], p)
        case _:
            pass


def levels_told(moves: Iterable[Move], system: CoupledSystem) -> dict[str, list[float]]:
    """The falling levels that an observer of a schedule is told in the last trajectory of each process;
    a process without a trajectory has none.
    """
    levels: dict[str, list[float]] = {}
    for move in moves:
        if isinstance(move, Start):
            process = system.process(move.process)
            levels[move.process] = _fractions(process, process.levels(move.steps)[:-1])
        elif isinstance(move, StartLabels):
            assert system.labels is not None, (
                "the parts of a strategy are those that its moves call"
            )
            levels[LABEL] = system.labels.process.levels(move.steps)[1:]
    return levels


class WholeBatch:
    """An observer of steps of the samples that are not settled, which tells another one of the whole batch:
    with samples that are settled as they were estimated last at that level, or else as they came out.
    """

    def __init__(self, observer: Observer, state: State) -> None:
        self._observer, self._state = observer, state
        self._latest: dict[tuple[str, float], Tensor] = {}

    def __call__(self, process: str, level: float, estimate: Tensor) -> None:
        rows, whole = self._state.rows, estimate
        if rows is not None:
            earlier = self._latest.get((process, level))
            if earlier is None:
                earlier = self._outcomes(process, estimate)
            whole = earlier.index_copy(0, rows, estimate)
        self._latest[process, level] = whole
        self._observer(process, level, whole)

    def _outcomes(self, process: str, estimate: Tensor) -> Tensor:
        """The signals, or answers, of settled samples in a batch of values like `estimate`, else zero."""
        settled = self._state.settled
        size = len(estimate) + sum(len(samples.numbers) for samples in settled)
        whole = estimate.new_zeros(size, *estimate.shape[1:])
        for samples in settled:
            outcome = samples.x if process == SIGNAL else samples.answers.mean(dim=0)
            whole[samples.numbers] = outcome.to(whole)
        return whole


def _fractions(process: AnyProcess, levels: Sequence[Any]) -> list[float]:
    """Levels of a process as fractions of T."""
    fractions: list[float] = process.scaled(levels).tolist()
    return fractions
