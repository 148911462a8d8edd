"""The compressed spectrogram and its way back."""

import math

import pytest
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.spectrogram import SPECTROGRAM_16K, SPECTROGRAM_48K, Spectrogram, peak


def _speech(length, batch=2):
    """Noise that swells and dies, with silence at the start."""
    wave = torch.randn(batch, length, generator=generator_of("speech", length), dtype=torch.float64)
    wave = wave * torch.hann_window(length, dtype=torch.float64) ** 2
    wave[:, : length // 10] = 0
    return wave / peak(wave)


@pytest.mark.parametrize("transform", [SPECTROGRAM_16K, SPECTROGRAM_48K, Spectrogram(multiple=1)])
@pytest.mark.parametrize("length", [1280, 8000, 8191, 8192, 16001])
def test_there_and_back(transform, length):
    wave = _speech(length)
    spectrogram = transform.of(wave)
    assert tuple(spectrogram.shape) == (2, *transform.shape(length))
    assert spectrogram.shape[-1] % transform.multiple == 0
    torch.testing.assert_close(transform.waveform(spectrogram, length), wave, atol=1e-9, rtol=0)


def test_what_stands_in_the_filling_does_not_reach_the_waveform():
    wave = _speech(8000)
    spectrogram = SPECTROGRAM_16K.of(wave)
    spectrogram[..., SPECTROGRAM_16K.frames(8000) :] = 7.0
    torch.testing.assert_close(SPECTROGRAM_16K.waveform(spectrogram, 8000), wave, atol=1e-9, rtol=0)


def test_published_sizes():
    assert SPECTROGRAM_16K.shape(16_000) == (2, 256, 128)
    assert SPECTROGRAM_48K.shape(4 * 48_000) == (2, 768, 512)


def test_a_tone_by_hand():
    """A cosine on a bin of a Hann window: n_fft / 4 times the amplitude there, half of it beside."""
    transform = Spectrogram(n_fft=64, hop=16, alpha=0.5, beta=0.15, multiple=1)
    n = torch.arange(640, dtype=torch.float64)
    wave = 0.8 * torch.cos(2 * math.pi * 8 * n / 64)[None]
    middle = transform.of(wave)[0, :, :, 20]
    magnitude = middle.norm(dim=0)
    assert float(magnitude[8]) == pytest.approx(0.15 * (0.8 * 64 / 4) ** 0.5, rel=1e-9)
    assert float(magnitude[7]) == pytest.approx(0.15 * (0.8 * 64 / 8) ** 0.5, rel=1e-9)
    assert float(magnitude[20]) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(
        middle[:, 8] / magnitude[8], torch.tensor([1.0, 0.0], dtype=torch.float64)
    )  # frame 20 begins at a multiple of the period, less half a window of four periods


def test_silence_stays_silence_and_has_finite_gradients():
    wave = torch.zeros(1, 2000, requires_grad=True)
    spectrogram = SPECTROGRAM_16K.of(wave / peak(wave))
    assert not spectrogram.any()
    back = SPECTROGRAM_16K.waveform(spectrogram, 2000)
    assert not back.any()
    back.sum().backward()
    assert torch.isfinite(wave.grad).all()


def test_peak_is_each_waveforms_own():
    wave = torch.tensor([[0.1, -0.4, 0.2], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(peak(wave), torch.tensor([[0.4], [1.0]]))


def test_bad_lengths_and_settings_are_refused():
    with pytest.raises(UsageError, match="has 255 samples, but 256 are needed"):
        SPECTROGRAM_16K.of(torch.zeros(1, 255))
    with pytest.raises(
        UsageError, match=r"is \(2, 256, 64\), but 16000 samples are \(2, 256, 128\)"
    ):
        SPECTROGRAM_16K.waveform(torch.zeros(1, 2, 256, 64), 16_000)
    with pytest.raises(UsageError, match="n_fft is 511, but must be even"):
        Spectrogram(n_fft=511)
    with pytest.raises(UsageError, match="hop is 256, but must be from 1 to 255"):
        Spectrogram(hop=256)
