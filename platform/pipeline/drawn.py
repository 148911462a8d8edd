"""Which files are drawn already: the same points are not drawn again by the same code, nor
attached to the same run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from platform.pipeline.confirm import Confirmation
from platform.pipeline.study import accuracy_and_cost, complete
from platform.planning.setup import Setup
from platform.planning.study_names import POINT

import optuna

import dashboards
from dashboards.pareto import Reference
from dashboards.points import as_json
from trainables.core.checked_files import put_aside, read_checked_json, sha256, write_checked_json
from trainables.core.config import as_mapping, digest
from trainables.core.errors import DamagedFileError

_DRAWN = "drawn.json"
_DRAWING = ("record", "sample_sheet", "sampled_points", "samples")
"""The modules beside this one that draw, beside those of the dashboards."""


def drawing_key(drawn_from: object) -> str:
    """A hash of what files are drawn from, in JSON types, and of the code that draws them."""
    return digest([drawn_from, _code()], 32)


def key_of_sweep(
    setup: Setup,
    study: optuna.Study,
    confirmation: Confirmation,
    reference: Reference,
    volume: float,
) -> str:
    """The key of a sweep's files, for the arguments of `record.draw`. Which device restores the samples is
    left out.
    """
    trials = [(accuracy_and_cost(trial), trial.user_attrs[POINT]) for trial in complete(study)]
    choice = confirmation.choice
    return drawing_key(
        [
            setup.sweep_id,
            setup.cost.name,
            setup.setting,
            trials,
            [as_json(point) for point in confirmation.points],
            [choice.words, choice.cheapest.label, setup.baselines],
            [as_mapping(reference), volume],
        ]
    )


def drawn_files(folder: Path, key: str, run: str) -> dict[str, Path] | None:
    """The paths of a folder's files by their names, where they were drawn under this key, are attached to
    this run (none, if it is empty) and are as they were written; None where they are to be drawn.
    """
    path = folder / _DRAWN
    try:
        drawn = read_checked_json(path)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        put_aside(error, "the figures are drawn again")
        return None
    if (drawn["key"], drawn["run"]) != (key, run):
        return None
    files = {name: folder / name for name in drawn["files"]}
    whole = all(
        file.is_file() and sha256(file.read_bytes()) == drawn["files"][name]
        for name, file in files.items()
    )
    return files if whole else None


def keep_drawn(folder: Path, key: str, run: str, files: Mapping[str, Path]) -> None:
    """Write down that a folder's files are drawn under this key and attached to this run."""
    sums = {name: sha256(path.read_bytes()) for name, path in files.items()}
    write_checked_json(folder / _DRAWN, {"key": key, "run": run, "files": sums})


def _code() -> str:
    """A hash of the code that draws."""
    here, drawing = Path(__file__).parent, Path(str(dashboards.__file__)).parent
    files = [*sorted(drawing.rglob("*.py")), *(here / f"{name}.py" for name in _DRAWING)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
