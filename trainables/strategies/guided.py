"""`guided`: coupling by gradients: a distribution of classes guides the signal by a classifier's gradient
(classifier guidance: Dhariwal and Nichol 2021; Sahu, Banerjee and Wu 2026).

Where `parallel` shows the logits' clean estimate to the signal denoiser, here the denoiser sees none, and
its score gets the gradient of the log-probability of a target (`trainables.sampling.guidance`). The networks
are those of `parallel`: its signal denoiser was trained without logits too, and its logit denoiser to see
clean estimates of the signal, so what differs is how the logits guide. In each step the logits come first:
a target is there from the first step on, which is not f(x_cor), whose errors a guided signal would take over.
Where neither the target nor the answer is the logits', they are not sampled.

It is for images and for spoken words. Of these the frozen classifier is Whisper: gradients go through its one
decoding step that tells the words apart, its encoder, and the waveform of the spectrogram. Sentences are
decoded token by token, greedily, which has no gradient, and have no classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import UsageError, check_choice, check_range
from trainables.sampling.moves import LOGIT, SIGNAL, Condition, Guide, Move, Start, Target, Update
from trainables.strategies._chains import CoupledParameters

PARTS = ("classifier", "parallel", "noisy-classifier")
SIGNALS = ("image", "word")
GUIDES = ("frozen", "noisy")
TARGETS = ("y0_hat", "y_cor", "x0_hat")


@dataclass(frozen=True)
class Parameters(CoupledParameters):
    """Sampling parameters of `guided`.

    `steps`: selected steps of the trajectories. `guide`: the classifier that the gradient is of, the "frozen"
    one at the signal's clean estimate, or the "noisy" one, which is conditioned on the noise level.
    `target`: the distribution of classes whose log-probability is raised: that of the logits' clean
    estimate ("y0_hat"), the classifier's for x_cor ("y_cor"), or its own for the signal's latest clean
    estimate ("x0_hat"); the first step has none of these last, and is not guided by them. `scale`: of the
    gradient; with 1 the target's class is conditioned on as by Bayes' rule. `guide_from`, `guide_to`: the
    fractions of the steps from which and up to which the signal is guided, one step at least; before them
    the logits are given x_cor, from then on the signal's clean estimate. `eta`: 0 is DDIM, 1 is DDPM, for
    both processes.
    """

    steps: int
    guide: Literal["frozen", "noisy"]
    target: Literal["y0_hat", "y_cor", "x0_hat"]
    scale: float
    guide_from: float
    guide_to: float
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("guide", self.guide, GUIDES)
        check_choice("target", self.target, TARGETS)
        check_range("steps", self.steps, 1, 100_000)
        check_range("scale", self.scale, 0, 1e6)
        check_range("guide_from", self.guide_from, 0, 1)
        check_range("guide_to", self.guide_to, 0, 1)
        check_range("eta", self.eta, 0, 1)
        if self.guide_from > self.guide_to:
            raise UsageError(
                f"guide_from is {self.guide_from}, but must not be above guide_to, {self.guide_to}"
            )

    def chain(self) -> Iterator[Move]:
        """The moves of Algorithm 2, logits first, with gradients in the place of the signal's condition."""
        first = min(round(self.guide_from * self.steps), self.steps - 1)
        end = max(first + 1, round(self.guide_to * self.steps))
        samples_logits = self.target == "y0_hat" or self.answer != "x"
        yield Start(SIGNAL, self.steps)
        if samples_logits:
            yield Start(LOGIT, self.steps)
            yield Condition(SIGNAL, "x_cor")
        for step in range(self.steps):
            if samples_logits:
                if step and step >= first:
                    yield Condition(SIGNAL, "x0_hat")
                yield Update(LOGIT, self.eta)
            if first <= step < end and (step or self.target != "x0_hat"):
                if step == first or self.target != "y_cor":
                    yield Target(self.target)
                yield Guide(self.guide, self.scale)
            yield Update(SIGNAL, self.eta)
        yield from self.answers()
