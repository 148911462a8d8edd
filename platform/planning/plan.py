"""The plan of a sweep: what was asked for, each name and number checked by itself.

It imports no torch, which takes seconds to load: what is made of a plan is in `platform.planning.setup`.
"""

from __future__ import annotations

from dataclasses import dataclass
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER

from trainables import strategies
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.precision_names import PRECISIONS
from trainables.data import datasets
from trainables.data.degradation import Degradation, check_share, condition_text
from trainables.scoring.cost_metrics import COST_METRICS, USUAL_COST

MAX_SEEDS = 1000
"""Sampling seeds that belong to one seed of a sweep."""
MAX_TRAINING_SEEDS = 20
"""Seeds at which one command trains at most; they are part of the name of a directory."""
_LEAST_SHARE = 0.001  # of a GPU
USUAL_PRECISION = "auto"
SAMPLERS = ("tpe", "nsga2", "nsga3", "gp", "random")
"""What may choose the points of a search, see `platform.pipeline.samplers`."""
USUAL_SAMPLER = "tpe"
USUAL_PATIENCE = 120.0
"""Seconds that a tracking store may be away for."""
NAMES = {
    "strategy": strategies.names(),
    "dataset": datasets.names(),
    "preset": presets.NAMES,
    "precision": PRECISIONS,
    "sampler": SAMPLERS,
    "cost": tuple(COST_METRICS),
}
"""What the names in a plan may be, known before the data are looked at."""
RANGES = {
    "trials": (1, 100_000),
    "seed": (0, 2**31 - 1),
    "workers": (0, 10_000),
    "max_cost": (0, 10**9),
    "min_accuracy": (0, 1),
    "tracking_patience": (0, 10**6),
}
"""From where to where the numbers in a plan may be."""
SHARES = ("resolution", "train_fraction")
"""Shares in a plan: above 0, at most 1, which is the usual one."""


@dataclass(frozen=True)
class Plan:
    """A sweep, as asked for; the storage and the tracking URI are absolute.

    Args:
        strategy, dataset, corruption, preset: names.
        trials: how many complete trials the sweep is to have, those of earlier runs included.
        seed: of training, search and sampling.
        workers: trials at a time, and training workers at most; 0 for what the machine or cluster has.
        gpus_per_trial: the share of a GPU that a trial is given, a training worker then a whole one; 0
            for none, None for as many trials to a GPU as fit, where there are GPUs.
        storage: the directory that all output goes under.
        tracking_uri: MLflow's.
        data_dir: where the dataset's files are; the storage's own place for downloads if empty.
        fresh: forget the trials of earlier runs of this sweep and search anew.
        precision: what networks compute in when they sample.
        whisper: the size of Whisper that classifies speech, or a checkpoint file.
        sgmse: the checkpoint file that speech's signal denoiser starts from; none if empty.
        resolution: the share of an image's rows and columns that is left of the corrupted image, in (0, 1].
        train_fraction: the share of the training split that all parts are trained on, in (0, 1].
        max_cost: the search keeps to points of at most this cost, and the sweep names the best of them; 0 for
            no bound.
        tracking_patience: seconds that the tracking store may be away for before the run ends.
        sampler: what chooses the points of the search, one of `SAMPLERS`.
        warm_start: begin the search with the confirmed fronts of earlier sweeps in the storage.
        cost: what the search makes little of, beside much accuracy, one of `COST_METRICS`.
        min_accuracy: the search keeps to points of at least this accuracy, and the sweep names the cheapest
            of them; 0 for no bound.
        settled: search also whether, and how soon, a sample's chains end once it is settled.
        racing: stop a trial as soon as its point is known to be beaten by one that costs no more.
        study_uri: the database that holds the search's study; empty for a journal in the sweep's folder.

    Raises:
        UsageError: a name is unknown or a number out of range.
    """

    strategy: str
    dataset: str
    corruption: str
    preset: str
    trials: int
    seed: int
    workers: int
    gpus_per_trial: float | None
    storage: str
    tracking_uri: str
    data_dir: str = ""
    fresh: bool = False
    precision: str = USUAL_PRECISION
    whisper: str = USUAL_WHISPER
    sgmse: str = ""
    resolution: float = 1.0
    train_fraction: float = 1.0
    max_cost: float = 0
    tracking_patience: float = USUAL_PATIENCE
    sampler: str = USUAL_SAMPLER
    warm_start: bool = False
    cost: str = USUAL_COST
    min_accuracy: float = 0
    settled: bool = False
    racing: bool = False
    study_uri: str = ""

    def __post_init__(self) -> None:
        check_names(**{name: getattr(self, name) for name in NAMES})
        check_numbers(**{name: getattr(self, name) for name in RANGES})
        check_gpus(self.gpus_per_trial)
        check_shares(**{name: getattr(self, name) for name in SHARES})

    @property
    def degradation(self) -> Degradation:
        """What is done to signals before they are classified."""
        return Degradation(self.corruption, self.resolution)

    @property
    def condition(self) -> str:
        """The degradation and the training share in words, as titles have them: `gn30` where both shares
        are 1.
        """
        return condition_text(self.degradation, self.train_fraction)


def check_names(**names: str) -> None:
    """Refuse names that nobody knows, of the kinds in `NAMES`.

    Raises:
        UsageError: one is unknown.
    """
    for kind, name in names.items():
        if name not in NAMES[kind]:
            raise unknown_name(kind, name, NAMES[kind])


def check_gpus(share: float | None) -> None:
    """Refuse what no trial can have of a GPU.

    Raises:
        UsageError: it is out of range.
    """
    if share and not _LEAST_SHARE <= share <= 1:  # NaN is refused too
        raise UsageError(
            f"--gpus-per-trial is {share:g}, but must be 0, for none, or from {_LEAST_SHARE:g} to 1, as "
            "a trial runs on one GPU"
        )


def check_shares(**shares: float) -> None:
    """Refuse shares that no plan can have, of those in `SHARES`.

    Raises:
        UsageError: one is out of range.
    """
    for name, value in shares.items():
        check_share(f"--{name.replace('_', '-')}", value)


def check_numbers(**numbers: float) -> None:
    """Refuse numbers that no plan can have, of those in `RANGES`.

    Raises:
        UsageError: one is out of range.
    """
    for name, value in numbers.items():
        check_range(f"--{name.replace('_', '-')}", value, *RANGES[name])
