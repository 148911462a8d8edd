"""Sentences: their signals at other rates, their presets, what measurements of them come to."""

import json
from dataclasses import replace
from platform import sweep
from platform.backend.allocation import Node, allocation
from platform.pipeline.forecast import forecast
from platform.planning import presets
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import jiwer
import numpy as np
import pytest
import torch
from speech_files import loud_spans, write_ears, write_responses, write_wham
from speech_task import write_whisper

from dashboards.figure_files import figure_files
from dashboards.front import front_figure
from dashboards.page import TrialPoint, front_page
from dashboards.pareto import Reference, hypervolume, shared_reference
from dashboards.points import ReportedPoint, difference, percent, rows
from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise, generator_of
from trainables.data import datasets
from trainables.data.audio import RATE
from trainables.data.dataset import Script
from trainables.data.spectrogram import SPECTROGRAM_48K, Spectrogram
from trainables.data.speech import ears
from trainables.diffusion.ouve import OUVE_48K
from trainables.evaluation.records import Measurement, RecordStore
from trainables.evaluation.summary import paired, summary
from trainables.models.speech.ncsnpp.config import NCSNPP_48K
from trainables.scoring import word_error
from trainables.scoring.answers import Correctness, combine, transcript_correctness
from trainables.scoring.metric_names import METRIC_OF_KIND
from trainables.task import networks
from trainables.task.recipe import Task

