"""The log of a study's finished trials, from which a study is made again whose journal is damaged.

Optuna's journal is a chain of operations that only means something whole: after a torn line or a flipped bit
it cannot be read, or says something else. The log has a line for every trial that has ended, with all of it
and a checksum, and is written when the trial is told to the study. A line that is damaged loses its own trial
only. In an object store, where nothing can be added to an object, each trial is an object of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from trainables.core.checked_files import put_aside, read_checked_json, write_checked_json
from trainables.core.checked_lines import add_line, read_lines
from trainables.core.errors import DamagedFileError
from trainables.core.places import objects_of

_START, _COMPLETE = "start", "complete"
_CONSTRAINTS = "constraints"  # only of trials that have some


class TrialLog:
    """The finished trials of a study, in a file that is only ever added to; in an object store, in a folder
    of the file's name.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial that has ended; it is on the disk when this returns."""
        if objects_of(self.file) is None:
            add_line(self.file, _as_json(trial))
        else:
            write_checked_json(self.file / f"{trial.number:06}.json", _as_json(trial))

    def trials(self) -> dict[int, FrozenTrial]:
        """The finished trials by their numbers, those of whole lines or objects."""
        lines = read_lines(self.file) if objects_of(self.file) is None else self._read_objects()
        return {values["number"]: _from_json(values) for values in lines}

    def _read_objects(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self.file.glob("*.json")):
            try:
                yield read_checked_json(file)
            except DamagedFileError as error:
                put_aside(error, "its trial is lost")


def same(a: FrozenTrial, b: FrozenTrial) -> bool:
    """Whether two trials say the same; times are not compared, which a study may round."""
    ours, theirs = _as_json(a), _as_json(b)
    return all(
        ours.get(key) == theirs.get(key) or key in (_START, _COMPLETE)
        for key in ours.keys() | theirs.keys()
    )


def _as_json(trial: FrozenTrial) -> dict[str, Any]:
    """A finished trial in JSON types."""
    values: dict[str, Any] = {
        "number": trial.number,
        "state": trial.state.name,
        "values": trial.values,
        "params": trial.params,
        "distributions": {n: distribution_to_json(d) for n, d in trial.distributions.items()},
        "user_attrs": trial.user_attrs,
        _START: _text(trial.datetime_start),
        _COMPLETE: _text(trial.datetime_complete),
    }
    if trial.constraints:
        values[_CONSTRAINTS] = trial.constraints
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _from_json(values: Mapping[str, Any]) -> FrozenTrial:
    trial = FrozenTrial(
        number=values["number"],
        trial_id=values["number"],
        state=TrialState[values["state"]],
        value=None,
        values=values["values"],
        params=values["params"],
        distributions={n: json_to_distribution(d) for n, d in values["distributions"].items()},
        user_attrs=values["user_attrs"],
        system_attrs={},
        intermediate_values={},
        datetime_start=_time(values[_START]),
        datetime_complete=_time(values[_COMPLETE]),
    )
    for name, value in values.get(_CONSTRAINTS, {}).items():
        trial.set_constraint(name, value)
    return trial


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
