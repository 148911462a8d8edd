"""The moves of Algorithm 1's scheduler, the rules for a legal schedule of moves, and its cost.

The engine keeps x_t and y_t with their latest clean estimates, and two conditioning slots: the
signal denoiser reads the slot `LOGIT` (logits, empty at first), the logit denoiser reads the slot
`SIGNAL` (a signal and its classifier output, empty at first). The outcome of a schedule is the mean of
all its answers, in logit space. The moves of the label diffusion are in `trainables.sampling.label_moves`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from trainables.sampling.label_moves import (
    LabelAnswer,
    StartLabels,
    UpdateLabels,
    label_move_fault,
)

Kind = Literal["signal", "logit"]
SIGNAL: Kind = "signal"
LOGIT: Kind = "logit"


@dataclass(frozen=True)
class Start:
    """Draw the process' state from its prior, for a trajectory of `steps` selected steps."""

    process: Kind
    steps: int


@dataclass(frozen=True)
class Update:
    """One step of the process: estimate its clean state, move on to the next selected level.

    `temperature` scales the noise that the step injects: with 0 the state moves to the step's mean, which
    for eta = 1 is DDPM's, over the gap as it is.
    """

    process: Kind
    eta: float
    temperature: float = 1.0


@dataclass(frozen=True)
class Predict:
    """An `Update` by a discretised step of the reverse-time SDE: with eta = 1 this is the paper's
    predictor for speech (E.5).
    """

    process: Kind
    eta: float
    temperature: float = 1.0


@dataclass(frozen=True)
class Correct:
    """A step of annealed Langevin dynamics that leaves the process at its present level (E.5)."""

    process: Kind


@dataclass(frozen=True)
class Condition:
    """Set a conditioning slot from a source; setting `SIGNAL` calls the classifier on the signal.

    Sources of `SIGNAL`: "x_cor", "x" (state), "x0_hat" (clean estimate). Sources of `LOGIT`:
    "y_cor" (the classifier on x_cor), "y" (state), "y0_hat" (clean estimate).
    """

    slot: Kind
    source: Literal["x_cor", "x", "x0_hat", "y_cor", "y", "y0_hat"]


@dataclass(frozen=True)
class LogitsBy:
    """Denoise the logits of this chain by the network that another part than the strategy's own lends it."""

    part: str


@dataclass(frozen=True)
class Target:
    """Set the distribution of classes that guides the signal, from logits: "y_cor" (the classifier on x_cor),
    "y0_hat" (their clean estimate) or "x0_hat" (the classifier on the signal's clean estimate).
    """

    source: Literal["y_cor", "y0_hat", "x0_hat"]


@dataclass(frozen=True)
class Guide:
    """Add `scale` times a gradient to the signal's score until its next step has been made: that of the
    target's log-probability under a classifier, see `trainables.sampling.guidance`.
    """

    classifier: Literal["frozen", "noisy"]
    scale: float


@dataclass(frozen=True)
class Answer:
    """Add an answer: the logits "y" (state), or the classifier's output for "x_cor" or "x" (state).

    The last move of every schedule is an answer: this, a `RetrainedAnswer` or a `LabelAnswer`.
    """

    source: Literal["y", "x", "x_cor"]


@dataclass(frozen=True)
class RetrainedAnswer:
    """Add an answer: the output for x_cor of a classifier that was trained on corrupted signals, the member
    of an ensemble of this number, from 1.
    """

    member: int


@dataclass(frozen=True)
class NewChain:
    """Start a new chain with fresh noise: the answers stay, all else that was sampled is forgotten."""


@dataclass(frozen=True)
class NewChainUnlessSettled:
    """A `NewChain` for the samples that are not settled, see `trainables.sampling.settling`: the others have
    their answers.
    """

    threshold: float


@dataclass(frozen=True)
class StartOverUnlessSettled:
    """Drop the answers of the samples that are not settled, and all else that was sampled of them: only what
    comes next answers for these, with the noise that it would have without what came before. The others have
    their answers.
    """

    threshold: float


AnyAnswer = Answer | RetrainedAnswer | LabelAnswer
Move = (
    Start
    | Update
    | Predict
    | Correct
    | Condition
    | LogitsBy
    | Target
    | Guide
    | StartLabels
    | UpdateLabels
    | AnyAnswer
    | NewChain
    | NewChainUnlessSettled
    | StartOverUnlessSettled
)
_SLOT_SOURCES = {SIGNAL: ("x_cor", "x", "x0_hat"), LOGIT: ("y_cor", "y", "y0_hat")}
_SOURCE_PROCESS = {"x": SIGNAL, "x0_hat": SIGNAL, "y": LOGIT, "y0_hat": LOGIT}


