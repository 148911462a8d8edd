"""The rules for a legal schedule of moves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import assert_never

from trainables.sampling.label_moves import (
    LabelAnswer,
    StartLabels,
    UpdateLabels,
    label_move_fault,
)
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    AnyAnswer,
    Condition,
    Correct,
    Guide,
    Kind,
    LogitsBy,
    Move,
    NewChain,
    NewChainUnlessSettled,
    Predict,
    RetrainedAnswer,
    Start,
    StartOverUnlessSettled,
    Target,
    Update,
)

_SLOT_SOURCES = {SIGNAL: ("x_cor", "x", "x0_hat"), LOGIT: ("y_cor", "y", "y0_hat")}
_SOURCE_PROCESS = {"x": SIGNAL, "x0_hat": SIGNAL, "y": LOGIT, "y0_hat": LOGIT}
_NEW_CHAINS = NewChain, NewChainUnlessSettled, StartOverUnlessSettled


def check(moves: Iterable[Move]) -> list[Move]:
    """The moves as a list, if they are a legal schedule.

    Raises:
        ValueError: a process, that of labels too, steps or is corrected before it starts or beyond its end,
            steps of labels are not those of their trajectory, logits are stepped or corrected while the
            signal slot is empty, a slot or the target is set from a source that does not exist yet, a signal
            is guided that has no step left or without a target, logits have another network after they were
            started or a slot was set, an answer is read from an unfinished trajectory, a member's number is
            below 1, a chain has no answer, or the last move is not an answer.
    """
    schedule = list(moves)
    chain = _Chain()
    for number, move in enumerate(schedule):
        _refuse(f"move {number}, {move}", chain.fault(move))
        chain = _Chain() if isinstance(move, _NEW_CHAINS) else chain
    ends_with_answer = bool(schedule) and isinstance(schedule[-1], AnyAnswer)
    _refuse("the last move", "" if ends_with_answer else "it is not an answer")
    return schedule


def _refuse(place: str, fault: str) -> None:
    if fault:
        raise ValueError(f"illegal schedule: {place}: {fault}")


class _Chain:
    """What has been made of a chain so far. Methods that take a move say why it is illegal; where it is legal
    they return nothing, and the chain is as it is after the move.
    """

    def __init__(self) -> None:
        self._steps_left: dict[str, int] = {}
        self._estimates: set[str] = set()
        self._filled_slots: set[str] = set()
        self._has_answer = self._has_target = False

    def fault(self, move: Move) -> str:
        """Why a move is illegal."""
        match move:
            case Start():
                self._steps_left[move.process] = move.steps
                return "" if move.steps >= 1 else "a trajectory needs a step or more"
            case Correct():
                return self._step_fault(move.process)
            case Update() | Predict():
                return self._update_fault(move)
            case Condition():
                return self._condition_fault(move)
            case LogitsBy():
                is_first = LOGIT not in self._steps_left and SIGNAL not in self._filled_slots
                return "" if is_first else "the logits have a network already"
            case Target():
                self._has_target = True
                return self._source_fault(move.source)
            case Guide():
                return self._guide_fault(move)
            case NewChain() | NewChainUnlessSettled() | StartOverUnlessSettled():
                return self._new_chain_fault(move)
            case Answer() | RetrainedAnswer():
                return self._answer_fault(move)
            case StartLabels() | UpdateLabels() | LabelAnswer():
                self._has_answer = self._has_answer or isinstance(move, LabelAnswer)
                return label_move_fault(move, self._steps_left) or ""
            case _:
                assert_never(move)

    def _update_fault(self, move: Update | Predict) -> str:
        if fault := self._step_fault(move.process):
            return fault
        if not 0 <= move.eta <= 1:
            return "eta must be from 0 to 1"
        if not 0 <= move.temperature <= 1:
            return "the temperature must be from 0 to 1"
        self._steps_left[move.process] -= 1
        self._estimates.add(move.process)
        return ""

    def _condition_fault(self, move: Condition) -> str:
        if move.source not in _SLOT_SOURCES[move.slot]:
            return "the source is of the other kind"
        self._filled_slots.add(move.slot)
        return self._source_fault(move.source)

    def _guide_fault(self, move: Guide) -> str:
        if not self._has_target:
            return "there is no target"
        is_finite = 0 <= move.scale < math.inf
        return self._step_fault(SIGNAL) or (
            "" if is_finite else "the scale must be 0 or more, and finite"
        )

    def _new_chain_fault(
        self, move: NewChain | NewChainUnlessSettled | StartOverUnlessSettled
    ) -> str:
        if not self._has_answer:
            return "the chain before it has no answer"
        is_possible = isinstance(move, NewChain) or move.threshold > 0
        return "" if is_possible else "the threshold must be above 0"

    def _answer_fault(self, move: Answer | RetrainedAnswer) -> str:
        self._has_answer = True
        if isinstance(move, RetrainedAnswer):
            return "" if move.member >= 1 else "members are numbered from 1"
        process = _SOURCE_PROCESS.get(move.source)
        is_complete = process is None or self._steps_left.get(process) == 0
        return "" if is_complete else "the trajectory has not ended"

    def _step_fault(self, process: Kind) -> str:
        """Why the process cannot make a step, or be corrected."""
        if self._steps_left.get(process, 0) < 1:
            return "the process has no step left to make"
        is_ready = process == SIGNAL or SIGNAL in self._filled_slots
        return "" if is_ready else "the signal slot is empty"

    def _source_fault(self, source: str) -> str:
        """Why a source cannot be read."""
        process = _SOURCE_PROCESS.get(source)
        if process is None:
            return ""
        if process not in self._steps_left:
            return "that process has not been started"
        exists = source in ("x", "y") or process in self._estimates
        return "" if exists else "there is no estimate yet"
