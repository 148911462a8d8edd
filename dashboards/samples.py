"""Pictures of samples, images or spectrograms: a column a name, a row a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_RANGE = 70.0  # dB from the loudest of an utterance down to what is drawn black


def _grid(
    columns: Mapping[str, np.ndarray],
    captions: Mapping[str, Sequence[str]],
    width: float,
    height: float,
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with axes for each row of each column, of this width and height in inches, named above the
    first row and with a caption under each.
    """
    count = len(next(iter(columns.values())))
    figure = Figure(figsize=(width * len(columns), height * count), dpi=110, layout="constrained")
    grid = figure.subplots(count, len(columns), squeeze=False).tolist()
    for row, line in enumerate(grid):
        for name, axes in zip(columns, line, strict=True):
            axes.set_xlabel(captions[name][row], fontsize=7)
            if row == 0:
                axes.set_title(name, fontsize=9)
    return figure, grid


def spectrogram_grid(
    columns: Mapping[str, np.ndarray],
    captions: Mapping[str, Sequence[str]],
    seconds: float,
    kilohertz: float,
) -> Figure:
    """Spectrograms in dB, (N, F, T) each, over so many seconds and kHz, a caption under each.

    The columns of an utterance share one scale, so that what was removed shows.
    """
    figure, grid = _grid(columns, captions, 2.4, 1.9)
    for row, line in enumerate(grid):
        loudest = max(float(spectrograms[row].max()) for spectrograms in columns.values())
        for spectrograms, axes in zip(columns.values(), line, strict=True):
            axes.imshow(
                spectrograms[row], origin="lower", aspect="auto", cmap="magma",
                vmin=loudest - _RANGE, vmax=loudest, extent=(0, seconds, 0, kilohertz),
            )  # fmt: skip
            axes.tick_params(labelsize=6)
            if axes is line[0]:
                axes.set_ylabel("kHz", fontsize=7)
            else:
                axes.set_yticks([])
    figure.supxlabel("seconds; brightness over 70 dB", fontsize=7, color="#555")
    return figure


def sample_grid(columns: Mapping[str, np.ndarray], captions: Mapping[str, Sequence[str]]) -> Figure:
    """Samples: a column a name, a row a sample, a caption under each.

    Images are (N, C, H, W) in [-1, 1], C being 1 or 3; what lies outside is cut off.
    """
    figure, grid = _grid(columns, captions, 1.5, 1.6)
    for row, line in enumerate(grid):
        for images, axes in zip(columns.values(), line, strict=True):
            image = np.clip((images[row].transpose(1, 2, 0) + 1) / 2, 0, 1)
            axes.imshow(
                image if image.shape[2] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=1
            )
            axes.set_xticks([])
            axes.set_yticks([])
    return figure
