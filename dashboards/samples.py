"""Pictures of spectrograms: a column a name, a row an utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

_RANGE = 70.0  # dB from the loudest of an utterance down to what is drawn black


def spectrogram_grid(
    columns: Mapping[str, np.ndarray],
    captions: Mapping[str, Sequence[str]],
    seconds: float,
    kilohertz: float,
) -> Figure:
    """Spectrograms in dB, (N, F, T) each, over so many seconds and kHz, a caption under each.

    The columns of an utterance share one scale, so that what was removed shows.
    """
    names = list(columns)
    count = len(columns[names[0]])
    figure = Figure(figsize=(2.4 * len(names), 1.9 * count), dpi=110, layout="constrained")
    axes = figure.subplots(count, len(names), squeeze=False)
    for row in range(count):
        loudest = max(float(columns[name][row].max()) for name in names)
        for column, name in enumerate(names):
            axis = axes[row][column]
            axis.imshow(
                columns[name][row], origin="lower", aspect="auto", cmap="magma",
                vmin=loudest - _RANGE, vmax=loudest, extent=(0, seconds, 0, kilohertz),
            )  # fmt: skip
            axis.set_xlabel(captions[name][row], fontsize=7)
            axis.tick_params(labelsize=6)
            if row == 0:
                axis.set_title(name, fontsize=9)
            if column == 0:
                axis.set_ylabel("kHz", fontsize=7)
            else:
                axis.set_yticks([])
    figure.supxlabel("seconds; brightness over 70 dB", fontsize=7, color="#555")
    return figure


def sample_grid(columns: Mapping[str, np.ndarray], captions: Mapping[str, Sequence[str]]) -> Figure:
    """Samples: a column a name, a row a sample, a caption under each.

    Images are (N, C, H, W) in [-1, 1], C being 1 or 3; what lies outside is cut off.
    """
    names = list(columns)
    count = len(columns[names[0]])
    figure = Figure(figsize=(1.5 * len(names), 1.6 * count), dpi=110, layout="constrained")
    axes = figure.subplots(count, len(names), squeeze=False)
    for column, name in enumerate(names):
        for row in range(count):
            image = np.clip((columns[name][row].transpose(1, 2, 0) + 1) / 2, 0, 1)
            axis = axes[row][column]
            axis.imshow(
                image if image.shape[2] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=1
            )
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_xlabel(captions[name][row], fontsize=7)
            if row == 0:
                axis.set_title(name, fontsize=9)
    return figure
