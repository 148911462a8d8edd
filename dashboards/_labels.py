"""Labels of points, placed so that they cover neither each other nor what is drawn.

Each label in turn goes to the best of some places around its point: the nearest that is free, or else
the one that covers least. The same figure always gets the same places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.colors import INK

SIZE = 8.0
"""Of letters, in points."""

_RADII = (7.0, 10.0, 14.0, 20.0, 28.0, 38.0, 50.0, 65.0, 85.0, 110.0)  # points from point to label
_DIRECTIONS = tuple(math.radians(45 * turn) for turn in (0, 1, 2, 7, 6, 3, 4, 5))
_LINE_FROM = 10.0  # points: a label that is farther away is joined to its point by a line
_HALF_MARKER, _HALF_HEART, _HALF_BAR, _GAP = 4.0, 3.0, 1.0, 1.5  # points
_COVERS_LABEL, _OUTSIDE, _COVERS_MARKER, _COVERS_LINE, _PER_POINT = 1e4, 1e4, 30.0, 12.0, 0.1
_STEPS = 40  # places along a line to a label that are looked at


@dataclass(frozen=True)
class Mark:
    """A point at (x, y) with an interval from `low` to `high`, in the axes' units.

    A mark without text gets no label, but no label should cover it. `strong` text is bold.
    """

    x: float
    y: float
    low: float
    high: float
    text: str = ""
    strong: bool = False


Line = Sequence[tuple[float, float]]
"""Corners of a line of level and upright pieces, in the axes' units."""


def label(
    figure: Figure,
    axes: Axes,
    marks: Sequence[Mark],
    lines: Sequence[Line] = (),
    size: float = SIZE,
) -> None:
    """Label the marks in letters of this size in points, so that no label covers another, a mark or one of
    the lines where that can be avoided. This must be called last, when the axes have their limits and the
    figure its legend.
    """
    figure.draw_without_rendering()  # gives the axes their place
    points = figure.dpi / 72  # pixels a point
    centres = _pixels(axes, [(mark.x, mark.y) for mark in marks])
    markers = _boxes(centres, np.full_like(centres, (_HALF_MARKER + _GAP) * points))
    hearts = _boxes(centres, np.full_like(centres, _HALF_HEART * points))
    bars = [[(mark.x, mark.low), (mark.x, mark.high)] for mark in marks]
    obstacles = _pieces(axes, [*bars, *lines], (_HALF_BAR + _GAP) * points)
    frame = np.array(axes.get_window_extent().extents)
    labels = np.empty((0, 4))
    for number, (mark, centre) in enumerate(zip(marks, centres, strict=True)):
        if not mark.text:
            continue
        half = _half_size(axes, mark, size) + _GAP * points
        places, radii = _places(centre, half, points)
        boxes = _boxes(places, np.broadcast_to(half, places.shape))
        crossable = np.vstack([np.delete(hearts, number, axis=0), labels])
        cost = (
            _COVERS_LABEL * _overlap_count(boxes, labels)
            + _COVERS_MARKER * _overlap_count(boxes, markers)
            + _COVERS_MARKER * _crossing_count(centre, places, crossable)
            + _COVERS_LINE * _overlap_count(boxes, obstacles)
            + _OUTSIDE * _leaves_frame(boxes, frame)
            + _PER_POINT * radii
        )
        best = int(np.argmin(cost))
        labels = np.vstack([labels, boxes[best]])
        _write(axes, mark, (places[best] - centre) / points, radii[best], size)


def _pixels(axes: Axes, places: Line) -> np.ndarray:
    """Places in pixels, (N, 2)."""
    return axes.transData.transform(np.array(places, dtype=float).reshape(-1, 2))


def _half_size(axes: Axes, mark: Mark, size: float) -> np.ndarray:
    """Half of a text's width and height, in pixels."""
    text = axes.annotate(mark.text, (mark.x, mark.y), fontsize=size, weight=_weight(mark))
    extent = text.get_window_extent()
    text.remove()
    return np.array([extent.width, extent.height]) / 2


def _weight(mark: Mark) -> str:
    return "bold" if mark.strong else "normal"


def _places(centre: np.ndarray, half: np.ndarray, points: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the places around a point, (N, 2) in pixels, and their radii, (N,) in points."""
    directions = np.array([(math.cos(a), math.sin(a)) for a in _DIRECTIONS])
    radii = np.repeat(_RADII, len(directions))
    directions = np.tile(directions, (len(_RADII), 1))
    return centre + directions * (radii[:, None] * points + half), radii


def _boxes(centres: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Boxes of these centres and half sizes, (N, 4): left, bottom, right, top."""
    return np.hstack([centres - halves, centres + halves])


def _pieces(axes: Axes, lines: Sequence[Line], half: float) -> np.ndarray:
    """Boxes of the lines' pieces, wider by `half` pixels to each side, (N, 4)."""
    boxes = [np.empty((0, 4))]
    for line in lines:
        corners = _pixels(axes, line)
        begin, end = corners[:-1], corners[1:]
        boxes.append(np.hstack([np.minimum(begin, end) - half, np.maximum(begin, end) + half]))
    return np.vstack(boxes)


def _overlap_count(boxes: np.ndarray, obstacles: np.ndarray) -> np.ndarray:
    """How many of the obstacles each box overlaps, (N,)."""
    left_bottom = np.maximum(boxes[:, None, :2], obstacles[None, :, :2])
    right_top = np.minimum(boxes[:, None, 2:], obstacles[None, :, 2:])
    value: np.ndarray = (left_bottom < right_top).all(2).sum(1)
    return value


def _crossing_count(centre: np.ndarray, places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """How many of the boxes the line from a point to each place crosses, (N,)."""
    shares = np.linspace(0, 1, _STEPS)[:, None, None]
    path = centre + shares * (places - centre)
    inside = (boxes[:, :2] < path[..., None, :]) & (path[..., None, :] < boxes[:, 2:])
    value: np.ndarray = inside.all(-1).any(0).sum(-1)
    return value


def _leaves_frame(boxes: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Whether each box leaves the frame, (N,)."""
    excess = np.hstack([frame[:2] - boxes[:, :2], boxes[:, 2:] - frame[2:]])
    value: np.ndarray = np.max(excess, axis=1) > 0
    return value


def _write(axes: Axes, mark: Mark, offset: np.ndarray, radius: float, size: float) -> None:
    line = {"arrowstyle": "-", "color": INK, "lw": 0.5, "shrinkA": 0, "shrinkB": 3, "alpha": 0.6}
    text = axes.annotate(
        mark.text, (mark.x, mark.y), textcoords="offset points", xytext=tuple(offset),
        ha="center", va="center", fontsize=size, weight=_weight(mark), color=INK, zorder=5,
        arrowprops=line if radius > _LINE_FROM else None,
    )  # fmt: skip
    text.set_in_layout(False)
