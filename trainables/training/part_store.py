"""The store of trained parts: each under the hash of what produced it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from trainables.core.config import as_mapping, digest
from trainables.core.errors import UsageError
from trainables.core.files import write_json, write_whole
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.objective import Weights

VERSION = 3
"""Raise it when the training code changes what it produces: parts are then trained anew."""


def origin(kind: str, task: Task) -> dict[str, Any]:
    """All that determines a part: settings of its stage, data, seed, and the parts it starts from."""
    stage, recipe = stages.load(kind), task.recipe
    return {
        "version": VERSION,
        "kind": kind,
        "dataset": task.dataset,
        "content": task.content,
        "corruption": task.corruption if stage.USES_CORRUPTION else None,
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


def key_of(kind: str, task: Task) -> str:
    """The key of a part in the store."""
    return digest(origin(kind, task))


def in_order(kinds: Iterable[str]) -> list[str]:
    """The kinds and all that their stages are given, each after what it is given."""
    ordered: list[str] = []
    for kind in kinds:
        for wanted in [*in_order(stages.given(kind)), kind]:
            if wanted not in ordered:
                ordered.append(wanted)
    return ordered


class PartStore:
    """Parts under a directory that every worker can reach, one folder each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, kind: str, task: Task) -> Path:
        """The folder of a part."""
        where = f"-{task.corruption}" if stages.load(kind).USES_CORRUPTION else ""
        return self.root / task.dataset / f"{kind}{where}-{key_of(kind, task)}"

    def has(self, kind: str, task: Task) -> bool:
        """Whether the part is there, finished. Its description is written last."""
        return (self.folder(kind, task) / "part.json").exists()

    def missing(self, kinds: Iterable[str], task: Task) -> list[str]:
        """Which of these kinds, and of what they need, are still to be trained, in order.

        What a finished part needed to be trained is not needed any more.
        """
        wanted: list[str] = []
        for kind in kinds:
            if self.has(kind, task) or kind in wanted:
                continue
            needs = self.missing(stages.given(kind), task)
            wanted += [need for need in needs if need not in wanted] + [kind]
        return wanted

    def save(self, kind: str, task: Task, weights: Weights, facts: dict[str, Any]) -> Path:
        """Keep a finished part with `facts` about its training; returns its folder."""
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
            value: Weights = torch.load(
                folder / "weights.pt", map_location="cpu", weights_only=True
            )
            return value
        except (OSError, RuntimeError, EOFError) as error:
            raise UsageError(f"{folder} is broken ({error}): remove it to train it anew") from error

    def facts(self, kind: str, task: Task) -> dict[str, Any]:
        """What was written down about a finished part."""
        value: dict[str, Any] = json.loads((self.folder(kind, task) / "part.json").read_text())
        return value
