"""Mistakes about speech: each is refused by one clear line before anything starts."""

import io
import shutil
from pathlib import Path
from platform import sweep
from platform.cli.console import Console
from platform.cli.flags import sweep_parser
from platform.cli.plans import plan_of
from platform.pipeline.prepare import read
from platform.planning import presets
from platform.planning.checkpoints import whisper_of
from platform.planning.setup import setup_of

import numpy as np
import pytest
from speech_files import tone, write, write_fsdd
from speech_task import write_whisper

from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.task import networks
from trainables.task.recipe import Task


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    write_whisper(root / "tiny.pt")
    return write_fsdd(root)


def _setup(root, tmp_path, *more, dataset="fsdd-babble"):
    arguments = [
        "nested",
        dataset,
        "--data-dir",
        str(root),
        "--storage",
        str(tmp_path),
        *more,
    ]
    return setup_of(plan_of(sweep_parser().parse_args(arguments)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--corruption", "gn30"], "unknown corruption 'gn30': known: babble"),
        (["--corruption", "bable"], "unknown corruption 'bable': did you mean 'babble'?"),
        (["--whisper", "bse"], "unknown --whisper 'bse': did you mean 'base'?"),
        (["--whisper", "/no/such.pt"], "--whisper /no/such.pt is no file: name a checkpoint"),
        (["--preset", "quik"], "unknown preset 'quik': did you mean 'quick'?"),
        (["--workers", "3"], "--workers is 3, but must divide the batch of 16"),
    ],
)
def test_mistakes(more, message, root, tmp_path, capfd):
    words = ["nested", "fsdd-babble", "--data-dir", str(root), "--storage", str(tmp_path), *more]
    assert sweep.main(words) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error


def test_a_directory_without_recordings(tmp_path, capfd):
    words = ["nested", "fsdd-reverb", "--data-dir", str(tmp_path), "--storage", str(tmp_path / "r")]
    assert sweep.main(words) == 2
    assert "there are no recordings in" in capfd.readouterr().err


def _broken(root, tmp_path):
    """The recordings with every kind of broken one among them."""
    folder = shutil.copytree(root / "recordings", tmp_path / "data" / "recordings")
    whole = (folder / "0_jackson_10.wav").read_bytes()
    (folder / "0_jackson_10.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "0_jackson_11.wav").write_bytes(b"")
    (folder / "0_george_0.wav").write_bytes(b"no sound at all" * 20)
    write(folder / "1_george_1.wav", np.zeros(0), 8000)
    write(folder / "0_lucas_10.wav", np.zeros(2400), 8000)
    write(folder / "0_lucas_11.wav", tone("fast", rate=44_100), 44_100)
    return folder.parent


@pytest.mark.parametrize("dataset", ["fsdd-babble", "fsdd-reverb"])
def test_what_cannot_be_used_is_told_and_the_rest_is_built(dataset, root, tmp_path):
    setup = _setup(_broken(root, tmp_path), tmp_path / "runs", "--preset", "smoke", dataset=dataset)
    for _ in range(2):  # built, then found
        said = io.StringIO()
        data = read(setup, Console(said))
        assert [len(split) for split in (data.train, data.validation, data.test)] == [4, 8, 14]
        (line,) = (line for line in said.getvalue().split("\n") if " files left out: " in line)
        assert line.strip().startswith("6 files left out: ")
        assert "0_george_0.wav cannot be read" in line and line.endswith(f"{data.left_out_file}")
    reasons = {Path(line.split()[0]).name: line for line in data.left_out}
    for name, reason in (
        ("0_jackson_10.wav", "is cut off"),
        ("0_jackson_11.wav", "cannot be read as audio"),
        ("0_george_0.wav", "cannot be read as audio"),
        ("1_george_1.wav", "is empty"),
        ("0_lucas_10.wav", "is silent"),
        ("0_lucas_11.wav", "is at 44100 Hz, but must be at 8000 Hz"),
    ):
        assert reason in reasons[name] and "\n" not in reasons[name]


def test_a_split_without_a_usable_recording_is_told_in_one_line(root, tmp_path):
    data = shutil.copytree(root / "recordings", tmp_path / "data" / "recordings").parent
    for path in (data / "recordings").glob("*_george_*"):
        path.write_bytes(b"")
    for path in (data / "recordings").glob("*_yweweler_*"):
        path.write_bytes(b"")
    words = ["nested", "fsdd-reverb", "--data-dir", str(data), "--storage", str(tmp_path / "runs")]
    whisper = ["--whisper", str(root / "tiny.pt")]
    setup = setup_of(plan_of(sweep_parser().parse_args([*words, *whisper])))
    with pytest.raises(UsageError) as refused:
        read(setup, Console(io.StringIO()))
    error = str(refused.value)
    assert error.startswith("fsdd-reverb has no usable recording for test; the first left out")
    assert "0_george_0.wav cannot be read as audio" in error and "\n" not in error


@pytest.mark.parametrize("preset", presets.NAMES)
def test_presets_are_of_speech_and_survive_the_way_to_a_worker(preset, root, tmp_path):
    setup = _setup(root, tmp_path, "--preset", preset)
    recipe, facts = setup.task.recipe, setup.facts
    assert setup.plan.corruption == "babble" and recipe.classifier.size == "base"
    _, frequencies, frames = recipe.spectrogram.shape(facts.samples)
    assert frequencies % recipe.signal.multiple == 0 and frames % recipe.signal.multiple == 0
    assert from_mapping(Task, as_mapping(setup.task)) == setup.task
    if preset == "paper":  # SGMSE's published setting
        assert facts.signal_shape == recipe.spectrogram.shape(facts.samples) == (2, 256, 192)


def test_a_checkpoint_is_identified_by_what_is_in_it(root, tmp_path):
    first = tmp_path / "first.pt"
    first.write_bytes((root / "tiny.pt").read_bytes())
    setups = [_setup(root, tmp_path, "--whisper", str(path)) for path in (first, root / "tiny.pt")]
    assert setups[0].sweep_id == setups[1].sweep_id
    assert setups[0].task != setups[1].task  # each worker is told its own place
    other = _setup(root, tmp_path, "--whisper", "small")
    assert other.sweep_id != setups[0].sweep_id
    first.write_bytes(b"x" + first.read_bytes())
    changed = _setup(root, tmp_path, "--whisper", str(first))
    assert changed.sweep_id != setups[1].sweep_id
    with pytest.raises(UsageError, match=r"first\.pt cannot be read as a Whisper checkpoint"):
        networks.fetch_pretrained(changed.task.recipe, ())


def test_whisper_of_makes_paths_absolute(root, monkeypatch):
    monkeypatch.chdir(root)
    assert whisper_of("tiny.pt") == str(root / "tiny.pt")
    assert whisper_of("base") == "base"
