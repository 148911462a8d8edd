"""Samples that are shown: what a point restores, answers and goes through, and what is attached."""

import functools
from dataclasses import replace
from platform.pipeline.sample_sheet import sheet_of_samples
from platform.pipeline.sampled_points import (
    SampledPoints,
    beside_baselines,
    gallery_points,
    gallery_size,
)
from platform.pipeline.samples import _drawn

import numpy as np
import pytest
import torch
from helpers import DIGITS, tiny_task

from dashboards.comparison.sheet_file import sheet_of, to_bytes
from dashboards.points import ReportedPoint
from trainables.core.noise import generator_of
from trainables.data.spectrogram import SPECTROGRAM_48K, Sound, Spectrogram
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.shown import Frames, ShownSamples, _shown_levels, shown_samples
from trainables.evaluation.storage import Storage

CPU, SAMPLING = torch.device("cpu"), Sampling("test", 9, 0, "float32")
POINTS = {
    "nested": {"outer_steps": 8, "inner_steps": 3, "t_switch": 0.5, "refresh_interval": 1.0, "eta": 1.0},
    "enhanced": {"steps": 4, "eta": 1.0},
    "card": {"steps": 2, "eta": 0.0},
    "didicm-cp": {"steps": 3},
    "retrained": {},
    "noisy": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def evaluators(parts, tmp_path_factory):
    """A function from a strategy to its only evaluator, on digits with tiny networks."""
    storage, task = Storage(str(tmp_path_factory.mktemp("runs"))), tiny_task()
    for kind, weights in parts.items():
        storage.parts.save(kind, task, weights, {})
    return functools.cache(lambda name: Evaluator(task, name, storage, 16, CPU, dataset=DIGITS))


@pytest.mark.parametrize("strategy", POINTS)
def test_what_is_shown_is_what_is_measured(strategy, evaluators):
    evaluator, point = evaluators(strategy), POINTS[strategy]
    shown = shown_samples(evaluator, point, SAMPLING, 2)
    outcome, x_cor = evaluator.sample(point, SAMPLING)
    tally = evaluator.tally(point, SAMPLING)
    assert "".join("01"[flag] for flag in shown.right) == tally.correctness.correct
    assert torch.equal(shown.corrupted, x_cor)
    if shown.signals is None:
        assert torch.equal(outcome.x, x_cor) and strategy not in ("nested", "enhanced")
    else:
        assert torch.equal(shown.signals, outcome.x)
    probabilities = evaluator._classifier.scale.restored(outcome.y).softmax(dim=1)
    assert shown.confidences == pytest.approx(probabilities.max(dim=1).values.tolist())
    names = [DIGITS.classes[k] for k in probabilities.argmax(dim=1).tolist()]
    assert list(shown.answers) == names


@pytest.mark.parametrize("strategy", ["nested", "card", "didicm-cp"])
def test_the_last_frame_is_what_is_answered(strategy, evaluators):
    evaluator = evaluators(strategy)
    shown = shown_samples(evaluator, POINTS[strategy], SAMPLING, 2)
    outcome, _ = evaluator.sample(POINTS[strategy], SAMPLING)
    raw = evaluator._classifier.scale.restored(outcome.y[:2])
    torch.testing.assert_close(shown.frames.probabilities[:, -1], raw.softmax(dim=1))
    assert bool((shown.frames.probabilities.sum(dim=2) - 1).abs().max() < 1e-5)
    levels = {
        "nested": (1, 7 / 8, 5 / 8, 4 / 8, 2 / 8, 1 / 8),
        "card": (1, 0.5),
        "didicm-cp": (2 / 3, 1 / 3, 0),
    }
    assert shown.frames.levels == pytest.approx(levels[strategy])
    assert (shown.frames.signals is None) == (strategy != "nested")


def test_where_no_logits_are_sampled_the_classifier_sees_the_estimates(evaluators):
    evaluator = evaluators("enhanced")
    counted = evaluator._meter.reading()
    shown = shown_samples(evaluator, POINTS["enhanced"], SAMPLING, 2)
    assert shown.frames.signals.shape == (2, 4, 1, 8, 8)
    assert torch.equal(shown.frames.signals[:, -1], shown.signals[:2])
    for number in range(4):
        raw = evaluator._classifier.raw_logits(shown.frames.signals[:, number])
        torch.testing.assert_close(shown.frames.probabilities[:, number], raw.softmax(dim=1))
    calls = evaluator._meter.reading().calls - counted.calls
    assert calls == {"signal": 4 * 9, "classifier": 9}


@pytest.mark.parametrize("strategy", ["retrained", "noisy"])
def test_what_samples_nothing_has_no_frames(strategy, evaluators):
    shown = shown_samples(evaluators(strategy), POINTS[strategy], SAMPLING, 2)
    assert shown.frames is None and shown.signals is None and len(shown.answers) == 9


def test_frames_are_even_among_the_steps_and_the_shorter_stands_at_no_lower_level():
    signal, logit = [1, 0.5], [(20 - step) / 20 for step in range(20)]
    shown, kept = _shown_levels({"signal": signal, "logit": logit})
    assert shown == tuple(logit[step] for step in (0, 4, 8, 11, 15, 19))
    assert kept == {"signal": [1, 1, 1, 0.5, 0.5, 0.5], "logit": list(shown)}
    assert _shown_levels({}) == ((), {})


def _reported(strategy, label="", role="baseline"):
    return ReportedPoint(label or strategy, strategy, role, POINTS.get(strategy, {}))


def test_baselines_are_shown_at_their_best_beside_the_named_point():
    labels = ["noisy", "enhanced (paper)", "enhanced (best)", "card (paper)", "retrained"]
    named = _reported("nested", "nested #3", "front")
    points = [named, *(_reported(label.split()[0], label) for label in labels)]
    shown = beside_baselines(points, named, ("noisy", "enhanced", "card", "retrained"))
    assert [p.label for p in shown] == [
        "noisy", "enhanced (best)", "card (paper)", "retrained", "nested #3",
    ]  # fmt: skip
    paper = _reported("nested", "nested (paper)", "paper")
    assert gallery_points([*points, paper], named, ("noisy",)) == [points[1], paper, named]
    assert gallery_points([*points, paper], paper, ("noisy",)) == [points[1], paper]
    assert [p.label for p in beside_baselines(points, named, ("enhanced",))] == [
        "enhanced (best)",
        "nested #3",
    ]


def test_fewer_samples_of_large_images_are_shown_but_as_many_as_are_drawn():
    shapes = {(1, 8, 8): 48, (3, 32, 32): 48, (3, 128, 128): 21, (3, 512, 512): 6}
    assert {shape: gallery_size("image", shape) for shape in shapes} == shapes
    assert gallery_size("speech", (2, 768, 640)) == 6


def test_a_sheet_of_images_has_their_pixels_and_their_likeliest_classes(evaluators):
    shown = {name: shown_samples(evaluators(name), POINTS[name], SAMPLING, 2) for name in POINTS}
    split = DIGITS.test.first(9)
    points = tuple((_reported(name), shown[name]) for name in ("noisy", "enhanced", "nested"))
    truths = tuple(map(str, split.labels.tolist()))
    sampled = SampledPoints(
        "image", DIGITS, truths, split.clean(), shown["noisy"].corrupted, points
    )
    sheet = sheet_of_samples(sampled)
    assert sheet.numbers == tuple(range(9)) and sheet.truths == truths and sheet.rate == 0
    pixels = np.rint(np.clip((split.clean().numpy() + 1) * 127.5, 0, 255))[:, 0]
    assert np.abs(sheet.clean.pictures - pixels).max() <= 1  # halves are rounded in float32
    noisy, enhanced, nested = sheet.points
    assert noisy.signals is None and noisy.frames is None
    assert np.array_equal(enhanced.frames.pictures[:, -1], enhanced.signals.pictures[:2])
    for row in range(2):
        (name, share), *_ = nested.frames.classes[row][-1]
        assert (name, share) == (nested.answers[row], nested.confidences[row])
        for frame in nested.frames.classes[row]:
            assert len(frame) == 5 and sorted(frame, key=lambda pair: -pair[1]) == list(frame)
    content = to_bytes(sheet)
    assert to_bytes(sheet_of(content)) == content == to_bytes(sheet_of_samples(sampled))
    drawn = _drawn(sampled)
    assert list(drawn.signals) == ["clean", "corrupted", "enhanced", "nested"]
    assert drawn.captions["nested"] == [f"answer {answer}" for answer in nested.answers[:6]]


def test_a_sheet_of_speech_has_spectrograms_and_sounds():
    """The clean signals stand for what is restored; loudness is that of an utterance's loudest signal."""
    sound = Sound(Spectrogram(n_fft=126, hop=63, multiple=8), 4000)
    dataset = replace(DIGITS, classes=(), sound=sound)
    generator = generator_of("waves")
    envelope = torch.linspace(0, 1, 4000) ** 3
    waves = 0.4 * torch.randn(3, 4000, generator=generator) * envelope
    noisy = waves + torch.tensor([0.001, 0.3, 2.0])[:, None] * torch.randn(
        3, 4000, generator=generator
    )
    clean, corrupted = sound.states(waves), sound.states(noisy)
    frames = Frames((1.0, 0.5), torch.stack([corrupted, clean], dim=1)[:2], None)
    marks = ("a", "b", "c"), (), (True, False, True)
    points = (
        (_reported("enhanced"), ShownSamples(corrupted, clean, *marks, frames)),
        (_reported("card", "card #1", "front"), ShownSamples(corrupted, None, *marks, None)),
    )
    sampled = SampledPoints("speech", dataset, ("x y", "y", "z"), clean, corrupted, points)
    sheet = sheet_of(to_bytes(sheet_of_samples(sampled)))
    for signals in (sheet.clean, sheet.corrupted):
        assert signals.pictures.shape == (3, 64, 64) and signals.sounds.shape == (3, 4000)
    enhanced, card = sheet.points
    assert np.array_equal(enhanced.signals.sounds, sheet.clean.sounds)
    assert np.array_equal(enhanced.frames.pictures[:, 0], sheet.corrupted.pictures[:2])
    assert np.array_equal(enhanced.frames.pictures[:, 1], sheet.clean.pictures[:2])
    assert enhanced.frames.classes == (((), ()),) * 2 and card.signals is None
    loudest = np.maximum(sheet.clean.pictures, sheet.corrupted.pictures).max(axis=(1, 2))
    assert loudest.tolist() == [255] * 3
    assert (sheet.clean.pictures[:, :, :3] < sheet.clean.pictures[:, :, -8:].mean() / 2).all()
    peaks = torch.stack([waves, noisy]).abs().amax(dim=(0, 2)).clamp(min=1)[:, None]
    assert bool((peaks > 1).any())
    np.testing.assert_allclose(sheet.clean.sounds / 32767, (waves / peaks).numpy(), atol=1e-3)


def test_long_spectrograms_are_made_small_and_high_rates_are_lowered():
    sound = Sound(SPECTROGRAM_48K, 120_000)
    wave = sound.states(torch.linspace(-1, 1, 120_000)[None])
    sampled = SampledPoints("speech", replace(DIGITS, sound=sound), ("x",), wave, wave, ())
    sheet = sheet_of_samples(sampled)
    assert sheet.clean.pictures.shape == (1, 128, 256)
    assert sheet.rate == 16_000 and sheet.clean.sounds.shape == (1, 40_000)
