"""Training, sampling and measuring on sentences: token rows, references, word errors."""

import json
from dataclasses import replace

import jiwer
import pytest
import torch
from speech_files import loud_spans
from speech_task import load_sentences, sentence_task, train, train_all, write_whisper
from whisper.normalizers import EnglishTextNormalizer

import search_spaces
from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.data import datasets
from trainables.data.audio import RATE, resampled
from trainables.data.spectrogram import SPECTROGRAM_48K, peak
from trainables.data.speech import ears
from trainables.diffusion.ouve import OUVE_48K
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.judge import Judge
from trainables.evaluation.measurement import Sampling, measurement_config, measurement_of
from trainables.evaluation.shown import shown_samples
from trainables.evaluation.storage import Storage
from trainables.evaluation.summary import summary
from trainables.models.speech.logit_score import LogitScoreConfig
from trainables.models.speech.ncsnpp.config import NCSNPP_48K
from trainables.models.speech.whisper.recogniser import Recogniser
from trainables.scoring.metric_names import METRIC_OF_KIND
from trainables.task import networks
from trainables.task.recipe import SpeechRecipe, Task
from trainables.training import stages
from trainables.training.classifier_cache import cached_outputs

CPU = torch.device("cpu")
TRAINED = [kind for kind in stages.names("sentence") if kind != "classifier"]
NAMES = ("noisy", "enhanced", "card", "parallel", "parallel-noisy", "alternating", "nested")


@pytest.fixture(scope="module", autouse=True)
def _loud_is_speech():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ears, "speech_spans", loud_spans)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("sentences")


@pytest.fixture(scope="module")
def dataset(root):
    return load_sentences(root)


@pytest.fixture(scope="module")
def task(root):
    return sentence_task(write_whisper(root / "whisper.pt"))


@pytest.fixture(scope="module")
def parts(task, dataset):
    return train_all(task, dataset)


@pytest.fixture(scope="module")
def storage(task, parts, root):
    made = Storage(str(root / "runs"))
    for kind, weights in parts.items():
        made.parts.save(kind, task, weights, {})
    return made


@pytest.fixture
def evaluator(task, storage, dataset):
    return lambda strategy: Evaluator(task, strategy, storage, 4, CPU, dataset=dataset)


def _recogniser(task, dataset, parts):
    return networks.frozen_classifier(dataset, task.recipe, parts["classifier"])


def test_answers_are_rows_of_the_scripts_tokens(task, dataset):
    steps, tokens = networks.logit_shape(dataset, task.recipe)
    recogniser = networks.recogniser(dataset, task.recipe)
    assert recogniser.logit_shape == (steps, tokens) and steps == dataset.script.steps == 32
    spelled = {recogniser.tokenizer.decode([token]) for token in recogniser.vocabulary.tokens}
    assert spelled == {" One", " two", ".", " I", "'m", " so", " mad"}
    assert tokens == len(spelled) + 1  # end of text
    heard = recogniser.evidence(dataset.test.clean(torch.tensor([0])))
    assert recogniser.frames == 300 and heard.shape == (1, 250, 32)  # 5 s of 6


def test_networks_for_words_are_refused(task, dataset):
    with pytest.raises(
        UsageError, match="'logit-score', which is not for ears-wham: sentences need"
    ):
        networks.new_logit_denoiser(dataset, replace(task.recipe, logit=LogitScoreConfig()))


@pytest.mark.parametrize("kind", TRAINED)
def test_every_stage_trains_and_reports_finite_losses(kind, task, dataset, parts):
    reports = []
    again = train(kind, task, dataset, parts, report=reports.append)
    assert reports[-1].metrics["validation_accuracy"] <= 1
    for name, state in again.items():
        for key, value in state.items():
            assert bool(torch.isfinite(value).all())
            torch.testing.assert_close(value, parts[kind][name][key], msg=f"{kind} {name} {key}")


