"""Signal metrics against closed forms, and what they say where there is nothing to measure."""

import math

import numpy as np
import pytest
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.scoring.speech_quality import UtteranceScores, estoi, pesq, si_sdr

RATE = 16_000


def _speech_like(seconds=1.5):
    """Noise, louder and softer four times a second, with a tone."""
    time = torch.arange(round(seconds * RATE)) / RATE
    noise = torch.randn(len(time), generator=generator_of("speech-like"))
    return 0.1 * (1.1 + torch.sin(8 * math.pi * time)) * (noise + torch.sin(880 * math.pi * time))


def _noise(like, name="noise"):
    return torch.randn(like.shape, generator=generator_of(name))


@pytest.mark.parametrize("decibel", [-10.0, 0.0, 7.5, 40.0])
def test_si_sdr_is_the_ratio_of_orthogonal_parts_whatever_scale_and_offset(decibel):
    s = _speech_like().double()
    s = s - s.mean()
    n = _noise(s).double()
    n = n - n.mean()
    n = n - (n @ s) / (s @ s) * s
    n = n * s.norm() / n.norm() * 10 ** (-decibel / 20)
    measured = si_sdr([s + n, -3 * (s + n) + 0.5], [s, 0.1 * s - 2])
    assert measured.values == pytest.approx([decibel, decibel], abs=1e-6)
    assert measured.reasons == ("", "") and measured.mean() == pytest.approx(decibel)


def test_perceptual_measures_fall_as_noise_rises():
    clean = _speech_like()
    estimates = [clean + level * _noise(clean) for level in (0.0, 0.01, 0.1, 0.5)]
    for metric, best in ((pesq, 4.64), (estoi, 1.0)):
        found = metric(estimates, [clean] * 4, RATE)
        assert found.values[0] == pytest.approx(best, abs=0.01)
        assert (np.diff(found.values) < -0.01).all() and found.missing() == {}


def test_estoi_takes_other_rates():
    clean = _speech_like()
    half = clean[::2]
    assert estoi([half + 0.05 * _noise(half)], [half], RATE // 2).values[0] < 0.99
    with pytest.raises(UsageError, match="8000 Hz"):
        pesq([half], [half], RATE // 2)


def _with_rate(metric):
    return metric if metric is si_sdr else lambda e, r: metric(e, r, RATE)


@pytest.mark.parametrize("metric", [si_sdr, pesq, estoi])
def test_what_cannot_be_measured_says_why_and_leaves_the_rest(metric):
    clean = _speech_like()
    noisy, silent = clean + 0.05 * _noise(clean), torch.zeros_like(clean)
    broken = clean.clone()
    broken[7] = math.nan
    found = _with_rate(metric)(
        [silent, noisy, broken, noisy, clean[:0]], [clean, clean, clean, silent, clean[:0]]
    )
    assert np.isnan(found.values).tolist() == [True, False, True, True, True]
    assert found.reasons == (
        "the estimate is silent", "", "the estimate is not finite",
        "the reference is silent", "the estimate is silent",
    )  # fmt: skip
    assert found.mean() == found.values[1]
    assert found.missing() == {
        "the estimate is not finite": 1,
        "the estimate is silent": 2,
        "the reference is silent": 1,
    }


@pytest.mark.parametrize("samples", [2, 400, 480, 3000])
@pytest.mark.parametrize(("metric", "reason"), [(pesq, "1/4 of a second"), (estoi, "frame")])
def test_what_is_too_short_says_so(metric, reason, samples):
    clean = _speech_like()[:samples]
    found = metric([clean], [clean], RATE)
    assert math.isnan(found.values[0]) and reason in found.reasons[0]
    assert math.isnan(found.mean())


@pytest.mark.parametrize("metric", [si_sdr, pesq, estoi])
def test_waveforms_must_come_in_pairs(metric):
    clean = _speech_like()
    with pytest.raises(UsageError, match="1 estimates and 2 references"):
        _with_rate(metric)([clean], [clean, clean])
    with pytest.raises(UsageError, match="one length"):
        _with_rate(metric)([clean[1:]], [clean])
    with pytest.raises(UsageError, match="one length"):
        _with_rate(metric)([clean[None]], [clean[None]])


def test_nothing_measured_has_no_mean():
    assert math.isnan(UtteranceScores(np.array([]), ()).mean())
