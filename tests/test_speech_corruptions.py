"""Rooms and SNRs that recordings may be corrupted by: other data of the same recordings, under which points
are measured that were trained on the usual ones.
"""

import inspect
from dataclasses import replace
from platform.robustness.points import points_of
from platform.robustness.work import work_of
from platform.transfer import _parse

import pytest
import torch
from speech_files import write_fsdd
from speech_task import speech_task, train, write_whisper

from trainables.core import plugins
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.data import datasets
from trainables.data.degradation import Degradation
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measured_data import MeasuredData
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.training.classifier_cache import cached_outputs

SPOKEN = [name for name in datasets.names() if datasets.must_be_built(name)]
SAMPLING = Sampling("test", 100, 0, "float32")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("spoken")
    write_fsdd(root / "fsdd", digits=3, indices=(0, 10, 11))
    return root


@pytest.fixture(scope="module")
def task(root):
    return speech_task(write_whisper(root / "tiny.pt"))


@pytest.fixture(scope="module")
def storage(root):
    return Storage(str(root / "runs"), str(root / "fsdd"))


@pytest.mark.parametrize("name", SPOKEN)
def test_the_usual_corruption_is_the_first_of_several(name):
    module = plugins.load(datasets.__name__, "dataset", name)
    usual, *others = module.CORRUPTIONS.values()
    assert (
        usual == module.Options() == inspect.signature(module.corpus).parameters["options"].default
    )
    assert others and all(options != usual for options in others)


def test_each_corruption_is_other_data_of_the_same_recordings(root):
    names = datasets.facts("fsdd-babble", root / "fsdd").corruptions
    assert names == ("babble", "babble-loud", "babble-quiet")
    facts = [datasets.facts("fsdd-babble", root / "fsdd", name) for name in names]
    assert len({one.content for one in facts}) == 3
    assert {replace(one, content="") for one in facts} == {replace(facts[0], content="")}
    assert datasets.facts("fsdd-babble", root / "fsdd") == facts[0]
    with pytest.raises(UsageError, match="did you mean 'babble-loud'"):
        datasets.facts("fsdd-babble", root / "fsdd", "babble-lout")


def test_snrs_are_those_that_are_named(storage, task):
    """As they are measured on the word itself, which the babble was added to."""
    ranges = {"babble": (5, 15), "babble-loud": (-5, 5), "babble-quiet": (15, 25)}
    numbers = []
    for name, (low, high) in ranges.items():
        dataset = storage.dataset(replace(task, corruption=name))
        assert dataset.variant == ("" if name == "babble" else name)
        speech = dataset.test.speech
        numbers.append(speech.numbers.tolist())
        word = slice(round(0.2 * dataset.test.rate), round(0.5 * dataset.test.rate))
        clean, noisy = speech.clean()[:, word], speech.corrupted()[:, word]
        snr = 10 * (clean.square().sum(1) / (noisy - clean).square().sum(1)).log10()
        torch.testing.assert_close(snr, speech.strengths.float(), atol=0.05, rtol=0)
        assert low <= float(speech.strengths.min()) and float(speech.strengths.max()) <= high
    assert numbers[0] == numbers[1] == numbers[2]


def _evaluator(task, storage):
    return Evaluator(task, "noisy", storage, 4, torch.device("cpu"))


@pytest.fixture(scope="module")
def stored(task, storage):
    """The storage with the classifier of two conditions."""
    for name in ("babble", "babble-loud"):
        condition = replace(task, corruption=name)
        weights = train("classifier", condition, storage.dataset(condition), {})
        storage.parts.save("classifier", condition, weights, {"seconds": 0.0})
    return storage


def _evaluator(task, storage):
    return Evaluator(task, "noisy", storage, 4, CPU)


def test_points_are_measured_under_what_they_were_not_trained_on(task, stored):
    """As the classifier answers on the recordings that were corrupted so."""
    evaluator = _evaluator(task, stored)
    loud = replace(SAMPLING, tested=Degradation("babble-loud"))
    usual, tested = evaluator.measure({}, SAMPLING), evaluator.measure({}, loud)
    assert usual.config != tested.config
    signals = []
    for name, measured in (("babble", usual), ("babble-loud", tested)):
        samples = stored.dataset(replace(task, corruption=name)).test
        noise = SampleNoise(0, samples.numbers.tolist())
        signals.append(samples.corrupted(samples.clean(), slice(None), "", noise))
        answers = evaluator._classifier.classes_of(evaluator.classified(signals[-1]))
        assert measured.correct == "".join("01"[int(one)] for one in answers == samples.labels)
    assert not torch.equal(*signals)


def test_other_recordings_are_refused(task, stored):
    data = stored.dataset(task)
    left_out = {"left_out": ("one",), "left_out_file": "done.json"}
    fewer = replace(data, test=data.test.part(slice(1, None)), **left_out)
    quiet = replace(SAMPLING, tested=Degradation("babble-quiet"))
    with pytest.raises(UsageError, match=r"other usable recordings with babble-quiet.*done\.json"):
        MeasuredData(task, stored, fewer).samples(quiet)


def test_what_the_classifier_hears_is_kept_apart(task, stored):
    """Numbers and recordings are the same, the corrupted signals are not."""
    heard, classifier = [], _evaluator(task, stored)._classifier
    for name in ("babble", "babble-loud"):
        data = stored.dataset(replace(task, corruption=name))
        heard.append(cached_outputs(data.test, data, task.recipe, classifier, CPU).corrupted)
    assert not torch.equal(*heard)


def _work(root, *words):
    places = ["--data-dir", str(root / "fsdd"), "--storage", str(root / "runs")]
    whisper = ["--whisper", str(root / "tiny.pt"), "--preset", "smoke"]
    return work_of(_parse(["fsdd-babble", *words, *places, *whisper]))


def test_transfer_goes_over_all_snrs_of_the_dataset(root, task):
    work = _work(root)
    assert [one.written for one in work.tested] == ["babble", "babble-loud", "babble-quiet"]
    chosen = [point.strategy for point in points_of(work.setups[0], (), every=False)]
    swept_or_not = ["parallel", "alternating", "nested", "guided", "didicm-cp"]
    assert chosen == [*swept_or_not, "noisy", "enhanced", "card"]
    loud = _work(root, "--trained", "babble-loud", "--tested", "babble").setups[0]
    assert loud.task.corruption == "babble-loud" != work.setups[0].task.corruption
    assert loud.task.content != work.setups[0].task.content


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tested", "babble-lout"], "did you mean 'babble-loud'"),
        (["--tested", "babble-loud@0.5"], "speech has none"),
        (["--tested", "blur"], "unknown corruption 'blur'"),
    ],
)
def test_what_cannot_be_is_refused(root, task, words, message):
    with pytest.raises(UsageError, match=message):
        _work(root, *words)
