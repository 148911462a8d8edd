"""Pictures of samples, images or spectrograms: a column a name, a row a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SIDE = 1.35  # inches of a restored image
_RIGHT, _WRONG = "#0072b2", "#d55e00"
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
            _draw_image(axes, images[row])
    return figure


@dataclass(frozen=True)
class AnsweredSamples:
    """Images of samples, and how they were classified.

    Args:
        pictures: by column, (N, C, H, W) in [-1, 1].
        answers: by column, the classes (N,) that were answered; a column without any shows the truth.
        truths: the true classes (N,).
        of_pictures: by column, the classes (N,) that the classifier sees in the images, where something
            else answered: the sampled logits.
    """

    pictures: Mapping[str, np.ndarray]
    answers: Mapping[str, Sequence[str]]
    truths: Sequence[str]
    of_pictures: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def part(self, rows: Sequence[int]) -> AnsweredSamples:
        """The samples of these rows."""
        return AnsweredSamples(
            {name: images[list(rows)] for name, images in self.pictures.items()},
            {name: [texts[row] for row in rows] for name, texts in self.answers.items()},
            [self.truths[row] for row in rows],
            {name: [texts[row] for row in rows] for name, texts in self.of_pictures.items()},
        )


def answered_grid(title: str, note: str, samples: AnsweredSamples) -> Figure:
    """Samples, a row each: a right answer has a whole blue frame and a tick, a wrong one a broken
    orange-red frame and a cross; under the images without an answer is the true class. `note` is a sentence
    on what is shown, written at the bottom.
    """
    count, columns = len(samples.truths), len(samples.pictures)
    figure = Figure(
        figsize=(_SIDE * columns + 0.2, (_SIDE + 0.12) * count + 0.75),
        dpi=150,
        layout="constrained",
    )
    grid = figure.subplots(count, columns, squeeze=False).tolist()
    for row, line in enumerate(grid):
        for (name, images), axes in zip(samples.pictures.items(), line, strict=True):
            _draw_image(axes, images[row])
            if row == 0:
                axes.set_title(name, fontsize=9)
            truth, texts = samples.truths[row], samples.answers.get(name)
            if texts is None:
                axes.set_xlabel(f"true: {truth}", fontsize=8)
                continue
            right = texts[row] == truth
            color = _RIGHT if right else _WRONG
            caption = _marked(texts[row], truth)
            if name in samples.of_pictures:
                caption += f"   f(x̂): {_marked(samples.of_pictures[name][row], truth)}"
            axes.set_xlabel(caption, fontsize=8, color=color)
            for spine in axes.spines.values():
                spine.set(color=color, linewidth=1.6, linestyle="-" if right else (0, (3, 2)))
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    legend = "✓ and a whole frame: the answer is right; ✗ and a broken one: it is wrong"
    if samples.of_pictures:
        legend += "; f(x̂): what the classifier makes of the restored image, where the logits answer"
    figure.supxlabel(fill(f"{note}; {legend}", 22 * columns), fontsize=7, color="#555")
    return figure


def _marked(answer: str, truth: str) -> str:
    """An answer with a sign that says whether it is right."""
    return f"{'✓' if answer == truth else '✗'} {answer}"


def _draw_image(axes: Axes, image: np.ndarray) -> None:
    """Draw an image (C, H, W) in [-1, 1], without ticks; what lies outside is cut off."""
    pixels = np.clip((image.transpose(1, 2, 0) + 1) / 2, 0, 1)
    axes.imshow(pixels if pixels.shape[2] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
