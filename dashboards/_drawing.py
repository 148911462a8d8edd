"""What several figures share."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from trainables.records import ACCURACY, ACCURACY_HIGH, ACCURACY_LOW


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def bars(measured: Sequence[Mapping[str, float]]) -> tuple[list[float], list[list[float]]]:
    """Accuracies in percent, and how far their 95 % intervals reach down and up from them."""
    accuracies = [100 * m[ACCURACY] for m in measured]
    down = [100 * (m[ACCURACY] - m[ACCURACY_LOW]) for m in measured]
    up = [100 * (m[ACCURACY_HIGH] - m[ACCURACY]) for m in measured]
    return accuracies, [down, up]
