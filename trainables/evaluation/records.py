"""Measurements, and the store that holds their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainables.core.checked_files import put_aside, read_checked_json, write_checked_json
from trainables.core.config import digest
from trainables.core.errors import DamagedFileError

FORMATS = {"image": 5, "word": 6, "sentence": 5}
"""The format of the records of each kind of answers: classes of images, spoken words, sentences. Raise one
when the meaning of its records changes: points are then measured anew.
"""
_FIELDS = ("config", "point", "correct", "cost")
_WORD_FIELDS = ("errors", "words")
"""Fields that only records of sentences have."""
_TOP5 = "top5"
"""A field that records of many classes have."""
_RUNNING = "running"
"""A field that records of points have which end the chains of samples that are settled."""


def key_of(config: Mapping[str, object]) -> str:
    """The key of a measurement: a hash of its configuration."""
    return digest(config, 20)


@dataclass(frozen=True)
class Measurement:
    """The measurement of one point on a split at one seed.

    Args:
        config: all that determines the measurement, see `measurement_config`.
        point: the sampling parameters that were measured first among those of the same schedule.
        correct: a "1" for each sample answered rightly and a "0" for each other, in the split's order.
            A sentence is answered rightly if it has no word error.
        cost: `nfe` and its parts, GFLOPs and seconds, all for one sample; `spread`, the mean deviation
            between the chains' standardised logits (0 for one chain); `mean_chains` where chains end once a
            sample is settled; on the test split of speech also the signal metrics of the first utterances.
        errors: word errors of each utterance for sentences; otherwise empty, and not written.
        words: words of each utterance's reference, likewise.
        top5: a "1" for each sample whose class is among the five most likely ones, a "0" for each other,
            where there are more classes; otherwise empty, and not written.
        running: the share of the samples that were not settled after each chain but the last; empty, and
            not written, where no chain ends early.
    """

    config: dict[str, object]
    point: dict[str, object]
    correct: str
    cost: dict[str, float]
    errors: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    top5: str = ""
    running: tuple[float, ...] = ()

    @property
    def key(self) -> str:
        """The key of the measurement's record."""
        return key_of(self.config)


class RecordStore:
    """Records of measurements under a directory: one JSON file each, named by the key."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """The file of the record with that key, whether or not it exists."""
        return self.root / key[:2] / f"{key}.json"

    def find(self, config: Mapping[str, object]) -> Measurement | None:
        """The measurement of that configuration; None if there is no record of it."""
        return self.get(key_of(config))

    def get(self, key: str) -> Measurement | None:
        """The measurement with that key; None if there is no record of it. A damaged one is put aside, with a
        warning, and is none.
        """
        path = self.path(key)
        try:
            record = read_checked_json(path)
            if key_of(record["config"]) != key:
                raise DamagedFileError(path, "it is the record of something else")
        except FileNotFoundError:
            return None
        except DamagedFileError as error:
            put_aside(error, "what it was the record of is measured again")
            return None
        word_values = (tuple(record.get(name, ())) for name in _WORD_FIELDS)
        added = record.get(_TOP5, ""), tuple(record.get(_RUNNING, ()))
        values = [*(record[name] for name in _FIELDS), *word_values, *added]
        return Measurement(*values)

    def save(self, measurement: Measurement) -> Path:
        """Write the record of a measurement; returns its file."""
        path = self.path(measurement.key)
        record = {name: getattr(measurement, name) for name in _FIELDS}
        for name in _WORD_FIELDS:
            if getattr(measurement, name):
                record[name] = list(getattr(measurement, name))
        if measurement.top5:
            record[_TOP5] = measurement.top5
        if measurement.running:
            record[_RUNNING] = list(measurement.running)
        write_checked_json(path, record)
        return path
