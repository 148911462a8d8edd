"""Sentences as a user runs them: real digits in EARS's layout, real Ray and MLflow, smoke size; and what
the real Whisper makes of them.
"""

import json
from platform import compare
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import jiwer
import pytest
import soundfile
import torch
from conftest import asset, run_verb
from speech_files import SPOKEN, write_responses, write_spoken_ears
from speech_task import write_whisper

from trainables.evaluation.judge import Judge
from trainables.task import networks

pytestmark = [pytest.mark.assets, pytest.mark.long(4)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_responses(write_spoken_ears(tmp_path_factory.mktemp("spoken")))


@pytest.fixture(scope="module")
def swept(root):
    """A finished sweep with a small random Whisper: what it printed, its summary."""
    whisper, runs = write_whisper(root / "whisper.pt"), root / "runs"
    words = ["nested", "ears-reverb", "--preset", "smoke", "--trials", "2", "--data-dir", root,
             "--whisper", whisper, "--storage", runs]  # fmt: skip
    return run_verb("sweep", *words, file=root / "out.json")


@pytest.mark.slow
def test_a_sweep_tells_and_keeps_word_error_rates(root, swept):
    out, summary = swept
    assert "nested on ears-reverb, reverb: WER % [95 % interval]" in out and "accuracy" not in out
    for chatter in ("raylet", "INFO", "WARNING", "Traceback"):
        assert chatter not in out
    points = [*summary["front"], *summary["baselines"]]
    assert {p["strategy"] for p in points} == {"nested", "noisy", "enhanced", "card"}
    for point in points:
        for split in ("validation", "test"):
            values = point[split]
            assert values["wer"] == pytest.approx(1 - values["accuracy"])
            assert 0 <= values["wer_low"] <= values["wer"] <= values["wer_high"]
        assert point["test"]["si_sdr_utterances"] == 8
    records = [json.loads(path.read_text()) for path in (root / "runs/records").glob("*/*.json")]
    assert records
    for record in records:
        assert len(record["errors"]) == len(record["words"]) == len(record["correct"]) <= 8
        assert sum(record["words"]) > 0
    sounds = [file for name, file in summary["files"].items() if name.endswith(".wav")]
    assert len(sounds) == 16
    wave, rate = soundfile.read(sounds[0])
    assert rate == 16_000 and wave.shape == (80_000,)


@pytest.mark.slow
def test_compare_shows_the_errors_that_were_recorded(root, swept, capfd):
    words = ["ears-reverb", "--preset", "smoke", "--data-dir", root, "--storage", root / "runs"]
    assert compare.main([str(word) for word in words]) == 0
    out = capfd.readouterr().out
    for point in [*swept[1]["front"], *swept[1]["baselines"]]:
        assert point["label"] in out and f"{100 * point['test']['wer']:.1f} [" in out


def test_whispers_references_are_what_is_said(root):
    """By the real Whisper: each is near to a stretch of what the whole recording says."""
    weights = asset("COUPLED_ASSETS", "whisper-base.pt")
    places = str(root / "runs"), "sqlite:///x.db", str(root)
    plan = Plan("nested", "ears-reverb", "reverb", "quick", 3, 0, 0, 0.0, *places,
                whisper=str(weights))  # fmt: skip
    setup = setup_of(plan)
    dataset, recipe = setup.storage.dataset(setup.task), setup.task.recipe
    recogniser = networks.recogniser(dataset, recipe)
    spelled = {
        recogniser.tokenizer.decode([token]).strip() for token in recogniser.vocabulary.tokens
    }
    assert spelled == {word.strip(".") for text in SPOKEN.values() for word in text.split()} | {"."}
    split = dataset.validation
    said = Judge(setup.task, dataset, recogniser, torch.device("cpu")).truths(split)
    wrong, count = 0, 0
    for text, whole in zip(said, split.speech.texts.tolist(), strict=True):
        heard, script = _words(text), _words(whole)
        stretches = [script[a:b] for a in range(len(script)) for b in range(a + 1, len(script) + 1)]
        wrong += min(_errors(stretch, heard) for stretch in stretches)
        count += len(heard)
    assert count >= 3 * len(split) and wrong <= 0.1 * count, said


def _words(text):
    return text.lower().replace(".", "").split()


def _errors(truth, heard):
    found = jiwer.process_words(" ".join(truth), " ".join(heard))
    return found.substitutions + found.deletions + found.insertions
