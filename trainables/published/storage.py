"""Where parts that were trained as the published code trains them are kept, apart from the product's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainables.core.places import place
from trainables.evaluation.records import RecordStore
from trainables.evaluation.storage import Storage
from trainables.published.choice import TRAININGS, Choice
from trainables.task.recipe import Task
from trainables.training.objective import Weights
from trainables.training.part_store import PartStore

_FOLDER = "published"


class PublishedParts(PartStore):
    """The parts of one training, and the product's of all kinds that it does not train.

    Args:
        root: the directory of the parts that are trained so.
        training: one of TRAININGS, or "" for none.
        product: the product's parts.
        pretrained: whether the pretrained logit denoiser stands for the part `card`.
    """

    def __init__(
        self, root: Path, training: str, product: PartStore, pretrained: bool = False
    ) -> None:
        super().__init__(root)
        self._kinds, self._product = TRAININGS.get(training, ()), product
        self._pretrained = pretrained

    def load(self, kind: str, task: Task) -> Weights:
        """The weights of a finished part.

        Raises:
            UsageError: the part has not been trained, or its files cannot be read.
        """
        kind = "logit" if self._pretrained and kind == "card" else kind
        return super().load(kind, task) if kind in self._kinds else self._product.load(kind, task)


@dataclass(frozen=True)
class PublishedStorage(Storage):
    """The directories of a storage, with the parts and the records of a choice in the place of the
    product's.
    """

    choice: Choice = field(default_factory=Choice)

    @property
    def parts(self) -> PublishedParts:
        training = self.choice.training
        root = place(self.root) / _FOLDER / "parts" / training
        return PublishedParts(root, training, super().parts, self.choice.pretrained)

    @property
    def records(self) -> RecordStore:
        return RecordStore(place(self.root) / _FOLDER / "records")


def storage_of(storage: Storage, choice: Choice) -> PublishedStorage:
    """The storage of a choice, under the same directory."""
    return PublishedStorage(storage.root, storage.data_dir, choice)