def test_the_recogniser_is_right_about_what_is_clean(task, dataset, parts):
    reports = []
    weights = train("classifier", task, dataset, {}, report=reports.append)
    assert reports[-1].metrics["validation_accuracy"] == 1
    y = _recogniser(task, dataset, {"classifier": weights})(dataset.train.clean())
    x0 = dataset.train.clean()
    assert float(y.mean()) == pytest.approx(float(x0.mean()), abs=1e-4)
    assert float(y.std(correction=0)) == pytest.approx(float(x0.std(correction=0)), rel=1e-3)


def test_recordings_at_48_khz_are_heard_at_16(task, root, dataset):
    recipe = replace(
        task.recipe,
        loss_weighting="noise",
        speech=SpeechRecipe(SPECTROGRAM_48K, OUVE_48K),
        signal=replace(NCSNPP_48K, base=4, blocks=1, condition_width=8),
    )
    whole = datasets.load("ears-wham", root / "ears", root / "cache", SPECTROGRAM_48K)
    recogniser, rows = networks.recogniser(whole, recipe), torch.tensor([0, 1])
    x, loudest = whole.test.clean(rows), peak(whole.test.speech.corrupted(rows))
    waves = resampled(whole.test.speech.clean(rows) / loudest, 48_000, RATE)
    by_ear = Recogniser(recogniser.whisper, recogniser.vocabulary, 6.0)
    assert recogniser.evidence(x).shape == (2, 250, 32)
    torch.testing.assert_close(
        recogniser.raw_logits(x), by_ear.raw_logits(waves), atol=0.02, rtol=0
    )
    network, y = networks.new_signal_denoiser(whole, recipe), recogniser(x)
    with torch.no_grad():
        output = network(x, torch.full((2,), 0.5), x, network.encode_logits(y, 2))
    assert output.shape == x.shape and bool(torch.isfinite(output).all())


def test_another_script_is_heard_anew(task, dataset, parts):
    longer_script = replace(dataset, script=replace(dataset.script, steps=5))
    for data, steps in ((dataset, 32), (longer_script, 5), (dataset, 32)):
        classifier = networks.recogniser(data, task.recipe)
        known = cached_outputs(data.train, data, task.recipe, classifier, CPU)
        assert known.clean.shape[1:] == known.corrupted.shape[1:] == (steps, 8)
        assert known.evidence.shape[1:] == (250, 32)
        at_once = cached_outputs(
            data.train, replace(data, cache=None), task.recipe, classifier, CPU
        )
        for name in ("clean", "corrupted", "evidence"):
            assert torch.equal(getattr(at_once, name), getattr(known, name))


def _by_hand(task, dataset, parts, limit):
    """Transcripts of clean and noisy test pieces, one at a time."""
    recogniser, split = _recogniser(task, dataset, parts), dataset.test.first(limit)

    def transcripts(signals):
        rows = [recogniser.raw_logits(x[None]).argmax(dim=-1) for x in signals]
        return [text for row in rows for text in recogniser.texts_of(row)]

    x0 = split.clean()
    return transcripts(x0), transcripts(split.corrupted(x0, slice(None), "wham", None))


def test_noisy_speech_is_measured_as_by_hand_with_jiwer(task, dataset, parts, storage, evaluator):
    references, said = _by_hand(task, dataset, parts, 6)
    normal = EnglishTextNormalizer()
    pairs = [(normal(a), normal(b)) for a, b in zip(references, said, strict=True)]
    assert any(words for words, _ in pairs) and any(a != b for a, b in pairs)
    measured = evaluator("noisy").measure({}, Sampling("test", 6, 0))
    assert measured.words == tuple(len(words.split()) for words, _ in pairs)
    for errors, (truth, heard) in zip(measured.errors, pairs, strict=True):
        found = jiwer.process_words(truth, heard)
        assert errors == found.substitutions + found.deletions + found.insertions
    assert measured.correct == "".join("01"[errors == 0] for errors in measured.errors)
    values = summary([measured], METRIC_OF_KIND["speech"])
    expected = jiwer.wer([a for a, _ in pairs], [b for _, b in pairs])
    assert values["wer"] == pytest.approx(expected) == 1 - values["accuracy"]
    assert values["wer_low"] <= values["wer"] <= values["wer_high"]
    content = json.loads(storage.records.path(measured.key).read_text())
    assert content["errors"] == list(measured.errors) and content["words"] == list(measured.words)
    assert storage.records.get(measured.key) == measured