COARSE = Spectrogram(hop=255, multiple=8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A directory with EARS, responses and noises."""
    return write_responses(write_wham(write_ears(tmp_path_factory.mktemp("ears"))))


@pytest.fixture(scope="module", autouse=True)
def _loud_is_speech():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ears, "speech_spans", loud_spans)
        yield


@pytest.mark.parametrize("name", ["ears-wham", "ears-reverb"])
def test_one_build_is_shown_at_its_own_rate_and_at_a_lower_one(name, root, tmp_path):
    facts = datasets.facts(name, root)
    assert facts.sentences and facts.rate == 48_000 and facts.classes == 0
    assert facts.samples == 240_000 and facts.signal_shape == (2, 768, 640)
    assert facts.corruptions[0] == name.removeprefix("ears-")
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


def _plan(root, tmp_path, preset):
    places = str(tmp_path / "runs"), "sqlite:///x.db", str(root)
    return Plan("nested", "ears-reverb", "reverb", preset, 3, 0, 0, 0.0, *places)


@pytest.mark.parametrize("preset", presets.NAMES)
def test_the_networks_of_a_preset_take_its_spectrograms(root, tmp_path, preset):
    setup = setup_of(_plan(root, tmp_path, preset))
    recipe = setup.budget.recipe
    rate, setting = setup.facts.rate, recipe.speech.spectrogram
    _, frequencies, frames = setting.shape(setup.facts.samples * setting.sample_rate // rate)
    multiple = recipe.signal.multiple
    assert frequencies % multiple == frames % multiple == 0
    assert recipe.signal.condition == "fusion" and recipe.logit.network == "logit-sequence"
    assert recipe.speech.logit_process == recipe.speech.process
    assert setup.metric == METRIC_OF_KIND["speech"]
    assert from_mapping(Task, as_mapping(setup.task)) == setup.task
    if preset == "paper":
        assert recipe.signal == NCSNPP_48K and recipe.classifier.context is None
        assert (setting, recipe.speech.process) == (SPECTROGRAM_48K, OUVE_48K)


def test_the_smallest_networks_answer_in_the_sentences_shapes_and_are_timed(root, tmp_path):
    whisper = str(write_whisper(tmp_path / "w.pt"))
    setup = setup_of(replace(_plan(root, tmp_path, "smoke"), whisper=whisper))
    recipe = setup.task.recipe
    dataset = setup.storage.dataset(setup.task)
    steps, tokens = networks.logit_shape(dataset, recipe)
    x = dataset.test.clean(torch.tensor([0, 1]))
    y, t = torch.zeros(2, steps, tokens), torch.ones(2)
    signal = networks.new_signal_denoiser(dataset, recipe)
    assert signal(x, t, x, signal.encode_logits(y, 2)).shape == x.shape
    logit, evidence = networks.new_logit_denoiser(dataset, recipe), torch.zeros(2, 250, 32)
    assert logit(y, t, logit.encode_signals(evidence, y, evidence, y)).shape == y.shape
    predicted = forecast(setup, allocation(setup, [Node(2)]), own=True)
    assert predicted.work.paper.nfe == 16 and predicted.seconds > predicted.training_seconds > 0


def test_sentences_do_not_race(root, tmp_path):
    with pytest.raises(UsageError, match="--racing is for answers that are right or wrong"):
        setup_of(replace(_plan(root, tmp_path, "smoke"), racing=True))


def test_a_directory_without_ears_is_told_in_one_line(tmp_path, capfd):
    places = ["--data-dir", str(tmp_path), "--storage", str(tmp_path / "runs")]
    for name in ("ears-reverb", "ears-wham"):
        assert sweep.main(["nested", name, *places]) == 2
        error = capfd.readouterr().err
        assert error.count("\n") == 1 and "EARS/transcripts.json: put EARS's" in error


def _measured(errors, words, nfe=4.0):
    correct = "".join("01"[e == 0] for e in errors)
    return Measurement({"e": errors}, {}, correct, {"nfe": nfe}, tuple(errors), tuple(words))


def test_errors_and_words_are_jiwers():
    truths = ["The cat sat.", "It's 5 o'clock", "", "go"]
    said = ["the cat sat down", "It is five", "um yes", "Go!"]
    judged = transcript_correctness(said, truths)
    assert judged.words == (3, 4, 0, 1) and judged.correct == "0001"
    assert judged.errors[:1] + judged.errors[2:] == (1, 1, 0)  # "um" is no word to the normaliser
    assert judged.share == 1 - sum(judged.errors) / 8
    assert (
        combine(
            [
                transcript_correctness(said[:1], truths[:1]),
                transcript_correctness(said[1:], truths[1:]),
            ]
        )
        == judged
    )
    assert Correctness("1101").share == 0.75
    assert jiwer.wer("the cat sat", "the cat sat down") == pytest.approx(1 / 3)


def test_the_share_of_word_errors_with_its_interval_over_all_seeds():
    errors, words = [[0, 2, 5, 1], [1, 2, 3, 0]], [4, 6, 3, 5]
    values = summary([_measured(row, words) for row in errors], METRIC_OF_KIND["speech"])
    assert values["wer"] == pytest.approx(14 / 36) and values["accuracy"] == pytest.approx(22 / 36)
    low, high = word_error.interval(np.array([1, 4, 8, 1]), 2 * np.array(words))
    assert (values["wer_low"], values["wer_high"]) == pytest.approx((low, high))
    assert (values["accuracy_low"], values["accuracy_high"]) == pytest.approx((1 - high, 1 - low))
    with pytest.raises(UsageError, match="same sentences"):
        summary([_measured([1], [2]), _measured([1], [3])])
    with pytest.raises(UsageError, match="same sentences"):
        summary([_measured([1], [2]), Measurement({}, {}, "1", {})])


def test_more_errors_than_words_are_shown_and_drawn():
    worse = summary([_measured([9, 8, 3, 4], [2, 3, 4, 1])], METRIC_OF_KIND["speech"])
    assert worse["wer"] == 2.4 and worse["accuracy"] == pytest.approx(-1.4)
    points = [ReportedPoint("a", "nested", "front", {"steps": 3}, validation=worse, test=worse)]
    assert rows(points, METRIC_OF_KIND["speech"])[0][4].startswith("240.0 [")
    reference = shared_reference(0, 50, "speech")
    assert reference == Reference(0.0, 1000.0)
    assert hypervolume([(-1.4, 4.0)], reference) == 0.0
    assert 0 < hypervolume([(-1.4, 4.0), (0.5, 10.0)], reference) < 1
    trials = [TrialPoint(-1.4, 4.0, {})]
    metric = METRIC_OF_KIND["speech"]
    assert "240.0" in front_page("t", trials, points, {"a": "best"}, metric)
    figure = front_figure("t", [(-1.4, 4.0)], points, {"a": "best"}, reference, 0.0, metric)
    assert figure_files("front", figure)["front.png"].startswith(b"\x89PNG")


def test_fewer_errors_on_the_same_utterances_are_a_gain():
    draws = torch.randint(0, 4, (2, 40), generator=generator_of("errors")).numpy()
    words = [7] * 40
    ours, other = (
        _measured(draws.min(0).tolist(), words),
        _measured((draws.max(0) + 1).tolist(), words),
    )
    result = paired([ours], [other])
    gained = (sum(other.errors) - sum(ours.errors)) / 280
    assert result.difference == pytest.approx(gained) and 0 < result.low < gained < result.high
    assert result.p_value < 0.01
    metric = METRIC_OF_KIND["speech"]
    assert difference({"difference": gained, "p_value": 0.01}, metric).startswith(
        f"{-100 * gained:.1f}"
    )
    with pytest.raises(UsageError, match="same utterances"):
        paired([ours], [_measured([1], [2])])
    one = paired([_measured([1], [4])], [_measured([2], [4])])
    assert (one.difference, one.p_value) == (0.25, 1.0)
    assert percent(summary([_measured([1], [49])], metric), metric).startswith("2.0 [")


def test_records_of_images_and_words_are_as_they_were(tmp_path):
    store = RecordStore(tmp_path)
    plain = Measurement({"a": 1}, {"steps": 3}, "101", {"nfe": 4.0})
    content = json.loads(store.save(plain).read_text())
    assert list(content) == ["config", "point", "correct", "cost", "checksum"]
    assert store.get(plain.key) == plain
