"""The choices of the authors' published image code, each switched on alone on our weights and data, beside
ours: what is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from platform.planning.setup import kinds_of
from typing import Any

import search_spaces
from trainables.published.choice import Choice

DDIM, MEAN, PUBLISHED = "DDIM", "DDPM's mean", "published"
"""The samplers that are compared over numbers of steps: ours with eta = 0, ours with eta = 1 and without
noise, and the published one.
"""
USUAL_DATASET = "digits"
"""What is measured unless the command line names other images."""
_STEPS = (1, 2, 5, 10, 25)


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Args:
        strategy: what is sampled.
        point: its sampling parameters.
        choice: what is chosen as the published code chooses it; by default nothing.
    """

    strategy: str
    point: Mapping[str, Any] = field(hash=False)
    choice: Choice = field(default_factory=Choice)

    def parameters(self) -> dict[str, object]:
        """The sampling parameters, with what is chosen as the published code chooses it."""
        defaults = asdict(Choice())
        changes = {
            name: value for name, value in asdict(self.choice).items() if value != defaults[name]
        }
        return {**self.point, **{f"published_{name}": value for name, value in changes.items()}}


@dataclass(frozen=True)
class Difference:
    """A choice of the published code, and what it is compared with.

    Args:
        name: what is chosen, in few words.
        sentence: what it changes.
        ours: the side without it.
        theirs: the side with it.
        steps: the number of steps at which samplers are compared, 0 where it is another choice.
        sampler: the sampler of `theirs` there.
    """

    name: str
    sentence: str
    ours: Arm
    theirs: Arm
    steps: int = 0
    sampler: str = ""


def kinds() -> list[str]:
    """Kinds of the product's parts that are sampled with."""
    return [*kinds_of(["noisy", "enhanced", "card", "nested"]), "logit"]


def differences_of(T: int) -> list[Difference]:
    """All comparisons, at T noise levels."""
    return [*_samplers(T), *_other_choices(T)]


def _samplers(T: int) -> list[Difference]:
    """Samplers of `enhanced` over numbers of steps: DDPM's mean on a right grid, and the published one,
    each beside DDIM.
    """
    comparisons = []
    for steps in (*(number for number in _STEPS if number < T), T):
        ours = Arm("enhanced", {"steps": steps, "eta": 0.0})
        mean = Arm("enhanced", {"steps": steps, "eta": 1.0, "temperature": 0.0})
        published = Arm("enhanced", ours.point, Choice(sampler=True))
        comparisons += [
            Difference(
                f"{MEAN}, {steps} steps", "steps go to DDPM's mean, over a right grid", ours, mean,
                steps, MEAN,
            ),
            Difference(
                f"sampler, {steps} steps",
                "steps go to DDPM's mean of the level below, wherever the next selected level is",
                ours, published, steps, PUBLISHED,
            ),
        ]  # fmt: skip
    return comparisons


def _other_choices(T: int) -> list[Difference]:
    """Every other choice, at the paper's points."""
    noisy, enhanced, card, nested = (
        Arm(name, search_spaces.load(name).paper_point(T))
        for name in ("noisy", "enhanced", "card", "nested")
    )
    clean = _with(noisy, uncorrupted=True)
    clean_card, start = _with(card, training="clean"), _with(card, pretrained=True)
    unscaled = "sampled signals are shown in [0, 1] to a classifier that knows standardised ones"
    twice = "sampled signals are standardised a second time before they are classified"
    linear = (
        "the logit denoiser is pretrained with betas 1e-4..0.02, which leave 22 % of the signal"
    )
    normalised = "logits of each sample are normalised to mean 0 and one deviation"
    return [
        Difference("sampler, all steps", "nested goes to DDPM's mean without noise, not by DDIM",
                   nested, _with(nested, sampler=True)),
        Difference("card of clean signals", "card is trained on clean signals, sampled on corrupted",
                   card, clean_card),
        Difference("card of clean signals vs noisy", "the same card, beside no diffusion at all",
                   noisy, clean_card),
        Difference("scale of enhanced, clean", f"{unscaled}: here clean images",
                   clean, _with(clean, view="enhanced")),
        Difference("scale of enhanced", unscaled, enhanced, _with(enhanced, view="enhanced")),
        Difference("scale of coupled, clean", f"{twice}: here clean images",
                   clean, _with(clean, view="coupled")),
        Difference("scale of coupled", twice,
                   enhanced, _with(enhanced, view="coupled")),
        Difference("bounds", "clean estimates are bounded by one deviation from the mean",
                   enhanced, _with(enhanced, bounds=True)),
        Difference("linear start, as it is", f"{linear}, then sampled from pure noise",
                   start, _with(card, pretrained=True, training="linear")),
        Difference("linear start, card", f"{linear}; then card's further training",
                   card, _with(card, training="linear")),
        Difference("linear start, nested", f"{linear}; then coupled training",
                   nested, _with(nested, training="linear")),
        Difference("logits per sample", f"{normalised}, in sampling alone",
                   card, _with(card, per_sample=True)),
        Difference("logits per sample, nested", f"{normalised}, in sampling alone",
                   nested, _with(nested, per_sample=True)),
    ]  # fmt: skip


def _with(arm: Arm, **choices: Any) -> Arm:
    """The same arm with more chosen as the published code chooses it."""
    return replace(arm, choice=replace(arm.choice, **choices))
