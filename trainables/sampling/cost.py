"""What a schedule costs, counted from its moves before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from trainables.sampling.label_moves import LABEL, LabelAnswer, StartLabels, UpdateLabels
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Correct,
    Guide,
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


@dataclass(frozen=True)
class Cost:
    """Calls of each network for one sample; `nfe` are those of both denoisers (D.4) and of the label
    diffusion's network, which denoises labels.

    `nfe_classifier` are the calls of any classifier: the frozen one, and each retrained one. `nfe_gradient`
    are those of guidance: each is a forward and a backward pass of a classifier, and is counted neither as a
    call of it nor in `nfe`.
    """

    nfe_signal: int
    nfe_logit: int
    nfe_classifier: int
    nfe_label: int = 0
    nfe_gradient: int = 0

    @property
    def nfe(self) -> int:
        return self.nfe_signal + self.nfe_logit + self.nfe_label


def cost(moves: Iterable[Move], needs_origin: bool = False) -> Cost:
    """The cost of a schedule for one sample, counted from its moves before anything runs.

    Where the logit process needs an origin, y_cor, the classifier is called on x_cor once a chain,
    for initialisation (E.5), and later moves that need y_cor use the output of that call. Otherwise
    every move that needs it is a call. Where chains end once a sample is settled, this is the most that a
    sample costs.
    """
    calls: Counter[str] = Counter()
    has_classified_x_cor = is_guided = False
    label_calls = 0
    for move in moves:
        if _classifies_x_cor(move, needs_origin):
            calls["classifier"] += not (has_classified_x_cor and needs_origin)
            has_classified_x_cor = True
            continue
        match move:
            case Update() | Predict() | Correct():
                calls[move.process] += 1
                calls["gradient"] += is_guided and move.process == SIGNAL
                is_guided = is_guided and (isinstance(move, Correct) or move.process != SIGNAL)
            case Condition():
                calls["classifier"] += move.slot == SIGNAL
            case Target():
                calls["classifier"] += move.source == "x0_hat"
            case Guide():
                is_guided = True
            case Answer():
                calls["classifier"] += move.source == "x"
            case RetrainedAnswer():
                calls["classifier"] += 1
            case StartLabels():
                label_calls = move.calls
            case UpdateLabels():
                calls[LABEL] += label_calls
            case NewChain() | NewChainUnlessSettled() | StartOverUnlessSettled():
                has_classified_x_cor = is_guided = False
            case Start() | LogitsBy() | LabelAnswer():
                pass
            case _:
                assert_never(move)
    return Cost(
        calls[SIGNAL],
        calls[LOGIT],
        calls["classifier"],
        nfe_label=calls[LABEL],
        nfe_gradient=calls["gradient"],
    )


def _classifies_x_cor(move: Move, needs_origin: bool) -> bool:
    if isinstance(move, Start):
        return needs_origin and move.process == LOGIT
    return isinstance(move, Condition | Target | Answer) and move.source in ("x_cor", "y_cor")
