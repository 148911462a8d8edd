"""The samples of several sweeps of one setting, from the files that the sweeps attached, as one gallery."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image

from dashboards.comparison.array_file import UnreadableFileError
from dashboards.comparison.gallery import Frame, Gallery, Shown
from dashboards.comparison.sheet import SampleSheet, SheetFrames, SheetPoint, Signals
from dashboards.comparison.sheet_file import sheet_of
from dashboards.sounds import wav

_LOUDNESS = "magma"  # the colours of spectrograms, those of the sweep's own picture


def gallery_of(files: Mapping[str, bytes]) -> Gallery:
    """The gallery of the samples that all files have.

    A file that cannot be read, or whose clean or corrupted signals are not those of most files, is left out
    with a note. Of points of the same label, such as a baseline that stands in every sweep, the first is
    shown.

    Args:
        files: `gallery.npz` of each strategy's sweep, by the strategies' names.

    Raises:
        UnreadableFileError: no file can be read, or they have no sample in common.
    """
    sheets: dict[str, SampleSheet] = {}
    notes: list[str] = []
    for strategy, content in files.items():
        try:
            sheets[strategy] = sheet_of(content)
        except UnreadableFileError as error:
            notes.append(
                f"the samples of {strategy} are left out: their file cannot be read, {error}"
            )
    if not sheets:
        raise UnreadableFileError("; ".join(notes) or "there are no samples: no sweep attached any")
    kept = _agreeing(sheets)
    notes += [
        f"the samples of {strategy} are left out: their clean or corrupted signals are not those of "
        f"{', '.join(kept)}"
        for strategy in sheets
        if strategy not in kept
    ]
    return _joined(kept, notes)


def _agreeing(sheets: Mapping[str, SampleSheet]) -> dict[str, SampleSheet]:
    """The sheets that show the same signals: of all that agree with one of them the most, of equally many
    those of the first.
    """
    groups = [
        {name: other for name, other in sheets.items() if _agree(sheet, other)}
        for sheet in sheets.values()
    ]
    return max(groups, key=len)


def _agree(one: SampleSheet, other: SampleSheet) -> bool:
    """Whether two sheets have samples in common, and these are the same in both."""
    common = [number for number in one.numbers if number in set(other.numbers)]
    rows, other_rows = (
        [sheet.numbers.index(number) for number in common] for sheet in (one, other)
    )
    if not common or (one.kind, one.rate) != (other.kind, other.rate):
        return False
    if [one.truths[row] for row in rows] != [other.truths[row] for row in other_rows]:
        return False
    pairs = [
        (mine, yours)
        for ours, theirs in ((one.clean, other.clean), (one.corrupted, other.corrupted))
        for mine, yours in ((ours.pictures, theirs.pictures), (ours.sounds, theirs.sounds))
        if mine is not None and yours is not None
    ]
    return all(np.array_equal(mine[rows], yours[other_rows]) for mine, yours in pairs)


def _joined(sheets: Mapping[str, SampleSheet], notes: Sequence[str]) -> Gallery:
    """The gallery of sheets that agree: baselines first, then what was swept."""
    first = next(iter(sheets.values()))
    numbers = [
        number
        for number in first.numbers
        if all(number in set(sheet.numbers) for sheet in sheets.values())
    ]
    if not numbers:
        raise UnreadableFileError(f"the sweeps of {', '.join(sheets)} have no sample in common")
    points = [(name, sheet, point) for name, sheet in sheets.items() for point in sheet.points]
    points.sort(key=lambda entry: entry[0] == entry[2].strategy)
    rows = [first.numbers.index(number) for number in numbers]
    encode = _encoder(first)
    corrupted = encode(first.corrupted, rows)
    restored: dict[str, Shown] = {}
    for _, sheet, point in points:
        if point.label not in restored:
            own_rows = [sheet.numbers.index(number) for number in numbers]
            restored[point.label] = _shown(point, own_rows, corrupted, encode)
    return Gallery(
        tuple(numbers),
        tuple(first.truths[row] for row in rows),
        encode(first.clean, rows),
        corrupted,
        restored,
        {point.label: point.strategy for _, _, point in reversed(points)},
        tuple(notes),
    )


_Encoder = Callable[[Signals, Sequence[int]], Shown]


def _encoder(sheet: SampleSheet) -> _Encoder:
    """What makes pictures and sounds of these rows of signals of a sheet's kind."""

    def encode(signals: Signals, rows: Sequence[int]) -> Shown:
        sounds = () if signals.sounds is None else tuple(signals.sounds[row] for row in rows)
        return Shown(
            tuple(png(signals.pictures[row], sheet.kind == "speech") for row in rows),
            tuple(wav(sound, sheet.rate) for sound in sounds),
        )

    return encode


def _shown(point: SheetPoint, rows: Sequence[int], corrupted: Shown, encode: _Encoder) -> Shown:
    """What a point makes of these rows; where it restores no signal, that is the corrupted one."""
    signals = corrupted if point.signals is None else encode(point.signals, rows)
    is_speech = bool(corrupted.sounds)
    return Shown(
        signals.pictures,
        signals.sounds,
        tuple(point.answers[row] for row in rows),
        tuple(point.confidences[row] for row in rows) if point.confidences else (),
        tuple(point.right[row] for row in rows),
        () if point.frames is None else _trajectories(point.frames, rows, is_speech),
    )


def _trajectories(
    frames: SheetFrames, rows: Sequence[int], is_speech: bool
) -> tuple[tuple[Frame, ...], ...]:
    """The frames of the first rows, up to one that has none."""
    trajectories: list[tuple[Frame, ...]] = []
    for row in rows:
        if row >= len(frames.classes):
            break
        pictures = (
            [None] * len(frames.levels)
            if frames.pictures is None
            else [png(picture, is_speech) for picture in frames.pictures[row]]
        )
        trajectories.append(tuple(map(Frame, frames.levels, pictures, frames.classes[row])))
    return tuple(trajectories)


def png(pixels: np.ndarray, is_loudness: bool = False) -> bytes:
    """A picture (H, W) or (H, W, 3) of uint8 as a PNG: grey, in colours, or loudness as of spectrograms."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if is_loudness:
        colors = colormaps[_LOUDNESS](np.arange(256))[:, :3]
        image.putpalette((colors * 255).round().astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
