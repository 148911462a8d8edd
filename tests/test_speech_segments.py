"""Cutting at silences: by hand on spans, and with the real detector on real speech."""

import itertools

import pytest
import torch
from conftest import asset

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.audio import RATE, read_audio
from trainables.data.speech.segments import CutOptions, cuts, speech_spans

OPTIONS = CutOptions(wanted=4.0, shortest=1.5, longest=5.0, margin=0.2)


def test_pieces_by_hand():
    # The first two spans make 3.5 s, the first three 5.6 s: too long. The rest are 3.6 s.
    spans = [(0.5, 2.0), (2.4, 3.8), (4.2, 5.9), (6.5, 7.4)]
    assert cuts(spans, 8.0, OPTIONS) == [
        pytest.approx((0.3, 4.0)),
        pytest.approx((4.0, 7.6)),
    ]


def test_the_pause_nearest_to_the_wanted_length_is_taken():
    spans = [(0.0, 2.9), (3.1, 3.9), (4.1, 4.8)]
    assert cuts(spans, 5.0, OPTIONS) == [pytest.approx((0.0, 4.0))]
    later = CutOptions(wanted=4.8, shortest=1.5, longest=5.0)
    assert cuts(spans, 5.0, later) == [pytest.approx((0.0, 5.0))]


def test_speech_without_a_pause_is_in_no_piece_and_short_rests_neither():
    assert cuts([(0.5, 6.0)], 7.0, OPTIONS) == []
    assert cuts([(0.5, 6.0), (6.5, 9.0)], 10.0, OPTIONS) == [pytest.approx((6.3, 9.2))]
    assert cuts([(0.0, 4.0), (4.8, 5.2)], 6.0, OPTIONS) == [pytest.approx((0.0, 4.2))]
    assert cuts([], 6.0, OPTIONS) == []


def test_no_piece_begins_or_ends_within_speech_overlaps_another_or_is_too_long():
    generator = generator_of("spans")
    for _ in range(200):
        steps = torch.rand(40, generator=generator) * 2.5 + 0.05
        edges = torch.cumsum(steps, 0).tolist()
        spans, total = list(zip(edges[::2], edges[1::2], strict=True)), edges[-1] + 0.4
        pieces = cuts(spans, total, OPTIONS)
        assert pieces
        for start, end in pieces:
            assert OPTIONS.shortest <= end - start <= OPTIONS.longest
            assert 0 <= start and end <= total
            for edge in (start, end):
                assert not any(a + 1e-6 < edge < b - 1e-6 for a, b in spans)
        for (_, end), (start, _) in itertools.pairwise(pieces):
            assert end <= start + 1e-6


def test_options_are_checked():
    with pytest.raises(UsageError, match=r"the wanted piece in seconds is 6, .* from 1.5 to 5"):
        CutOptions(wanted=6)


@pytest.mark.assets
def test_real_speech_is_found_between_silences():
    root = asset("COUPLED_DATA", "fsdd/recordings")
    threads = torch.get_num_threads()
    parts, truth, at = [], [], 0.0
    for digit in range(7):
        word = read_audio(root / f"{digit}_george_1.wav")
        word = 0.5 * word / word.abs().max()
        parts += [torch.zeros(RATE // 2), word]
        truth.append((at + 0.5, at + 0.5 + len(word) / RATE))
        at = truth[-1][1]
    wave = torch.cat([*parts, torch.zeros(RATE // 2)])
    wave = wave + 1e-4 * torch.randn(len(wave), generator=generator_of("floor"))
    spans = speech_spans(wave, RATE)
    found = [any(a < end and start < b for a, b in spans) for start, end in truth]
    assert sum(found) >= 6
    for start, end in cuts(spans, len(wave) / RATE, OPTIONS):
        for edge in (start, end):
            assert not any(a + 0.1 < edge < b - 0.1 for a, b in truth)
    assert torch.get_num_threads() == threads
