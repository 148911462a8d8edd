"""The file `gallery.npz` of a sweep: its samples as arrays, and all that is text as JSON in one of them.

It is read from stores that anybody may have written to: every number and every text is checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dashboards.comparison.array_file import UnreadableFileError, packed, unpacked
from dashboards.comparison.sheet import SampleSheet, SheetFrames, SheetPoint, Signals

NAME = "gallery.npz"
"""The file's name among a sweep's artifacts."""
_FORMAT = 1
_TEXTS = "texts"  # the array with all that is no signal
_MOST = {"samples": 256, "points": 32, "levels": 64, "classes": 32, "sides": 4096, "letters": 2000}


def to_bytes(sheet: SampleSheet) -> bytes:
    """The file of a sheet: the same bytes for the same sheet."""
    arrays = dict(_arrays(sheet))
    texts = {
        "format": _FORMAT,
        "kind": sheet.kind,
        "rate": sheet.rate,
        "numbers": list(sheet.numbers),
        "truths": list(sheet.truths),
        "points": [_point_texts(point) for point in sheet.points],
    }
    content = json.dumps(texts, allow_nan=False).encode()
    return packed({_TEXTS: np.frombuffer(content, np.uint8), **arrays})


def _point_texts(point: SheetPoint) -> dict[str, object]:
    """What is no signal of a point, in JSON types."""
    texts: dict[str, object] = {
        "label": point.label,
        "strategy": point.strategy,
        "answers": list(point.answers),
        "confidences": list(point.confidences),
        "right": list(point.right),
    }
    if point.frames is not None:
        texts |= {"levels": list(point.frames.levels), "classes": point.frames.classes}
    return texts


def _arrays(sheet: SampleSheet) -> Iterator[tuple[str, np.ndarray]]:
    """The signals of a sheet by their names in the file."""
    places = {"clean": sheet.clean, "corrupted": sheet.corrupted}
    for number, point in enumerate(sheet.points):
        if point.signals is not None:
            places[f"point{number}"] = point.signals
        if point.frames is not None and point.frames.pictures is not None:
            yield f"point{number}.frames", point.frames.pictures
    for name, signals in places.items():
        yield f"{name}.pictures", signals.pictures
        if signals.sounds is not None:
            yield f"{name}.sounds", signals.sounds


def sheet_of(content: bytes) -> SampleSheet:
    """The sheet that a file has.

    Raises:
        UnreadableFileError: the file is not as `to_bytes` writes it.
    """
    arrays = unpacked(content)
    texts = _texts(arrays.pop(_TEXTS, None))
    kind, rate = texts["kind"], texts["rate"]
    _require(kind in ("image", "speech"), "kind is neither images nor speech")
    is_speech = kind == "speech"
    _require(_is_whole(rate, is_speech, 192_000 * is_speech), "rate is none of such sounds")
    numbers = _list(texts["numbers"], "samples")
    _require(all(_is_whole(number, 0, 2**53) for number in numbers), "samples have no numbers")
    _require(bool(numbers) and len(set(numbers)) == len(numbers), "samples are none, or repeat")
    reader = _Signals(arrays, len(numbers), is_speech)
    clean, corrupted = reader.signals("clean"), reader.signals("corrupted")
    points = _list(texts["points"], "points")
    sheet = SampleSheet(
        kind,
        rate,
        tuple(numbers),
        _strings(texts["truths"], len(numbers)),
        clean,
        corrupted,
        tuple(_point(reader, number, point) for number, point in enumerate(points)),
    )
    _require(not arrays, f"arrays are more than are named: {', '.join(arrays):.100}")
    return sheet


class _Signals:
    """Takes the signals of `count` samples out of a file's arrays, all of the same shape."""

    def __init__(self, arrays: dict[str, np.ndarray], count: int, is_speech: bool) -> None:
        self._arrays, self.count, self._is_speech = arrays, count, is_speech
        first = arrays.get("clean.pictures", np.empty(0))
        self._picture = first.shape[1:]
        sides, colors = self._picture[:2], self._picture[2:]
        is_picture = len(sides) == 2 and (not colors or (colors == (3,) and not is_speech))
        _require(is_picture, "pictures are neither grey nor coloured")
        _require(all(1 <= side <= _MOST["sides"] for side in sides), "pictures are of no fit size")
        self._sound = arrays.get("clean.sounds", np.empty(0)).shape[1:]

    def signals(self, name: str) -> Signals:
        """The signals of that name, which must be there."""
        pictures = self._taken(f"{name}.pictures", np.uint8, (self.count, *self._picture))
        if not self._is_speech:
            return Signals(pictures)
        _require(len(self._sound) == 1, "sounds are missing")
        return Signals(
            pictures, self._taken(f"{name}.sounds", np.int16, (self.count, *self._sound))
        )

    def signals_if_there(self, name: str) -> Signals | None:
        """The signals of that name; None where there are none."""
        return self.signals(name) if f"{name}.pictures" in self._arrays else None

    def frames(self, name: str, samples: int, levels: int) -> np.ndarray | None:
        """The pictures of frames of so many samples and levels; None where there are none."""
        if f"{name}.frames" not in self._arrays:
            return None
        return self._taken(f"{name}.frames", np.uint8, (samples, levels, *self._picture))

    def _taken(self, name: str, kind: type, shape: tuple[int, ...]) -> np.ndarray:
        array = self._arrays.pop(name, np.empty(0))
        is_right = array.dtype == kind and array.shape == shape
        _require(is_right, f"{name} are {array.dtype} {array.shape}, but must be of shape {shape}")
        return array


