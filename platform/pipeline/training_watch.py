"""What is seen of a training while it runs: the workers' reports, and whether its nodes are there."""

from __future__ import annotations

import threading
from pathlib import Path
from platform.backend.room_watch import RoomWatch
from platform.cli.console import Bar
from typing import Any

from trainables.core.checked_lines import read_lines
from trainables.scoring.metric_names import ACCURACY, Metric

_POLL_SECONDS = 0.3


class TrainingWatch:
    """Shows the workers' reports as they come through Ray Train; looks whether there is room for workers."""

    def __init__(self, history: Path, bar: Bar, metric: Metric, room: RoomWatch) -> None:
        self._history, self._bar, self._metric, self._room = history, bar, metric, room
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> TrainingWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self._room.look()
            reports = reports_of(self._history)
            if reports:
                last = running(reports)
                done = sum(report["update"] for report in last)
                total = sum(report["updates"] for report in last)
                self._bar.update(done, total, f"training {self._text(last)}, update")

    def _text(self, last: list[dict[str, Any]]) -> str:
        """The last reports of the parts that are trained in few words: of several the validation loss."""
        if len(last) == 1:
            return f"{last[0]['kind']}: {metrics_text(last[0]['metrics'], self._metric)}"
        losses = [f"{one['kind']} ({one['metrics']['validation_loss']:.3f})" for one in last]
        return f"{' and '.join(losses)}"


def running(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last report of each part that is being trained; of the part that ended last where none is."""
    last = {report["kind"]: report for report in reports}
    unfinished = [report for report in last.values() if report["update"] < report["updates"]]
    return unfinished or reports[-1:]


def metrics_text(metrics: dict[str, float], metric: Metric) -> str:
    """A report's losses and metric in few words."""
    loss, validation = metrics["loss"], metrics["validation_loss"]
    percentage = 100 * metric.of(metrics[f"validation_{ACCURACY}"])
    return f"loss {loss:.3f}, on validation {validation:.3f} ({metric.title} {percentage:.0f} %)"


def reports_of(history: Path) -> list[dict[str, Any]]:
    """The reports so far; a line that is still being written is left for later, one that is damaged is left
    out.
    """
    return read_lines(history)
