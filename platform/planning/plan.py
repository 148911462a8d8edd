"""The plan of a sweep: everything that was asked for, checked before anything starts.

Loading torch takes seconds, so what needs it is imported where it is used: names and ranges are checked
before.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER, chosen_sgmse, chosen_whisper
from typing import TYPE_CHECKING, Any

import search_spaces
from trainables import strategies
from trainables.core.config import as_mapping, digest, identity
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.precision_names import PRECISIONS
from trainables.data import datasets
from trainables.evaluation.records import FORMATS
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.scoring.metric_names import METRIC_OF_KIND, Metric

if TYPE_CHECKING:
    from platform.planning.presets.definition import Preset

    from trainables.data.dataset import Facts
    from trainables.evaluation.storage import Storage
    from trainables.task.recipe import Task
    from trainables.workers.job import Job

BASELINES = ("noisy", "enhanced", "card")
MAX_SEEDS = 1000
"""Sampling seeds that belong to one seed of a sweep."""
_LEAST_SHARE = 0.001  # of a GPU
USUAL_PRECISION = "auto"
NAMES = {
    "strategy": strategies.names(),
    "dataset": datasets.names(),
    "preset": presets.NAMES,
    "precision": PRECISIONS,
}
"""What the names in a plan may be, known before the data are looked at."""
RANGES = {"trials": (1, 100_000), "seed": (0, 2**31 - 1), "workers": (0, 10_000)}
"""From where to where the numbers in a plan may be."""


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

    def __post_init__(self) -> None:
        check_names(**{name: getattr(self, name) for name in NAMES})
        check_numbers(**{name: getattr(self, name) for name in RANGES})
        check_gpus(self.gpus_per_trial)
        _known("corruption", self.corruption, self.facts.corruptions)
        batch = self.budget.recipe.batch
        if self.workers and batch % self.workers:
            raise UsageError(f"--workers is {self.workers}, but must divide the batch of {batch}")

    @property
    def budget(self) -> Preset:
        """What the preset stands for, with the Whisper and the checkpoint that were asked for."""
        found = presets.preset(self.preset, self.facts)
        signal, classifier = found.recipe.signal, found.recipe.classifier
        signal = chosen_sgmse(signal, self.sgmse, self.preset)
        if isinstance(classifier, RecogniserConfig):
            classifier = chosen_whisper(classifier, self.whisper)
        return replace(found, recipe=replace(found.recipe, signal=signal, classifier=classifier))

    @property
    def facts(self) -> Facts:
        """What is known of the dataset before its signals are read."""
        return _facts(self.dataset, self.places.data)

    @property
    def metric(self) -> Metric:
        """What people are shown of the answers."""
        return METRIC_OF_KIND[self.facts.kind]

    @property
    def task(self) -> Task:
        """Data, corruption and training."""
        from trainables.task.recipe import Task

        facts = self.facts
        return Task(self.dataset, self.corruption, self.seed, self.budget.recipe, facts.content)

    @property
    def places(self) -> Storage:
        """Where parts and records are."""
        from trainables.evaluation.storage import Storage

        return Storage(self.storage, self.data_dir)

    @property
    def setting(self) -> str:
        """Data, corruption, preset and seed in words."""
        return f"{self.facts.title}, {self.corruption} (preset {self.preset}, seed {self.seed})"

    @property
    def sweep_id(self) -> str:
        """What makes a sweep this one: all that shapes its trials, but not how many there are. One that
        an earlier release began keeps the id that it was given, until the search begins afresh.
        """
        from platform.planning.earlier_sweeps import id_in

        searched = {
            "seeds": self.budget.search_seeds,
            "limit": self.budget.search_limit,
            "precision": self.precision,
            "format": FORMATS[self.facts.kind],
        }
        task = self.task
        space = search_spaces.description(self.strategy, task.recipe.T, self.facts.kind)
        own = digest([self.strategy, identity(task), searched, space])
        return own if self.fresh else id_in(self._sweeps, own, self.job("validation", threads=1))

    @property
    def folder(self) -> Path:
        """The sweep's own directory."""
        return self._sweeps / f"{self.strategy}-{self.sweep_id}"

    @property
    def _sweeps(self) -> Path:
        """The directory of the sweeps of this dataset and corruption."""
        return Path(self.storage) / "sweeps" / self.dataset / self.corruption

    @property
    def kinds(self) -> list[str]:
        """Kinds of parts that the strategy and the baselines sample with."""
        return kinds_of([self.strategy, *BASELINES])

    def job(
        self, split: str, threads: int, seeds: int | None = None, gpu_share: float = 0.0
    ) -> Job:
        """What all measurements on a split have in common, at the preset's number of seeds or at
        another.
        """
        from trainables.workers.job import Job

        budget, search = self.budget, split == "validation"
        count = seeds or (budget.search_seeds if search else budget.confirm_seeds)
        limit = budget.search_limit if search else budget.confirm_limit
        numbers = tuple(self.seed * MAX_SEEDS + i for i in range(count))
        return Job(
            self.task,
            self.strategy,
            self.places,
            split,
            limit,
            numbers,
            budget.batch,
            threads,
            gpu_share,
            self.precision,
        )

    def as_mapping(self) -> dict[str, Any]:
        """The plan with what it stands for, to be shown and kept."""
        return {**as_mapping(self), "sweep_id": self.sweep_id, "budget": as_mapping(self.budget)}


@functools.cache
def _facts(name: str, root: Path) -> Facts:
    """A dataset's facts as they were at first sight: a folder of many images takes seconds to list."""
    return datasets.facts(name, root)


def usual_corruption(dataset: str, places: Storage) -> str:
    """What a dataset is corrupted by where nothing is said.

    Raises:
        UsageError: there is no such dataset, or its directory is not as it must be.
    """
    return _facts(dataset, places.data).corruptions[0]


def kinds_of(names: Iterable[str]) -> list[str]:
    """Kinds of parts that strategies of these names sample with."""
    return list(dict.fromkeys(kind for name in names for kind in strategies.load(name).PARTS))


def check_names(**given: str) -> None:
    """Refuse names that nobody knows, of the kinds in `NAMES`.

    Raises:
        UsageError: one is unknown.
    """
    for kind, name in given.items():
        _known(kind, name, NAMES[kind])


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


def check_numbers(**given: float) -> None:
    """Refuse numbers that no plan can have, of those in `RANGES`.

    Raises:
        UsageError: one is out of range.
    """
    for name, value in given.items():
        check_range(f"--{name.replace('_', '-')}", value, *RANGES[name])


def _known(kind: str, name: str, allowed: tuple[str, ...]) -> None:
    if name not in allowed:
        raise unknown_name(kind, name, allowed)
