"""What is written down: the names used in records and tracking, files written whole or not at all,
and the store of measurements.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.config import digest

FORMATS = {"image": 3, "speech": 4}
"""Of each kind of signals; raise one when the meaning of its records changes: older ones are then
measured anew.
"""

ACCURACY, NFE = "accuracy", "nfe"
NFE_SIGNAL, NFE_LOGIT, NFE_CLASSIFIER = "nfe_signal", "nfe_logit", "nfe_classifier"
ACCURACY_LOW, ACCURACY_HIGH = "accuracy_low", "accuracy_high"
GFLOPS, SECONDS_PER_SAMPLE = "gflops", "seconds_per_sample"
SPREAD = "spread"
WER, WER_LOW, WER_HIGH = "wer", "wer_low", "wer_high"
SI_SDR, PESQ, ESTOI = "si_sdr", "pesq", "estoi"
HYPERVOLUME = "hypervolume"


def utterances_of(signal_measure: str) -> str:
    """The metric that says of how many utterances a signal measure is the mean."""
    return f"{signal_measure}_utterances"


SIGNAL_MEASURES = (SI_SDR, PESQ, ESTOI)
METRICS = (
    ACCURACY,
    ACCURACY_LOW,
    ACCURACY_HIGH,
    NFE,
    NFE_SIGNAL,
    NFE_LOGIT,
    NFE_CLASSIFIER,
    GFLOPS,
    SECONDS_PER_SAMPLE,
    SPREAD,
    WER,
    WER_LOW,
    WER_HIGH,
    *SIGNAL_MEASURES,
    *(utterances_of(name) for name in SIGNAL_MEASURES),
)
STAGE_SWEEP, STAGE_TRIAL, STAGE_TRAIN, STAGE_CONFIRM = "sweep", "trial", "train", "confirm"
STAGE_REPRODUCE = "reproduce"
_COUNTS = ("errors", "words")


@dataclass(frozen=True)
class Measure:
    """What people are shown of how many samples were classified rightly.

    Records, searches and paired tests go by accuracy throughout, at most 1; `of` turns it into what is
    shown. Of sentences it is the word accuracy, 1 - WER, which may be below 0.

    Args:
        name: of the metric.
        title: in tables and figures.
        rises: whether more is better; else it is the share of errors.
        samples: what one classifies.
    """

    name: str
    title: str
    rises: bool
    samples: str

    @property
    def low(self) -> str:
        """The metric of the interval's lower end."""
        return f"{self.name}_low"

    @property
    def high(self) -> str:
        """The metric of the interval's upper end."""
        return f"{self.name}_high"

    @property
    def axis(self) -> str:
        """Title of an axis."""
        return f"{self.title}, %" if self.rises else f"{self.title}, % (lower is better)"

    def of(self, accuracy: float) -> float:
        """The measure at that accuracy."""
        return accuracy if self.rises else 1 - accuracy

    def gain(self, difference: float) -> float:
        """The measure's difference where accuracy differs by so much."""
        return difference if self.rises else -difference


BY_ACCURACY = Measure(ACCURACY, "accuracy", True, "images")
MEASURES = {"image": BY_ACCURACY, "speech": Measure(WER, "WER", False, "utterances")}
"""What each kind of signals is judged by."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a later run, sees all of it or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files by their names in a folder, each whole or not at all; returns their paths by name."""
    for name, content in files.items():
        write_whole(folder / name, content)
    return {name: folder / name for name in files}


def write_json(path: Path, values: Any) -> None:
    """Write JSON, whole or not at all.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    write_whole(path, json.dumps(values, indent=1, allow_nan=False).encode() + b"\n")


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
        return digest(self.config, 20)


class RecordStore:
    """Measurements under a directory, one JSON file each, named by the hash of its configuration."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the measurement of that key is, or would be."""
        return self.root / key[:2] / f"{key}.json"

    def find(self, config: Mapping[str, Any]) -> Measurement | None:
        """The measurement of that configuration, if it was made."""
        return self.get(digest(config, 20))

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