def trajectory(process: Kind, steps: int, eta: float) -> Iterator[Move]:
    """A whole trajectory of one process, from its prior to its clean end."""
    yield Start(process, steps)
    for _ in range(steps):
        yield Update(process, eta)


def check(moves: Iterable[Move]) -> list[Move]:
    """The moves as a list, if they are a legal schedule.

    Raises:
        ValueError: a process, that of labels too, steps or is corrected before it starts or beyond its end,
            steps of labels are not those of their trajectory, logits are stepped or corrected while the
            signal slot is empty, a slot or the target is set from a source that does not exist yet, a signal
            is guided that has no step left or without a target, logits have another network after they were
            started or a slot was set, an answer is read from an unfinished
            trajectory, a member's number is below 1, a chain has no answer, or the last move is not an
            answer.
    """
    schedule = list(moves)
    steps_left: dict[str, int] = {}
    estimates: set[str] = set()
    filled_slots: set[str] = set()
    has_answer = has_target = False
    for number, move in enumerate(schedule):
        place = f"move {number}, {move}"
        match move:
            case Start():
                _require(move.steps >= 1, place, "a trajectory needs a step or more")
                steps_left[move.process] = move.steps
            case Correct():
                _check_step(move.process, steps_left, filled_slots, place)
            case Update() | Predict():
                _check_step(move.process, steps_left, filled_slots, place)
                _require(0 <= move.eta <= 1, place, "eta must be from 0 to 1")
                cool = 0 <= move.temperature <= 1
                _require(cool, place, "the temperature must be from 0 to 1")
                steps_left[move.process] -= 1
                estimates.add(move.process)
            case Condition():
                is_of_slot = move.source in _SLOT_SOURCES[move.slot]
                _require(is_of_slot, place, "the source is of the other kind")
                _check_source(move.source, steps_left, estimates, place)
                filled_slots.add(move.slot)
            case LogitsBy():
                is_first = LOGIT not in steps_left and SIGNAL not in filled_slots
                _require(is_first, place, "the logits have a network already")
            case Target():
                _check_source(move.source, steps_left, estimates, place)
                has_target = True
            case Guide():
                _require(has_target, place, "there is no target")
                _check_step(SIGNAL, steps_left, filled_slots, place)
                is_finite = 0 <= move.scale < math.inf
                _require(is_finite, place, "the scale must be 0 or more, and finite")
            case NewChain() | NewChainUnlessSettled() | StartOverUnlessSettled():
                _require(has_answer, place, "the chain before it has no answer")
                if not isinstance(move, NewChain):
                    _require(move.threshold > 0, place, "the threshold must be above 0")
                steps_left, estimates, filled_slots = {}, set(), set()
                has_answer = has_target = False
            case Answer():
                process = _SOURCE_PROCESS.get(move.source)
                is_complete = process is None or steps_left.get(process) == 0
                _require(is_complete, place, "the trajectory has not ended")
                has_answer = True
            case RetrainedAnswer():
                _require(move.member >= 1, place, "members are numbered from 1")
                has_answer = True
            case StartLabels() | UpdateLabels() | LabelAnswer():
                fault = label_move_fault(move, steps_left)
                _require(fault is None, place, fault or "")
                has_answer = has_answer or isinstance(move, LabelAnswer)
            case _:
                assert_never(move)
    ends_with_answer = bool(schedule) and isinstance(schedule[-1], AnyAnswer)
    _require(ends_with_answer, "the last move", "it is not an answer")
    return schedule


def _check_step(
    process: Kind, steps_left: dict[str, int], filled_slots: set[str], place: str
) -> None:
    _require(steps_left.get(process, 0) > 0, place, "the process has no step left to make")
    _require(process == SIGNAL or SIGNAL in filled_slots, place, "the signal slot is empty")


def _check_source(source: str, steps_left: dict[str, int], estimates: set[str], place: str) -> None:
    process = _SOURCE_PROCESS.get(source)
    if process is None:
        return
    _require(process in steps_left, place, "that process has not been started")
    exists = source in ("x", "y") or process in estimates
    _require(exists, place, "there is no estimate yet")


def _require(condition: bool, place: str, reason: str) -> None:
    if not condition:
        raise ValueError(f"illegal schedule: {place}: {reason}")


def before_answers(moves: Sequence[Move]) -> tuple[Move, ...]:
    """A schedule without its last answers: schedules that are the same so far sample the same, and differ
    in what answers alone.
    """
    end = len(moves)
    while end and isinstance(moves[end - 1], AnyAnswer):
        end -= 1
    return tuple(moves[:end])
