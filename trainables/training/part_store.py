"""The store of trained parts, each under the hash of its origin."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict, cast

import torch

from trainables.core.checked_files import (
    CHECKSUM,
    checked,
    put_aside,
    read_json,
    sha256,
    write_checked_json,
)
from trainables.core.config import as_mapping, digest
from trainables.core.errors import DamagedFileError, UsageError
from trainables.core.files import read_whole, write_whole
from trainables.data.degradation import Degradation, condition_text, path_name
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.objective import Weights

VERSION, CLEAN_VERSION = 3, 2
"""The versions of parts that are trained on corrupted signals, and of those that are trained on clean ones
alone. Raise one when the training code changes what it produces: such parts are then trained anew.
"""

_WEIGHTS, _DESCRIPTION = "weights.pt", "part.json"


class PartFacts(TypedDict, total=False):
    """Facts about a part's training.

    Keys:
        metrics: the metrics of the last report.
        seconds: the duration.
        workers: the number of workers.
        threads: CPU threads of each worker.
        device: the device of the first worker.
        bfloat16: whether that device computes in bfloat16.
        sha256: the checksum of the weights' file; parts of earlier releases have none.
    """

    metrics: dict[str, float]
    seconds: float
    workers: int
    threads: int
    device: str
    bfloat16: bool
    sha256: str


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
        return (self.folder(kind, task) / _DESCRIPTION).exists()

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
        content = buffer.getvalue()
        write_whole(folder / _WEIGHTS, content)
        described = {"origin": origin(kind, task), **facts, "sha256": sha256(content)}
        write_checked_json(folder / _DESCRIPTION, described)
        return folder

    def put_damaged_aside(self, kinds: Iterable[str], task: Task) -> None:
        """Put the stored ones of these parts, and of those that they are trained from, aside where they are
        damaged; each with a warning. They are missing then.
        """
        for kind in in_order(kinds):
            if self.has(kind, task):
                try:
                    self._content(kind, task)
                except DamagedFileError as error:
                    folder = DamagedFileError(
                        self.folder(kind, task), f"{error.path.name}: {error.reason}"
                    )
                    put_aside(folder, "the part is trained again")

    def load(self, kind: str, task: Task) -> Weights:
        """The weights of a finished part.

        Raises:
            UsageError: the part has not been trained, or its files cannot be read.
        """
        folder = self.folder(kind, task)
        if not self.has(kind, task):
            raise UsageError(f"part {kind!r} has not been trained: {folder} is not there")
        try:
            content = io.BytesIO(self._content(kind, task))
            weights: Weights = torch.load(content, map_location="cpu", weights_only=True)
            return weights
        except Exception as error:  # whatever a file that is no part of ours makes torch raise
            reason = (str(error) or type(error).__name__).split("\n")[0]
            raise UsageError(
                f"{folder} cannot be used ({reason}): platform.train trains it anew"
            ) from error

    def facts(self, kind: str, task: Task) -> PartFacts:
        """The facts that were stored with a finished part.

        Raises:
            DamagedFileError: they are not what was written.
        """
        folder = self.folder(kind, task)
        values = read_json(folder / _DESCRIPTION)
        if CHECKSUM in values:
            values = checked(folder / _DESCRIPTION, values)
        if key_of(kind, task) != digest(values.pop("origin", None)):
            raise DamagedFileError(folder / _DESCRIPTION, "it is of another part")
        if unknown := values.keys() - PartFacts.__annotations__.keys():
            raise DamagedFileError(folder / _DESCRIPTION, f"it has {', '.join(sorted(unknown))}")
        return cast(PartFacts, values)

    def _content(self, kind: str, task: Task) -> bytes:
        """The bytes of a stored part's weights.

        Raises:
            DamagedFileError: they are not what was written.
        """
        facts, folder = self.facts(kind, task), self.folder(kind, task)
        if not (folder / _WEIGHTS).exists():
            raise DamagedFileError(folder / _WEIGHTS, "it is gone")
        content = read_whole(folder / _WEIGHTS)
        if facts.get("sha256", sha256(content)) != sha256(content):
            raise DamagedFileError(folder / _WEIGHTS, "it has another checksum than was written")
        return content
