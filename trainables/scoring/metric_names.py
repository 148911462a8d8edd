"""Names of the metrics and stages that are recorded, and how tables and figures show accuracy."""

from __future__ import annotations

from dataclasses import dataclass

ACCURACY, ACCURACY_LOW, ACCURACY_HIGH = "accuracy", "accuracy_low", "accuracy_high"
TOP5, TOP5_LOW, TOP5_HIGH = "top5", "top5_low", "top5_high"
NFE, NFE_SIGNAL, NFE_LOGIT, NFE_CLASSIFIER = "nfe", "nfe_signal", "nfe_logit", "nfe_classifier"
NFE_LABEL, NFE_GRADIENT = "nfe_label", "nfe_gradient"
GFLOPS, SECONDS_PER_SAMPLE = "gflops", "seconds_per_sample"
SECONDS_ALONE = "seconds_alone"
"""Seconds a sample as they were timed on one actor while no other worked, nothing shared with other points;
`seconds_per_sample` is what a measurement took, beside whatever else there was.
"""
SPREAD = "spread"
MEAN_CHAINS = "mean_chains"
"""Chains of a sample, on average, where a point ends those of samples that are settled."""
WER, WER_LOW, WER_HIGH = "wer", "wer_low", "wer_high"
SI_SDR, PESQ, ESTOI = "si_sdr", "pesq", "estoi"
HYPERVOLUME = "hypervolume"
LOG_NFE = "log10_nfe"
"""The decimal logarithm of calls, for charts without logarithmic axes; missing where there are no calls."""

STAGE_SWEEP, STAGE_TRIAL, STAGE_TRAIN, STAGE_CONFIRM = "sweep", "trial", "train", "confirm"
STAGE_REPRODUCE, STAGE_TRANSFER, STAGE_DIAGNOSE = "reproduce", "transfer", "diagnose"
STAGE_COMPARE = "compare"


def utterances_of(signal_metric: str) -> str:
    """The name of the metric that counts the utterances whose mean a signal metric is."""
    return f"{signal_metric}_utterances"


SIGNAL_METRICS = (SI_SDR, PESQ, ESTOI)

METRICS = (
    ACCURACY,
    ACCURACY_LOW,
    ACCURACY_HIGH,
    NFE,
    NFE_SIGNAL,
    NFE_LOGIT,
    NFE_LABEL,
    NFE_CLASSIFIER,
    NFE_GRADIENT,
    GFLOPS,
    SECONDS_PER_SAMPLE,
    SPREAD,
    WER,
    WER_LOW,
    WER_HIGH,
    *SIGNAL_METRICS,
    *(utterances_of(name) for name in SIGNAL_METRICS),
    TOP5,
    TOP5_LOW,
    TOP5_HIGH,
    SECONDS_ALONE,
    MEAN_CHAINS,
)

COSTS = (
    NFE,
    NFE_SIGNAL,
    NFE_LOGIT,
    NFE_LABEL,
    NFE_CLASSIFIER,
    NFE_GRADIENT,
    GFLOPS,
    SECONDS_PER_SAMPLE,
    SECONDS_ALONE,
)
"""What a point costs; the names of these metrics do not say the split."""


def on_split(split: str, name: str) -> str:
    """The name of a metric in runs that record several splits: all but costs are prefixed with the split."""
    return name if name in COSTS else f"{split}_{name}"


@dataclass(frozen=True)
class Metric:
    """The metric that tables and figures show in the place of accuracy.

    Records, searches and paired tests use the accuracy, at most 1; for sentences this is the word
    accuracy, 1 - WER, which may be below 0. `of` converts it to the metric.

    Args:
        name: the metric's name in records.
        title: its title in tables and figures.
        rises: whether it is the accuracy, of which more is better; otherwise it is 1 - accuracy.
        samples: what the classified samples are called, in the plural.
    """

    name: str
    title: str
    rises: bool
    samples: str

    @property
    def low(self) -> str:
        """The name of the metric that is the lower end of the interval."""
        return f"{self.name}_low"

    @property
    def high(self) -> str:
        """The name of the metric that is the upper end of the interval."""
        return f"{self.name}_high"

    @property
    def axis(self) -> str:
        """The title of an axis of this metric."""
        return f"{self.title}, %" if self.rises else f"{self.title}, % (lower is better)"

    def of(self, accuracy: float) -> float:
        """The metric's value at an accuracy."""
        return accuracy if self.rises else 1 - accuracy

    def gain(self, difference: float) -> float:
        """The difference of the metric where the accuracy differs by `difference`."""
        return difference if self.rises else -difference


BY_ACCURACY = Metric(ACCURACY, "accuracy", True, "images")
BY_TOP5 = Metric(TOP5, "top-5 accuracy", True, "images")
"""The share of samples whose class is among the five most likely ones, where there are more classes."""

METRIC_OF_KIND = {"image": BY_ACCURACY, "speech": Metric(WER, "WER", False, "utterances")}
"""The metric of each kind of signals."""
