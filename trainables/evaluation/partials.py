"""Partial records: what was sampled of a measurement that is not whole yet.

They lie beside the records, under the same keys, and are gone once the record is there. A measurement goes on
from its partial record, whoever asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.core.checked_files import put_aside, read_checked_json, write_checked_json
from trainables.core.errors import DamagedFileError
from trainables.evaluation.measurement import Tally
from trainables.evaluation.records import key_of
from trainables.sampling.meter import MeterReading
from trainables.scoring.answers import Correctness

_CONFIG, _TALLIES = "config", "tallies"


class PartialStore:
    """Partial records under the directory of the records: one JSON file each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, config: Mapping[str, object]) -> Path:
        """The file of the partial record of a measurement, whether or not it exists."""
        key = key_of(config)
        return self.root / key[:2] / f"{key}.partial.json"

    def find(self, config: Mapping[str, object]) -> list[Tally]:
        """The tallies of the first rows of a measurement, in order; an empty list where none was kept. A
        damaged record is put aside, with a warning, and has none.
        """
        path = self.path(config)
        try:
            record = read_checked_json(path)
            if key_of(record[_CONFIG]) != key_of(config):
                raise DamagedFileError(path, "it is the partial record of something else")
        except FileNotFoundError:
            return []
        except DamagedFileError as error:
            put_aside(error, "what it was the record of is sampled again")
            return []
        return [_tally(values) for values in record[_TALLIES]]

    def save(self, config: Mapping[str, object], tallies: Sequence[Tally]) -> None:
        """Keep the tallies of the first rows of a measurement, in order; what was kept before is replaced."""
        values = [_as_json(tally) for tally in tallies]
        write_checked_json(self.path(config), {_CONFIG: config, _TALLIES: values})

    def remove(self, config: Mapping[str, object]) -> None:
        """Remove the partial record of a measurement that is whole, if there is one."""
        self.path(config).unlink(missing_ok=True)


def _as_json(tally: Tally) -> dict[str, Any]:
    correctness, reading = tally.correctness, tally.reading
    return {
        "correct": correctness.correct,
        "errors": correctness.errors,
        "words": correctness.words,
        "top5": correctness.top5,
        "running": tally.running,
        "deviations": tally.deviations,
        "spread": tally.spread,
        "calls": dict(reading.calls),
        "flops": reading.flops,
        "seconds": reading.seconds,
        "quality": tally.quality,
    }


def _tally(values: Mapping[str, Any]) -> Tally:
    correctness = Correctness(
        values["correct"], tuple(values["errors"]), tuple(values["words"]), values["top5"]
    )
    reading = MeterReading(Counter(values["calls"]), values["flops"], values["seconds"])
    running, deviations = tuple(values["running"]), tuple(values["deviations"])
    return Tally(
        correctness, values["spread"], reading, values.get("quality", {}), running, deviations
    )
