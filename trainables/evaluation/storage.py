"""The storage: where data, trained parts and records of measurements are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainables.core.places import place, workspace
from trainables.core.progress import Progress, quiet
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.data.train_fraction import with_train_fraction
from trainables.evaluation.partials import PartialStore
from trainables.evaluation.records import RecordStore
from trainables.task.recipe import Task
from trainables.training.part_store import PartStore


@dataclass(frozen=True)
class Storage:
    """The places of data, trained parts and records, which driver and workers can reach.

    Args:
        root: the absolute directory of the storage, or the URI of an object store.
        data_dir: the absolute directory of the dataset's files; if empty, `data` under `root`, or in this
            machine's workspace of an object store.
    """

    root: str
    data_dir: str = ""

    @property
    def parts(self) -> PartStore:
        """The store of trained parts."""
        return PartStore(place(self.root) / "parts")

    @property
    def records(self) -> RecordStore:
        """The store of records."""
        return RecordStore(place(self.root) / "records")

    @property
    def partials(self) -> PartialStore:
        """The store of partial records."""
        return PartialStore(place(self.root) / "records")

    @property
    def data(self) -> Path:
        """The directory of the dataset's files."""
        return Path(self.data_dir) if self.data_dir else workspace(self.root) / "data"

    @property
    def path_choices(self) -> Path:
        """The file of the choices of paths by which large networks are run, of this machine and its like."""
        return workspace(self.root) / "paths.json"

    def dataset(
        self, task: Task, progress: Progress = quiet, spread: Spread | None = None
    ) -> Dataset:
        """The task's data, of the training split as much as the task is trained on. A dataset that must be
        built first is built once, and kept in the storage.

        Args:
            task: the task.
            progress: called with the progress of building.
            spread: how the pieces of building are run; by default in this process.

        Raises:
            UsageError: the dataset's files are missing or broken, or too few training samples are left.
        """
        cache = workspace(self.root) / "data"
        how = task.recipe.spectrogram, progress, spread, task.corruption
        dataset = datasets.load(task.dataset, self.data, cache, *how)
        return with_train_fraction(dataset, task.train_fraction)
