"""Measurements, and the store of their records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.core.config import digest
from trainables.core.files import write_json

FORMATS = {"image": 3, "speech": 4}
"""Of each kind of signals; raise one when the meaning of its records changes: older ones are then
measured anew.
"""
_COUNTS = ("errors", "words")


def key_of(config: Mapping[str, Any]) -> str:
    """What identifies a measurement: a hash of all that determines its numbers."""
    return digest(config, 20)


@dataclass(frozen=True)
class Measurement:
    """One point measured once over a split with one seed.

    `config` is all that determines the numbers, and `key` its hash; `point` are the sampling
    parameters it was first measured by. `correct` has a "1" for each
    sample classified rightly and a "0" for each other, in the split's order. Of sentences, of which
    those without an error are right, `errors` and `words` are each utterance's word errors and the
    words of its reference; they are empty, and not written, for all else. `cost` holds `nfe` and
    its parts, GFLOPs and seconds, all for one sample, and `spread`, the mean deviation between the
    chains' standardised logits (0 for one chain); on speech's test split the signal measures of the
    first utterances too.
    """

    config: dict[str, Any]
    point: dict[str, Any]
    correct: str
    cost: dict[str, float]
    errors: tuple[int, ...] = ()
    words: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        return key_of(self.config)


class RecordStore:
    """Measurements under a directory, one JSON file each, named by the hash of its configuration."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the measurement of that key is, or would be."""
        return self.root / key[:2] / f"{key}.json"

    def find(self, config: Mapping[str, Any]) -> Measurement | None:
        """The measurement of that configuration, if it was made."""
        return self.get(key_of(config))

    def get(self, key: str) -> Measurement | None:
        """The measurement of that key, if it was made."""
        path = self.path(key)
        if not path.exists():
            return None
        values = json.loads(path.read_text())
        counts = (tuple(values.get(name, ())) for name in _COUNTS)
        own = (values[name] for name in ("config", "point", "correct", "cost"))
        return Measurement(*own, *counts)

    def save(self, measurement: Measurement) -> Path:
        """Keep a measurement; returns its file."""
        path = self.path(measurement.key)
        content = {
            "config": measurement.config,
            "point": measurement.point,
            "correct": measurement.correct,
            "cost": measurement.cost,
        }
        for name in _COUNTS:
            if getattr(measurement, name):
                content[name] = list(getattr(measurement, name))
        write_json(path, content)
        return path
