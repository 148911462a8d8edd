"""What is chosen as the published code chooses it, and the parts that were trained so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import check_choice

View = Literal["plain", "enhanced", "coupled"]

TRAININGS = {"clean": ("logit", "card"), "linear": ("logit", "card", "nested")}
"""Ways of training parts, with the kinds that are trained so, in the order of training.

    clean: the logit denoiser never sees a corrupted signal; this is what CARD is where its conditioning
        signal is the clean one in training.
    linear: the logit denoiser is pretrained with a linear schedule of noise, which ends far from noise;
        all that is trained from it has the cosine schedule. The published networks put out the noise and
        ours v, whose meaning depends on the schedule: what the change of schedule costs an untrained
        start may differ.
"""


@dataclass(frozen=True)
class Choice:
    """What is chosen as the published code chooses it; by default nothing.

    Args:
        sampler: whether signals and logits are sampled by `PublishedSampler`.
        view: how the classifier is shown sampled signals, as in `trainables.published.scaling`.
        bounds: whether clean signal estimates are bounded by `StandardisedBounds`.
        per_sample: whether logits are normalised by `PerSampleLogits`.
        training: one of TRAININGS, whose parts are used; "" for the product's parts.
        pretrained: whether `card` is sampled by the logit denoiser as it was pretrained, without the
            further training that has the length of coupled training.
        uncorrupted: whether signals are left uncorrupted, to see what a view alone does.
    """

    sampler: bool = False
    view: View = "plain"
    bounds: bool = False
    per_sample: bool = False
    training: str = ""
    pretrained: bool = False
    uncorrupted: bool = False

    def __post_init__(self) -> None:
        check_choice("view", self.view, ("plain", "enhanced", "coupled"))
        check_choice("training", self.training, ("", *TRAININGS))
