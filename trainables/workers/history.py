"""The history of a training: what its workers report, kept line by line as Ray Train passes it on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.train import Checkpoint, UserCallback

from trainables.core.checked_lines import add_lines
from trainables.core.files import write_whole
from trainables.core.places import place

if TYPE_CHECKING:
    from ray.train.v2._internal.execution.context import TrainRunContext

LINES = "lines"
"""The key, among what a worker reports to Ray, of its reports since the last time: mappings, in order."""


class History(UserCallback):
    """Keeps the reports of the first worker in a file, from which the driver shows and records them.

    Ray Train calls it in its controller, a process on the driver's own node, whichever nodes train. Whatever
    it raises makes Ray begin again, without end. So where the file cannot be written its lines wait for the
    next report: a worker that cannot store its part ends the training.

    Args:
        file: the file, whose directory is there; it gets a JSON line for every report.
        copy: where the file is put with each checkpoint, in an object store; nowhere if empty.
    """

    def __init__(self, file: str, copy: str = "") -> None:
        self._file, self._copy, self._waiting = file, copy, list[dict[str, Any]]()

    def after_report(
        self,
        run_context: TrainRunContext,
        metrics: list[dict[str, Any]],
        checkpoint: Checkpoint | None,
    ) -> None:
        """Add the lines of what all workers have reported."""
        self._waiting += metrics[0][LINES]
        with suppress(Exception):  # of whatever kind an object store's client has
            add_lines(Path(self._file), self._waiting)
            self._waiting = []
            if self._copy and checkpoint is not None:
                write_whole(place(self._copy), Path(self._file).read_bytes())
