"""The moves of Algorithm 1's scheduler.

The engine keeps x_t and y_t with their latest clean estimates, and two conditioning slots: the
signal denoiser reads the slot `LOGIT` (logits, empty at first), the logit denoiser reads the slot
`SIGNAL` (a signal and its classifier output, empty at first). The outcome of a schedule is the mean of
all its answers, in logit space. The moves of the label diffusion are in `trainables.sampling.label_moves`,
the rules for a legal schedule in `trainables.sampling.legality`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trainables.sampling.label_moves import LabelAnswer, StartLabels, UpdateLabels

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


def trajectory(process: Kind, steps: int, eta: float) -> Iterator[Move]:
    """A whole trajectory of one process, from its prior to its clean end."""
    yield Start(process, steps)
    for _ in range(steps):
        yield Update(process, eta)


def before_answers(moves: Sequence[Move]) -> tuple[Move, ...]:
    """A schedule without its last answers: schedules that are the same so far sample the same, and differ
    in what answers alone.
    """
    end = len(moves)
    while end and isinstance(moves[end - 1], AnyAnswer):
        end -= 1
    return tuple(moves[:end])