def test_references_are_made_once_for_all_who_ask(task, dataset, parts, evaluator, monkeypatch):
    references, _ = _by_hand(task, dataset, parts, 8)
    assert evaluator("noisy").judge.truths(dataset.test.first(5)) == references[:5]
    kept = list(dataset.cache.glob("ears-wham-references/*/*.txt"))
    assert len(kept) >= 5
    heard = []
    raw = Recogniser.raw_logits
    monkeypatch.setattr(
        Recogniser, "raw_logits", lambda self, x: heard.append(len(x)) or raw(self, x)
    )
    assert evaluator("nested").judge.truths(dataset.test) == references
    assert sum(heard) == len(dataset.test) - sum(
        path.stem in set(map(str, dataset.test.numbers.tolist())) for path in kept
    )
    heard.clear()
    assert evaluator("card").judge.truths(dataset.test.part(torch.tensor([3]))) == references[3:4]
    assert heard == []
    uncached = replace(dataset, cache=None)
    judge = Judge(task, uncached, _recogniser(task, dataset, parts), CPU)
    assert judge.truths(dataset.test) == references and sum(heard) == len(dataset.test)


@pytest.mark.parametrize("strategy", NAMES)
def test_every_strategy_is_measured_the_same_in_pieces(strategy, task, evaluator):
    point = search_spaces.load(strategy).paper_point(2, "speech")
    sampling = Sampling("validation", 4, 0, "float32")  # bf16 rounds by the batch's size
    config = measurement_config(task, strategy, point, sampling)
    used = evaluator(strategy)
    whole = measurement_of(config, point, [used.tally(point, sampling)])
    pieces = [
        evaluator(strategy).tally(point, sampling, rows) for rows in (slice(0, 2), slice(2, 4))
    ]
    merged = measurement_of(config, point, pieces)
    assert merged.words == whole.words and len(whole.words) == len(whole.correct) == 4
    assert merged.errors == whole.errors
    assert whole.cost["nfe"] == merged.cost["nfe"] and (whole.cost["nfe"] > 0) == (
        strategy != "noisy"
    )
    outcome, x_cor = used.sample(point, Sampling("test", 2, 0))
    assert outcome.y.shape == (2, 32, 8) and outcome.x.shape == x_cor.shape
    assert all(isinstance(text, str) for text in used.judge.texts(used.answers(outcome)))


def test_sentences_are_shown_with_what_they_go_through_but_no_probabilities(evaluator):
    used, sampling = evaluator("nested"), Sampling("test", 2, 0)
    point = search_spaces.load("nested").paper_point(4, "speech") | {"predictor": "posterior"}
    shown = shown_samples(used, point, sampling, 1)
    outcome, x_cor = used.sample(point, sampling)
    assert list(shown.answers) == used.judge.texts(used.answers(outcome))
    assert torch.equal(shown.corrupted, x_cor) and torch.equal(shown.signals, outcome.x)
    assert shown.confidences == () and shown.frames.probabilities is None
    assert shown.frames.levels[0] == 1 and shown.frames.signals.shape[2:] == x_cor.shape[1:]
    torch.testing.assert_close(shown.frames.signals[:, -1], outcome.x[:1])  # by its last step


def test_test_pieces_are_listened_to(evaluator):
    tally = evaluator("noisy").tally({}, Sampling("test", 4, 0))
    assert set(tally.quality) == {"si_sdr", "pesq", "estoi"} and len(tally.quality["si_sdr"]) == 4


def test_a_task_survives_the_way_to_a_worker(task):
    assert from_mapping(Task, as_mapping(task)) == task
