"""Training of all parts on speech: the same stages as images, Whisper as the frozen classifier."""

import copy
from dataclasses import replace

import pytest
import torch
from speech_task import COARSE, load_digits, longer, speech_task, train, train_all, write_whisper
from torchaudio.functional import lowpass_biquad

import search_spaces
from trainables import strategies
from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.data import datasets
from trainables.data.augment import Augmentation
from trainables.data.spectrogram import Spectrogram, peak
from trainables.evaluation.assembly import assemble
from trainables.models.images.unet import UNetConfig
from trainables.models.speech.logit_sequence import LogitSequenceConfig
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.strategies import schedule_of
from trainables.task import networks
from trainables.task.recipe import Recipe, Task, Updates
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.classifier_cache import cached_outputs
from trainables.training.objective import Context
from trainables.training.part_store import key_of

TRAINED = [kind for kind in stages.names("word") if kind != "classifier"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("speech")


@pytest.fixture(scope="module")
def dataset(root):
    return load_digits(root)


@pytest.fixture(scope="module")
def task(root):
    return speech_task(write_whisper(root / "whisper.pt"))


@pytest.fixture(scope="module")
def parts(task, dataset):
    return train_all(task, dataset)


def test_states_are_spectrograms_normalised_by_the_corrupted_peak(root, dataset):
    speech, split = dataset.train.speech, dataset.train
    rows = torch.tensor([3, 0])
    x0 = split.clean(rows)
    x_cor = split.corrupted(x0, rows, "babble", SampleNoise(0, [0, 1]))
    assert x0.shape == x_cor.shape == (2, *dataset.signal_shape)
    loudest = peak(speech.corrupted(rows))
    for states, waves in ((x0, speech.clean(rows)), (x_cor, speech.corrupted(rows))):
        padded = torch.nn.functional.pad(waves / loudest, (0, 22_400 - waves.shape[1]))
        whole = Spectrogram(n_fft=126, hop=63, multiple=8).of(padded)
        torch.testing.assert_close(states, whole[:, :, :32])
        back = dataset.sound.waveforms(states)
        assert back.shape == (2, 22_400)  # 1.4 s: the longest word with the silence around it
        low = lowpass_biquad(back, 16_000, 3000)
        torch.testing.assert_close(low, lowpass_biquad(padded, 16_000, 3000), atol=0.03, rtol=0)
    again = datasets.load("fsdd-babble", root / "fsdd", root / "cache", COARSE)
    assert torch.equal(again.train.clean(rows), x0)
    facts = datasets.facts("fsdd-babble", root / "fsdd")
    assert facts.corruptions[0] == "babble" and facts.samples == 22_400


@pytest.mark.parametrize("kind", TRAINED)
def test_every_stage_trains_and_reports_finite_losses(kind, task, dataset, parts):
    reports = []
    weights = train(kind, task, dataset, parts, report=reports.append)
    assert reports[-1].update == reports[-1].updates >= 2
    for name, state in weights.items():
        for key, value in state.items():
            assert bool(torch.isfinite(value).all())
            torch.testing.assert_close(value, parts[kind][name][key], msg=f"{kind} {name} {key}")


@pytest.mark.parametrize("kind", TRAINED)
def test_losses_fall_on_a_batch_that_is_shown_again_and_again(kind, task, dataset, parts):
    eager = longer(task, learning_rate=3e-3, updates=Updates(1, 60, 60, 60), unguided=0.0)
    needed = {need: parts[need] for need in stages.parts_given(kind)}
    objective = stages.load(kind).build(Context(eager, dataset, needed))
    batch = Batches(eager, dataset.train, Share()).batch(0)
    optimizer = torch.optim.Adam(objective.parameters(), lr=3e-3)
    objective.eval()
    prepared = objective.prepare(batch, Draws(0, "prepare", 0, 4, Share()))
    losses = []
    for _ in range(25):
        loss = objective(prepared, Draws(0, "same", 0, 4, Share()))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("kind", TRAINED)
def test_a_resumed_training_ends_as_one_that_never_stopped(kind, task, dataset, parts):
    reports = []
    whole = train(kind, task, dataset, parts, report=lambda r: reports.append(copy.deepcopy(r)))
    middle = reports[0]
    assert 0 < middle.update < middle.updates
    resumed = train(kind, task, dataset, parts, checkpoint=middle.checkpoint)
    for name, state in whole.items():
        for key, value in state.items():
            torch.testing.assert_close(resumed[name][key], value, atol=1e-6, rtol=1e-5)


def test_the_classifier_part_is_a_scale_and_a_hash(task, dataset, parts):
    part = parts["classifier"]
    assert set(part) == {"scale", "whisper"}
    assert sum(v.numel() for state in part.values() for v in state.values()) < 100
    classifier = networks.frozen_classifier(dataset, task.recipe, part)
    x0 = dataset.train.clean()
    y = classifier(x0)
    assert float(y.mean()) == pytest.approx(float(x0.mean()), abs=1e-4)
    assert float(y.std(correction=0)) == pytest.approx(float(x0.std(correction=0)), rel=1e-3)


def test_another_whisper_than_the_parts_is_refused(task, dataset, parts):
    other = {name: dict(state) for name, state in parts["classifier"].items()}
    other["whisper"]["hash"] = other["whisper"]["hash"] + 1
    with pytest.raises(UsageError, match=r"trained with another Whisper.* --whisper"):
        networks.frozen_classifier(dataset, task.recipe, other)


def test_what_is_known_of_a_batch_is_what_the_classifier_says(task, dataset, parts, monkeypatch):
    classifier = networks.frozen_classifier(dataset, task.recipe, parts["classifier"])
    known = cached_outputs(dataset.train, dataset, task.recipe, classifier, torch.device("cpu"))
    needed = {"classifier": parts["classifier"]}
    objective = stages.load("logit").build(Context(task, dataset, needed))
    with_known = Batches(task, dataset.train, Share(), known).batch(2)
    without = Batches(task, dataset.train, Share()).batch(2)
    ours, fresh = objective.classifier_outputs(with_known), objective.classifier_outputs(without)
    torch.testing.assert_close(ours.y0, fresh.y0, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.y_cor, fresh.y_cor, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        ours.evidence, fresh.evidence, atol=2e-3, rtol=2e-3
    )  # kept as float16

    def refuse(*args):
        raise AssertionError("was computed again")

    monkeypatch.setattr(type(classifier), "raw_logits", refuse)
    monkeypatch.setattr(type(classifier), "evidence", refuse)
    again = cached_outputs(dataset.train, dataset, task.recipe, classifier, torch.device("cpu"))
    assert torch.equal(again.evidence, known.evidence)
    prepared = objective.prepare(with_known, Draws(0, "x", 0, 4, Share()))  # asks nothing
    assert torch.equal(prepared.y0, ours.y0)


def test_shares_of_two_workers_make_the_whole_batch(task, dataset, parts):
    classifier = networks.frozen_classifier(dataset, task.recipe, parts["classifier"])
    known = cached_outputs(dataset.train, dataset, task.recipe, classifier, torch.device("cpu"))
    whole = Batches(task, dataset.train, Share(), known).batch(1)
    halves = [Batches(task, dataset.train, Share(rank, 2), known).batch(1) for rank in (0, 1)]
    for of in (lambda b: b.x_cor, lambda b: b.outputs.clean, lambda b: b.outputs.evidence):
        interleaved = torch.stack([of(half) for half in halves], dim=1).flatten(0, 1)
        assert torch.equal(interleaved, of(whole))


@pytest.mark.parametrize("kind", ["parallel", "parallel-noisy", "alternating", "nested"])
def test_parts_load_strictly(kind, task, dataset, parts):
    networks.signal_denoiser(dataset, task.recipe, parts[kind])
    broken = {"logit": dict(parts[kind]["logit"])}
    broken["logit"].pop("out.bias")
    with pytest.raises(RuntimeError, match=r"out\.bias"):
        networks.logit_denoiser(dataset, task.recipe, broken)


@pytest.mark.parametrize(
    "strategy",
    [
        "noisy",
        "enhanced",
        "card",
        "parallel",
        "parallel-noisy",
        "alternating",
        "nested",
        "guided",
        "didicm-cp",
        "didicm-cl",
    ],
)
def test_every_strategy_samples_with_its_parts(strategy, task, dataset, parts):
    weights = {}
    for kind in strategies.load(strategy).PARTS:
        weights |= parts[kind]
    classifier = networks.frozen_classifier(dataset, task.recipe, weights)
    system = assemble(task, dataset, classifier, weights, torch.device("cpu"), torch.float32)
    split = dataset.test.first(3)
    noise = SampleNoise(0, split.numbers.tolist())
    x_cor = split.corrupted(split.clean(), slice(None), "babble", noise)
    point = search_spaces.load(strategy).paper_point(4, "speech")
    engine = Engine(system, (10,), Meter())
    outcome = engine.run(schedule_of(strategy, point), x_cor, noise)
    assert outcome.y.shape == (3, 10) and outcome.x.shape == x_cor.shape
    torch.testing.assert_close(outcome.y, engine.run(schedule_of(strategy, point), x_cor, noise).y)
    if strategy == "noisy":
        torch.testing.assert_close(outcome.y, classifier(x_cor))


def test_a_place_is_no_part_of_what_identifies_a_part(task):
    classifier = replace(task.recipe.classifier, checkpoint="/elsewhere/whisper.pt")
    assert key_of("nested", longer(task, classifier=classifier)) == key_of("nested", task)
    other = replace(task.recipe.classifier, content="another")
    assert key_of("classifier", longer(task, classifier=other)) != key_of("classifier", task)
    coarser = replace(task.recipe.speech, spectrogram=replace(COARSE, bands=40))
    for kind in stages.names("word"):
        assert key_of(kind, longer(task, speech=coarser)) != key_of(kind, task)


def test_a_task_survives_the_way_to_a_worker(task):
    assert from_mapping(Task, as_mapping(task)) == task


def test_networks_are_for_the_right_kind_of_signals(task):
    with pytest.raises(UsageError, match="signal is 'unet', which is not for speech"):
        replace(task.recipe, signal=UNetConfig())
    with pytest.raises(UsageError, match="logit is 'logit-sequence', which is not for images"):
        Recipe(task.recipe.updates, logit=LogitSequenceConfig())
    whole = replace(task.recipe.signal, spread=None)
    assert replace(task.recipe, signal=whole, loss_weighting="noise").loss_spreads == (None, None)
    with pytest.raises(UsageError, match="signal predicts the whole score: give it a spread"):
        replace(task.recipe, signal=whole)
    with pytest.raises(UsageError, match="not augmented"):
        replace(task.recipe, augmentation=Augmentation(flip=0.5))
