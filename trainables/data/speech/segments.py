"""Cutting long recordings into pieces of about four seconds, at silences only (paper, E.2)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.core.errors import check_range
from trainables.data.audio import RATE, resampled

Span = tuple[float, float]  # seconds, from and to


@dataclass(frozen=True)
class CutOptions:
    """Lengths in seconds for cutting recordings into pieces.

    Args:
        wanted: the length that pieces should have.
        shortest, longest: the limits of their length.
        silence: the shortest pause to cut in.
        margin: how much silence is kept before and after speech.
    """

    wanted: float = 4.0
    shortest: float = 1.5
    longest: float = 5.0
    silence: float = 0.1
    margin: float = 0.2

    def __post_init__(self) -> None:
        check_range("the longest piece in seconds", self.longest, 0.1, 30)
        check_range("the shortest piece in seconds", self.shortest, 0, self.longest)
        check_range("the wanted piece in seconds", self.wanted, self.shortest, self.longest)
        check_range("the least pause in seconds", self.silence, 0.03, 5)
        check_range("the silence kept around speech in seconds", self.margin, 0, 1)


def speech_spans(wave: Tensor, rate: int, silence: float = 0.1) -> list[Span]:
    """Spans of speech in a waveform (L,) at `rate` Hz, by Silero's voice-activity detector.

    `silence` is the shortest pause in seconds between two spans.
    """
    from silero_vad import get_speech_timestamps

    wave = resampled(wave, rate, RATE)
    with torch.inference_mode():
        spans = get_speech_timestamps(
            wave,
            _detector(),
            sampling_rate=RATE,
            min_silence_duration_ms=round(1000 * silence),
            speech_pad_ms=0,
        )
    return [(span["start"] / RATE, span["end"] / RATE) for span in spans]


def cuts(spans: list[Span], total: float, options: CutOptions) -> list[Span]:
    """Cut a recording into pieces (from, to) in seconds that begin and end in pauses.

    A piece ends in the pause that makes its length nearest to the wanted one. Speech without a pause
    for longer than the longest piece is left out, and so is a last piece shorter than the shortest.

    Args:
        spans: spans of speech, in order, with pauses between them.
        total: the length of the recording in seconds.
        options: the lengths of pieces.
    """
    pieces: list[Span] = []
    first = 0
    while first < len(spans):
        ends = [_bounds(spans, first, last, total, options) for last in range(first, len(spans))]
        candidates = [
            (abs(end - start - options.wanted), last)
            for last, (start, end) in enumerate(ends, first)
            if end - start <= options.longest
        ]
        if not candidates:
            first += 1
            continue
        _, last = min(candidates)
        start, end = ends[last - first]
        if end - start >= options.shortest:
            pieces.append((start, end))
        first = last + 1
    return pieces


def _bounds(
    spans: list[Span], first: int, last: int, total: float, options: CutOptions
) -> tuple[float, float]:
    """Begin and end of a piece of the spans `first` to `last`: a margin, at most half the pause, around."""
    before = spans[first - 1][1] if first else -spans[first][0]
    after = spans[last + 1][0] if last + 1 < len(spans) else 2 * total - spans[last][1]
    start = spans[first][0] - min(options.margin, (spans[first][0] - before) / 2)
    end = spans[last][1] + min(options.margin, (after - spans[last][1]) / 2)
    return start, end


@functools.cache
def _detector() -> torch.nn.Module:
    """Silero's detector, which its package contains, loaded once in each process."""
    threads = torch.get_num_threads()
    from silero_vad import load_silero_vad  # sets torch's threads to 1 when it is imported

    torch.set_num_threads(threads)
    detector: torch.nn.Module = load_silero_vad()
    return detector
