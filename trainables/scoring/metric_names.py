"""Names of what is recorded, and how the metric of the answers is shown to people."""

from __future__ import annotations

from dataclasses import dataclass

ACCURACY, NFE = "accuracy", "nfe"


NFE_SIGNAL, NFE_LOGIT, NFE_CLASSIFIER = "nfe_signal", "nfe_logit", "nfe_classifier"


ACCURACY_LOW, ACCURACY_HIGH = "accuracy_low", "accuracy_high"


GFLOPS, SECONDS_PER_SAMPLE = "gflops", "seconds_per_sample"


SPREAD = "spread"


WER, WER_LOW, WER_HIGH = "wer", "wer_low", "wer_high"


SI_SDR, PESQ, ESTOI = "si_sdr", "pesq", "estoi"


HYPERVOLUME = "hypervolume"


def utterances_of(signal_measure: str) -> str:
    """The metric that says of how many utterances a signal metric is the mean."""
    return f"{signal_measure}_utterances"


SIGNAL_METRICS = (SI_SDR, PESQ, ESTOI)


METRICS = (
    ACCURACY,
    ACCURACY_LOW,
    ACCURACY_HIGH,
    NFE,
    NFE_SIGNAL,
    NFE_LOGIT,
    NFE_CLASSIFIER,
    GFLOPS,
    SECONDS_PER_SAMPLE,
    SPREAD,
    WER,
    WER_LOW,
    WER_HIGH,
    *SIGNAL_METRICS,
    *(utterances_of(name) for name in SIGNAL_METRICS),
)


COSTS = (NFE, NFE_SIGNAL, NFE_LOGIT, NFE_CLASSIFIER, GFLOPS, SECONDS_PER_SAMPLE)
"""What a point costs, whatever it is measured on."""


def on_split(split: str, name: str) -> str:
    """A metric's name in runs of several splits, which stand side by side: all but costs say which."""
    return name if name in COSTS else f"{split}_{name}"


STAGE_SWEEP, STAGE_TRIAL, STAGE_TRAIN, STAGE_CONFIRM = "sweep", "trial", "train", "confirm"


STAGE_REPRODUCE = "reproduce"


@dataclass(frozen=True)
class Metric:
    """What people are shown of how many samples were classified rightly.

    Records, searches and paired tests go by accuracy throughout, at most 1; `of` turns it into what is
    shown. Of sentences it is the word accuracy, 1 - WER, which may be below 0.

    Args:
        name: of the metric.
        title: in tables and figures.
        rises: whether more is better; else it is the share of errors.
        samples: what one classifies.
    """

    name: str
    title: str
    rises: bool
    samples: str

    @property
    def low(self) -> str:
        """The metric of the interval's lower end."""
        return f"{self.name}_low"

    @property
    def high(self) -> str:
        """The metric of the interval's upper end."""
        return f"{self.name}_high"

    @property
    def axis(self) -> str:
        """Title of an axis."""
        return f"{self.title}, %" if self.rises else f"{self.title}, % (lower is better)"

    def of(self, accuracy: float) -> float:
        """The metric at that accuracy."""
        return accuracy if self.rises else 1 - accuracy

    def gain(self, difference: float) -> float:
        """The metric's difference where accuracy differs by so much."""
        return difference if self.rises else -difference


BY_ACCURACY = Metric(ACCURACY, "accuracy", True, "images")


METRIC_OF_KIND = {"image": BY_ACCURACY, "speech": Metric(WER, "WER", False, "utterances")}
"""What each kind of signals is judged by."""
