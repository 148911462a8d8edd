"""Where data, trained parts and records of measurements lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainables.core.progress import Progress, quiet
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.evaluation.records import RecordStore
from trainables.task.recipe import Task
from trainables.training.part_store import PartStore


@dataclass(frozen=True)
class Storage:
    """Where everything lies: absolute directories that driver and workers can reach.

    `data_dir` is where the dataset's files are; the storage's own place for downloads if empty.
    """

    root: str
    data_dir: str = ""

    @property
    def parts(self) -> PartStore:
        return PartStore(Path(self.root) / "parts")

    @property
    def records(self) -> RecordStore:
        return RecordStore(Path(self.root) / "records")

    @property
    def data(self) -> Path:
        return Path(self.data_dir) if self.data_dir else Path(self.root) / "data"

    def dataset(
        self, task: Task, progress: Progress = quiet, spread: Spread | None = None
    ) -> Dataset:
        """The task's data; what must be built is made by `spread`, or here, and kept in the
        storage, and `progress` told of it.

        Raises:
            UsageError: its files are missing or broken.
        """
        cache = Path(self.root) / "data"
        return datasets.load(
            task.dataset, self.data, cache, task.recipe.spectrogram, progress, spread
        )
