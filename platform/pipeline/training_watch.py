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
                last = reports[-1]
                metrics = metrics_text(last["metrics"], self._metric)
                text = f"training {last['kind']}: {metrics}, update"
                self._bar.update(last["update"], last["updates"], text)


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
