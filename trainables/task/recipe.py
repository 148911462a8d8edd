"""How the parts of a task are built and trained: one recipe, the same for every strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trainables.core.config import added_field, as_mapping
from trainables.core.errors import UsageError, check_choice, check_range
from trainables.core.precision_names import PRECISIONS
from trainables.data.augment import Augmentation
from trainables.data.degradation import Degradation, check_share, condition_text
from trainables.data.spectrogram import SPECTROGRAM_16K, Spectrogram
from trainables.diffusion.ouve import OUVE, OUVE_16K
from trainables.models.images.classifier import ConvNetConfig, ResNetConfig
from trainables.models.images.didirn import DiDiRNConfig, SmallDiDiRNConfig
from trainables.models.images.logit_attention import LogitAttentionConfig
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.models.images.unet import UNetConfig
from trainables.models.speech.logit_score import LogitScoreConfig
from trainables.models.speech.logit_sequence import LogitSequenceConfig
from trainables.models.speech.ncsnpp.config import NCSNppConfig
from trainables.models.speech.whisper.config import RecogniserConfig

LOSS_WEIGHTINGS = ("noise", "velocity")


@dataclass(frozen=True)
class Updates:
    """Optimiser updates of each stage.

    `coupled` is the length of every strategy's coupled training, and of the enhanced baseline's
    further training, so that all have seen the same number of batches. A classifier that is retrained on
    corrupted signals makes the updates of `signal`, `logit` and `coupled` together; a noise-conditional
    classifier makes those of `logit`.
    """

    classifier: int
    signal: int
    logit: int
    coupled: int

    def __post_init__(self) -> None:
        for name in ("classifier", "signal", "logit", "coupled"):
            check_range(f"updates of {name}", getattr(self, name), 1, 10**9)


@dataclass(frozen=True)
class SpeechRecipe:
    """Speech as it is diffused: spectrograms, by the process of SGMSE, and their logits by the same
    (paper, E.1).
    """

    spectrogram: Spectrogram = field(default_factory=lambda: SPECTROGRAM_16K)
    process: OUVE = field(default_factory=lambda: OUVE_16K)

    @property
    def logit_process(self) -> OUVE:
        """The process of the logits, that of the signals: logits are scaled to the deviation of the real
        and imaginary parts (E.5), so they get the noise of a part, not that of a complex number.
        """
        return self.process


@dataclass(frozen=True)
class Recipe:
    """Networks, process and training of a task.

    Args:
        updates: the length of every stage.
        T: noise levels of both processes.
        batch: samples an update, over all workers.
        loss_weighting: "noise", the paper's loss, or "velocity", the same weighted so that the
            noisiest levels are learnt as well: for images divided by abar_t (`noise_loss`), for
            speech as `OUVELoss` has it.
        learning_rate: the peak, after a linear warm-up and before a cosine decay.
        ema: the largest decay of the averaged weights, which are the ones kept.
        precision: of training, one of PRECISIONS; that of sampling is the plan's.
        augmentation: how training images are moved, in every stage.
        sampling_steps: steps of each full sampling in coupled training (Algorithm 5 lines 5 and 6,
            Algorithm 7 line 4).
        inner_updates: K of Algorithms 5 and 7, updates made with what was sampled once. Where nothing
            is sampled every update has a batch of its own.
        pool: sampled batches that updates draw from at random, each K times in all; then the pool is
            sampled anew. With one, K updates in a row are made with the same samples; with many, the
            same samples come again after long: on digits, whose training split is small, that was
            worse the larger the pool was (K = 30: a validation loss of .433, .454 and .478 with pools
            of 1, 8 and 30). Fewer uses of each batch help more than any pool (K = 4: .379 and .382
            with pools of 1 and 16).
        unguided: the fraction of samples for which a denoiser does not see the other's estimate in
            coupled training: warm-ups and first trajectories are sampled without it.
        validated: the most validation samples that a part is judged by at every report.
        speech: states and process of speech; None for images, whose process has T levels.
        classifier, signal, logit: the networks.
        label: the score network of the label diffusion, which is not for sentences.
        label_smoothing: what that network's targets spread over all labels.

    Raises:
        UsageError: a number is out of range, or a network is for the other kind of signals.
    """

    updates: Updates
    T: int = 150
    batch: int = 128
    loss_weighting: str = "velocity"
    learning_rate: float = 2e-3
    ema: float = 0.999
    precision: str = "auto"
    augmentation: Augmentation = field(default_factory=Augmentation)
    sampling_steps: int = 10
    inner_updates: int = 4
    pool: int = 4
    unguided: float = 0.2
    validated: int = 256
    speech: SpeechRecipe | None = None
    classifier: ConvNetConfig | ResNetConfig | RecogniserConfig = field(
        default_factory=ConvNetConfig
    )
    signal: UNetConfig | NCSNppConfig = field(default_factory=UNetConfig)
    logit: LogitMLPConfig | LogitAttentionConfig | LogitScoreConfig | LogitSequenceConfig = field(
        default_factory=LogitMLPConfig
    )
    label: DiDiRNConfig | SmallDiDiRNConfig = added_field(SmallDiDiRNConfig())
    label_smoothing: float = added_field(0.0)

    def __post_init__(self) -> None:
        check_choice("loss_weighting", self.loss_weighting, LOSS_WEIGHTINGS)
        check_choice("precision", self.precision, PRECISIONS)
        check_range("T", self.T, 2, 100_000)
        check_range("batch", self.batch, 1, 10**6)
        check_range("learning_rate", self.learning_rate, 1e-8, 1)
        check_range("ema", self.ema, 0, 1)
        check_range("sampling_steps", self.sampling_steps, 1, self.T)
        check_range("inner_updates", self.inner_updates, 1, 10**6)
        check_range("pool", self.pool, 1, 10**4)
        check_range("unguided", self.unguided, 0, 1)
        check_range("validated", self.validated, 1, 10**6)
        check_range("label_smoothing", self.label_smoothing, 0, 1)
        self._check_networks()

    @property
    def loss_spreads(self) -> tuple[float | None, float | None]:
        """The spreads of the networks of signal and logits, by which their losses are weighted for
        speech; None where they are not.
        """
        if self.speech is None or self.loss_weighting != "velocity":
            return None, None
        assert isinstance(self.signal, NCSNppConfig)
        assert isinstance(self.logit, LogitScoreConfig | LogitSequenceConfig)
        return self.signal.spread, self.logit.spread

    @property
    def clean_deviation(self) -> float:
        """The deviation of the entries of clean signals about what is known of them: about 1 of images; of
        speech about x_cor, as the networks have it as their spread.
        """
        known = [getattr(network, "spread", None) for network in (self.signal, self.logit)]
        return next((spread for spread in known if spread is not None), 1.0)

    @property
    def kind(self) -> str:
        """What the signals are, "image" or "speech"."""
        return "image" if self.speech is None else "speech"

    @property
    def answers(self) -> str:
        """What the answers are, a key of `FORMATS` of records: "image" for classes of images, "word" and
        "sentence" for what is said.
        """
        if self.speech is None:
            return "image"
        return "sentence" if isinstance(self.logit, LogitSequenceConfig) else "word"

    @property
    def spectrogram(self) -> Spectrogram | None:
        """What speech is shown as; None for images."""
        return None if self.speech is None else self.speech.spectrogram

    def states(self) -> dict[str, Any]:
        """The settings of the signals' states, beyond those of the data."""
        return {} if self.speech is None else {"spectrogram": as_mapping(self.speech.spectrogram)}

    def diffusion(self) -> dict[str, Any]:
        """The settings of the processes, of their loss and of their states."""
        if self.speech is not None:
            return {**as_mapping(self.speech), "loss": self.loss_weighting}
        return {"T": self.T, "loss": self.loss_weighting}

    def _check_networks(self) -> None:
        chosen = {"classifier": self.classifier, "signal": self.signal, "logit": self.logit}
        for name, given in chosen.items():
            if given.kind != self.kind:
                raise UsageError(
                    f"the recipe's {name} is {given.network!r}, which is not for "
                    f"{'speech' if self.speech else 'images'}: choose another, or give `speech`"
                )
        if self.speech is not None and self.loss_weighting == "velocity":
            for name, spread in zip(("signal", "logit"), self.loss_spreads, strict=True):
                if spread is None:
                    raise UsageError(
                        f"loss_weighting is 'velocity', but the recipe's {name} predicts the whole "
                        "score: give it a spread, or weight by 'noise', as the paper does"
                    )
        if self.speech is not None and self.augmentation != Augmentation():
            raise UsageError("speech is not augmented: leave out the recipe's augmentation")


