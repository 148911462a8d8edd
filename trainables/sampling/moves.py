"""The moves of Algorithm 1's scheduler, what makes a list of them legal, and what they cost.

The engine keeps x_t and y_t with their latest clean estimates, and two conditioning slots: the
signal denoiser reads the slot `LOGIT` (logits, empty at first), the logit denoiser reads the slot
`SIGNAL` (a signal and its classifier output, empty at first). What it gives is the mean of all
answers, in logit space.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

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
    """One step of the process: estimate its clean state, move on to the next selected level."""

    process: Kind
    eta: float


@dataclass(frozen=True)
class Predict:
    """As `Update`, by a discretised step of the reverse-time SDE: the paper's predictor for speech
    (E.5) where eta is 1.
    """

    process: Kind
    eta: float


@dataclass(frozen=True)
class Correct:
    """A step of annealed Langevin dynamics at the process' present level, which stays (E.5)."""

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
class Answer:
    """Answer by logits "y" (state), or by the classifier on "x_cor" or "x"; the last move is one."""

    source: Literal["y", "x", "x_cor"]


@dataclass(frozen=True)
class NewChain:
    """Begin anew with fresh noise: nothing of what was sampled is known any more but the answers."""


Move = Start | Update | Predict | Correct | Condition | Answer | NewChain
_SOURCES = {SIGNAL: ("x_cor", "x", "x0_hat"), LOGIT: ("y_cor", "y", "y0_hat")}
_NEEDS = {"x": SIGNAL, "x0_hat": SIGNAL, "y": LOGIT, "y0_hat": LOGIT}


def trajectory(process: Kind, steps: int, eta: float) -> Iterator[Move]:
    """A whole trajectory of one process, from its prior to its clean end."""
    yield Start(process, steps)
    for _ in range(steps):
        yield Update(process, eta)


def check(moves: Iterable[Move]) -> list[Move]:
    """The moves as a list, once they are known to be legal.

    Raises:
        ValueError: a process steps or is corrected before it starts or beyond its end, logits are so
            while the signal slot is empty, a slot is set from what does not exist yet, an answer is
            read from an unfinished trajectory, a chain has none, or the last move is another.
    """
    done = list(moves)
    left: dict[str, int] = {}
    updated: set[str] = set()
    filled: set[str] = set()
    classifier_outputs = False
    for number, move in enumerate(done):
        where = f"move {number}, {move}"
        match move:
            case Start():
                _require(move.steps >= 1, where, "a trajectory needs a step or more")
                left[move.process] = move.steps
            case Correct():
                _check_step(move.process, left, filled, where)
            case Update() | Predict():
                _check_step(move.process, left, filled, where)
                _require(0 <= move.eta <= 1, where, "eta must be from 0 to 1")
                left[move.process] -= 1
                updated.add(move.process)
            case Condition():
                _check_source(move, left, updated, where)
                filled.add(move.slot)
            case NewChain():
                _require(classifier_outputs, where, "the chain before it has no answer")
                left, updated, filled, classifier_outputs = {}, set(), set(), False
            case Answer():
                need = _NEEDS.get(move.source)
                _require(need is None or left.get(need) == 0, where, "the trajectory has not ended")
                classifier_outputs = True
            case _:
                assert_never(move)
    ends = bool(done) and isinstance(done[-1], Answer)
    _require(ends, "the last move", "it is not an answer")
    return done


def _check_step(process: Kind, left: dict[str, int], filled: set[str], where: str) -> None:
    _require(left.get(process, 0) > 0, where, "the process has no step left to make")
    _require(process == SIGNAL or SIGNAL in filled, where, "the signal slot is empty")


def _check_source(move: Condition, left: dict[str, int], updated: set[str], where: str) -> None:
    _require(move.source in _SOURCES[move.slot], where, "the source is of the other kind")
    need = _NEEDS.get(move.source)
    if need is None:
        return
    _require(need in left, where, "that process has not been started")
    _require(move.source in ("x", "y") or need in updated, where, "there is no estimate yet")


def _require(condition: bool, where: str, why: str) -> None:
    if not condition:
        raise ValueError(f"illegal schedule: {where}: {why}")


@dataclass(frozen=True)
class Cost:
    """Calls of each network for one sample; `nfe` is the denoisers' (D.4)."""

    nfe_signal: int
    nfe_logit: int
    nfe_classifier: int

    @property
    def nfe(self) -> int:
        return self.nfe_signal + self.nfe_logit


def cost(moves: Iterable[Move], needs_origin: bool = False) -> Cost:
    """What a schedule costs a sample, counted from its moves before anything runs.

    Where the logit process needs an origin, y_cor, the classifier is called on x_cor once a chain,
    for initialisation (E.5): whatever else asks for the same is of that call. Otherwise every move
    that asks counts.
    """
    calls: Counter[str] = Counter()
    asked = False
    for move in moves:
        if _classifies_x_cor(move, needs_origin):
            calls["classifier"] += not (asked and needs_origin)
            asked = True
            continue
        match move:
            case Update() | Predict() | Correct():
                calls[move.process] += 1
            case Condition():
                calls["classifier"] += move.slot == SIGNAL
            case Answer():
                calls["classifier"] += move.source == "x"
            case NewChain():
                asked = False
            case Start():
                pass
            case _:
                assert_never(move)
    return Cost(calls[SIGNAL], calls[LOGIT], calls["classifier"])


def _classifies_x_cor(move: Move, needs_origin: bool) -> bool:
    if isinstance(move, Start):
        return needs_origin and move.process == LOGIT
    return isinstance(move, Condition | Answer) and move.source in ("x_cor", "y_cor")
