"""Tables of the terminal that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from platform.console import Console

from dashboards.points import Shown, signal_rows
from trainables.quality import LISTENED


def table_of_signals(console: Console, points: Sequence[Shown]) -> None:
    """How near the points' signals are to the clean ones; nothing where that was not measured."""
    found = signal_rows(points)
    if found:
        console.table(
            f"means over the first {LISTENED} test utterances (those with a value)",
            ["point", "SI-SDR, dB", "PESQ", "ESTOI"],
            found,
        )