@dataclass(frozen=True)
class Task:
    """What a comparison holds fixed: the data, what degrades it, the seed of training, the recipe.

    Args:
        dataset, corruption: names.
        seed: of training.
        recipe: of all parts.
        content: tells apart data that share a dataset's name, such as folders of images.
        resolution: the share of an image's rows and columns that is left of the corrupted image, in (0, 1].
        train_fraction: the share of the training split that all parts are trained on, in (0, 1].

    Raises:
        UsageError: a share is out of range, or speech is to be reduced.
    """

    dataset: str
    corruption: str
    seed: int
    recipe: Recipe
    content: str = ""
    resolution: float = added_field(1.0)
    train_fraction: float = added_field(1.0)

    def __post_init__(self) -> None:
        check_share("resolution", self.resolution)
        check_share("train fraction", self.train_fraction)
        if self.resolution != 1 and self.recipe.speech is not None:
            raise UsageError(
                f"resolution is {self.resolution:g}, but speech has none: it is of images alone, leave "
                "it out"
            )

    @property
    def degradation(self) -> Degradation:
        """What is done to signals before they are classified."""
        return Degradation(self.corruption, self.resolution)

    @property
    def condition(self) -> str:
        """The degradation and the training share in words."""
        return condition_text(self.degradation, self.train_fraction)
