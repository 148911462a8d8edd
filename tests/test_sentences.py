"""Sentences: what is said in them, their signals at other rates, what they are judged by."""

import pytest
import torch
from speech_files import loud_spans, write_ears, write_responses, write_wham

from trainables.data import datasets
from trainables.data.spectrogram import SPECTROGRAM_48K, Spectrogram
from trainables.data.speech.audio import RATE
from trainables.data.speech.datasets import _ears
from trainables.data.splits import Script
from trainables.noise import SampleNoise

COARSE = Spectrogram(hop=255, multiple=8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A directory with EARS, responses and noises."""
    return write_responses(write_wham(write_ears(tmp_path_factory.mktemp("ears"))))


@pytest.fixture(scope="module", autouse=True)
def _loud_is_speech():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ears, "speech_spans", loud_spans)
        yield


@pytest.mark.parametrize("name", ["ears-wham", "ears-reverb"])
def test_one_build_is_shown_at_its_own_rate_and_at_a_lower_one(name, root, tmp_path):
    facts = datasets.facts(name, root)
    assert facts.sentences and facts.rate == 48_000 and facts.classes == 0
    assert facts.samples == 240_000 and facts.signal_shape == (2, 768, 640)
    assert facts.corruptions == (name.removeprefix("ears-"),)
    whole = datasets.load(name, root, tmp_path)
    coarse = datasets.load(name, root, tmp_path, COARSE)
    assert whole.sound.spectrogram == SPECTROGRAM_48K and coarse.sound.samples == 80_000
    assert whole.script == coarse.script == Script(("I'm so mad.", "One two."))
    assert len(list(tmp_path.glob(f"{name}-*"))) == 1, "it was built twice"
    assert coarse.signal_shape == (2, 256, 320) == tuple(coarse.test.clean().shape[1:])
    rows, noise = torch.tensor([2, 0]), SampleNoise(0, [0, 1])
    for states in (lambda d: d.test.clean(rows),
                   lambda d: d.test.corrupted(d.test.clean(rows), rows, "", noise)):  # fmt: skip
        low = coarse.sound.waveforms(states(coarse))
        heard = whole.sound.waveforms(states(whole), RATE)
        assert low.shape == heard.shape == (2, 80_000)
        # Both were divided by the corrupted one's peak, before or after the resampling.
        scale = (low * heard).sum(1, keepdim=True) / heard.square().sum(1, keepdim=True)
        assert bool(((scale - 1).abs() < 0.1).all())
        error = (low - scale * heard).square().mean(1) / low.square().mean(1)
        assert bool((error < 1e-4).all())
