"""What several figures share."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from trainables.scoring.metric_names import Measure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def bars(
    measured: Sequence[Mapping[str, float]], measure: Measure
) -> tuple[list[float], list[list[float]]]:
    """The measure in percent, and how far the 95 % intervals reach down and up, 0 without one."""
    values = [m[measure.name] for m in measured]
    down = [v - m.get(measure.low, v) for m, v in zip(measured, values, strict=True)]
    up = [m.get(measure.high, v) - v for m, v in zip(measured, values, strict=True)]
    return [100 * v for v in values], [[100 * d for d in down], [100 * u for u in up]]
