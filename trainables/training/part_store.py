"""The store of trained parts, each under the hash of its origin."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict, cast

import torch

from trainables.core.config import as_mapping, digest
from trainables.core.errors import UsageError
from trainables.core.files import write_json, write_whole
from trainables.data.degradation import Degradation, condition_text, path_name
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.objective import Weights

VERSION, CLEAN_VERSION = 3, 2
"""The versions of parts that are trained on corrupted signals, and of those that are trained on clean ones
alone. Raise one when the training code changes what it produces: such parts are then trained anew.
"""


class PartFacts(TypedDict, total=False):
    """Facts about a part's training.

    Keys:
        metrics: the metrics of the last report.
        seconds: the duration.
        workers: the number of workers.
        threads: CPU threads of each worker.
        device: the device of the first worker.
        bfloat16: whether that device computes in bfloat16.
    """

    metrics: dict[str, float]
    seconds: float
    workers: int
    threads: int
    device: str
    bfloat16: bool


def origin(kind: str, task: Task) -> dict[str, object]:
    """All that determines a part: settings of its stage, data, seed, and the parts it starts from."""
    stage, recipe = stages.load(kind), task.recipe
    return {
        "version": VERSION if stage.USES_CORRUPTION else CLEAN_VERSION,
        "kind": kind,
        "dataset": task.dataset,
        "content": task.content,
        "corruption": task.corruption if stage.USES_CORRUPTION else None,
        **_reductions(kind, task),
        "seed": task.seed,
        "settings": stage.describe(recipe),
        "training": {
            "updates": stage.updates(recipe),
            "batch": recipe.batch,
            "learning_rate": recipe.learning_rate,
            "ema": recipe.ema,
            "precision": recipe.precision,
            "augmentation": as_mapping(recipe.augmentation),
        },
        "needs": {need: key_of(need, task) for need in stage.NEEDS},
    }


def _reductions(kind: str, task: Task) -> dict[str, float]:
    """The resolution and the training share of a part's training, those that are not 1: what was stored
    before there were such is found.
    """
    resolution = task.resolution if stages.load(kind).USES_CORRUPTION else 1.0
    shares = {"resolution": resolution, "train_fraction": task.train_fraction}
    return {name: share for name, share in shares.items() if share != 1}


def key_of(kind: str, task: Task) -> str:
    """The key of a part in the store."""
    return digest(origin(kind, task))


def in_order(kinds: Iterable[str]) -> list[str]:
    """The kinds of parts with all that they are trained from, in an order in which they can be trained."""
    ordered: list[str] = []
    for kind in kinds:
        for part in [*in_order(stages.parts_given(kind)), kind]:
            if part not in ordered:
                ordered.append(part)
    return ordered


class PartStore:
    """Parts under a directory that every worker can reach, one folder each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, kind: str, task: Task) -> Path:
        """The folder of a part."""
        uses_corruption = stages.load(kind).USES_CORRUPTION
        degradation = task.degradation if uses_corruption else Degradation("")
        words = path_name(condition_text(degradation, task.train_fraction))
        return self.root / task.dataset / "-".join(filter(None, (kind, words, key_of(kind, task))))

    def has(self, kind: str, task: Task) -> bool:
        """Whether the finished part is stored. Its description, which is written last, shows this."""
        return (self.folder(kind, task) / "part.json").exists()

    def missing(self, kinds: Iterable[str], task: Task) -> list[str]:
        """The kinds of parts that are still to be trained to have these, in the order of training.

        A part that only a stored one was trained from is not missing.
        """
        missing: list[str] = []
        for kind in kinds:
            if self.has(kind, task) or kind in missing:
                continue
            needs = self.missing(stages.parts_given(kind), task)
            missing += [need for need in needs if need not in missing] + [kind]
        return missing

    def save(self, kind: str, task: Task, weights: Weights, facts: PartFacts) -> Path:
        """Store a finished part with the facts about its training; returns its folder."""
        folder = self.folder(kind, task)
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        write_whole(folder / "weights.pt", buffer.getvalue())
        write_json(folder / "part.json", {"origin": origin(kind, task), **facts})
        return folder

    def load(self, kind: str, task: Task) -> Weights:
        """The weights of a finished part.

        Raises:
            UsageError: the part has not been trained, or its files cannot be read.
        """
        folder = self.folder(kind, task)
        if not self.has(kind, task):
            raise UsageError(f"part {kind!r} has not been trained: {folder} is not there")
        try:
            weights: Weights = torch.load(
                folder / "weights.pt", map_location="cpu", weights_only=True
            )
            return weights
        except (OSError, RuntimeError, EOFError) as error:
            raise UsageError(f"{folder} is broken ({error}): remove it to train it anew") from error

    def facts(self, kind: str, task: Task) -> PartFacts:
        """The facts that were stored with a finished part."""
        return cast(PartFacts, json.loads((self.folder(kind, task) / "part.json").read_text()))