def _texts(array: np.ndarray | None) -> dict[str, Any]:
    """All that is no signal."""
    keys = {"format", "kind", "rate", "numbers", "truths", "points"}
    try:
        texts = json.loads(b"" if array is None else array.tobytes())
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError("its texts cannot be read") from error
    _require(isinstance(texts, dict) and set(texts) == keys, "texts are not those of samples")
    _require(texts["format"] == _FORMAT, f"format is {texts['format']!r:.20}, not {_FORMAT}")
    found: dict[str, Any] = texts
    return found


def _point(reader: _Signals, number: int, texts: Any) -> SheetPoint:
    """A point, from its texts and arrays."""
    keys = {"label", "strategy", "answers", "confidences", "right"}
    _require(isinstance(texts, Mapping) and keys <= set(texts), "points lack texts")
    confidences, count = _list(texts["confidences"], "samples"), reader.count
    _require(len(confidences) in (0, count) and all(map(_is_share, confidences)), "confidences")
    right = _list(texts["right"], "samples")
    _require(len(right) == count and all(flag in (True, False) for flag in right), "answers' marks")
    label, strategy = _strings([texts["label"], texts["strategy"]], 2)
    return SheetPoint(
        label,
        strategy,
        reader.signals_if_there(f"point{number}"),
        _strings(texts["answers"], count),
        tuple(float(share) for share in confidences),
        tuple(bool(flag) for flag in right),
        _frames(reader, f"point{number}", texts) if "levels" in texts else None,
    )


def _frames(reader: _Signals, name: str, texts: Mapping[str, Any]) -> SheetFrames:
    """The frames of a point's first samples."""
    levels = _list(texts["levels"], "levels")
    falling = all(map(_is_share, levels)) and sorted(levels, reverse=True) == levels
    _require(bool(levels) and falling, "levels do not fall from 1 to 0")
    samples = _list(texts.get("classes"), "samples")
    _require(len(samples) <= reader.count, "frames are of more samples than there are")
    classes = tuple(
        tuple(_classes(frame) for frame in _list(frames, "levels", len(levels)))
        for frames in samples
    )
    pictures = reader.frames(name, len(samples), len(levels))
    return SheetFrames(tuple(float(level) for level in levels), pictures, classes)


def _classes(frame: Any) -> tuple[tuple[str, float], ...]:
    """The likeliest classes of a frame, with their probabilities."""
    pairs = [_list(pair, "classes", 2) for pair in _list(frame, "classes")]
    _require(all(_is_share(share) for _, share in pairs), "probabilities are not in [0, 1]")
    names = _strings([name for name, _ in pairs], len(pairs))
    return tuple((name, float(share)) for name, (_, share) in zip(names, pairs, strict=True))


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise UnreadableFileError(f"its {fault}")


def _list(value: Any, what: str, count: int | None = None) -> list[Any]:
    """A list of no more entries than `_MOST` has of these, or of exactly so many."""
    is_list = isinstance(value, list) and len(value) <= _MOST[what]
    _require(is_list and count in (None, len(value)), f"{what} are not as many as they must be")
    entries: list[Any] = value
    return entries


def _strings(value: Any, count: int) -> tuple[str, ...]:
    """So many texts."""
    letters = _MOST["letters"]
    is_list = isinstance(value, list) and len(value) == count
    are_texts = is_list and all(isinstance(text, str) and len(text) <= letters for text in value)
    _require(are_texts, f"texts are not {count}, each of {letters} letters at most")
    return tuple(value)


def _is_whole(value: Any, low: int, high: int) -> bool:
    """Whether a value is a whole number from low to high."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_share(value: Any) -> bool:
    """Whether a value is a number from 0 to 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= 1
