"""Speech as a user runs it: a tiny corpus, a small random Whisper, real Ray and MLflow, smoke size;
and real digits with the real Whisper.
"""

import csv
import io
import json
from pathlib import Path
from platform import compare
from platform.cli.flags import sweep_parser
from platform.cli.plans import plan_of
from platform.planning.setup import setup_of

import pytest
import soundfile
from conftest import asset, run_verb
from speech_files import copy_fsdd, write_fsdd
from speech_task import write_whisper

from dashboards.comparison.gallery_file import gallery_of
from trainables.core.noise import SampleNoise
from trainables.task import networks

pytestmark = [pytest.mark.slow, pytest.mark.long(9)]
DATASET = "fsdd-babble"
CHANCE = 0.9  # errors of who guesses one of ten words


def _run(module, *words, root):
    """A verb on the corpus and the Whisper under `root`."""
    places = ["--data-dir", root / "fsdd", "--whisper", root / "whisper.pt", "--preset", "smoke",
              "--storage", root / "runs"]  # fmt: skip
    return run_verb(module, *words, *places, file=root / "out.json")


def _noisy_of(summary):
    """The point `noisy`; all points tell errors and measures that fit together, of 8 utterances."""
    points = [*summary["front"], *summary["baselines"]]
    assert {p["strategy"] for p in points} == {"nested", "noisy", "enhanced", "card"}
    for point in points:
        for split in ("validation", "test"):
            values = point[split]
            assert values["wer"] == pytest.approx(1 - values["accuracy"])
            assert 0 <= values["wer_low"] <= values["wer"] <= values["wer_high"] <= 1
        assert point["test"]["si_sdr_utterances"] == 8 >= point["test"]["pesq_utterances"] > 0
        assert "si_sdr" not in point["validation"] and 1 <= point["test"]["pesq"] <= 4.7
    return next(p for p in points if p["strategy"] == "noisy")


def _runs(root, stage):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/runs/mlflow.db")
    experiment = client.get_experiment_by_name(DATASET).experiment_id
    return client, client.search_runs([experiment], f"tags.stage = '{stage}'")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished sweep: its directory, what it printed, its summary."""
    root = tmp_path_factory.mktemp("speech")
    write_fsdd(root / "fsdd", digits=3, indices=(0, 10, 11))
    write_whisper(root / "whisper.pt")
    return root, *_run("sweep", "nested", DATASET, "--trials", "2", root=root)


def test_the_terminal_and_the_summary_tell_word_error_rates(swept):
    root, out, summary = swept
    assert "nested on fsdd-babble, babble: WER % [95 % interval]" in out and "accuracy" not in out
    assert "\nfound:    " in out and ": nested " in out and ", WER " in out and "SI-SDR, dB" in out
    assert "on validation utterances" in " ".join(out.split())  # lines are wrapped
    assert "(WER " in out and "% right" not in out
    assert f"--whisper {root}/whisper.pt" in out
    for chatter in ("raylet", "INFO", "WARNING", "Traceback"):
        assert chatter not in out
    noisy = _noisy_of(summary)
    assert noisy["test"]["pesq_utterances"] == 8  # in some real digits PESQ hears nothing
    assert -5 < noisy["test"]["si_sdr"] < 15  # mixed at 5 to 15 dB over the word itself


def test_samples_are_kept_as_pictures_and_sounds(swept):
    _, _, summary = swept
    for name in ("front.png", "samples.png"):
        assert Path(summary["files"][name]).read_bytes().startswith(b"\x89PNG")
    table = list(csv.DictReader(io.StringIO(Path(summary["files"]["front.csv"]).read_text())))
    assert all(row["test_wer"] and row["validation_wer"] and row["test_si_sdr"] for row in table)
    sounds = {Path(name).stem for name in summary["files"] if name.endswith(".wav")}
    assert sum(name.endswith("-clean") for name in sounds) == 4 and len(sounds) == 16
    for name, file in summary["files"].items():
        if name.endswith(".wav"):
            wave, rate = soundfile.read(file)
            assert rate == 16_000 and wave.shape == (22_400,) and 0 < abs(wave).max() <= 1
    gallery = gallery_of({"nested": Path(summary["files"]["gallery.npz"]).read_bytes()})
    assert set(gallery.strategies.values()) == {"noisy", "enhanced", "card", "nested"}
    named = gallery.restored[summary["cheapest"]]
    assert len(named.sounds) == len(named.pictures) == len(named.confidences) == 6
    assert len(named.trajectories) == 3 and len(named.trajectories[0][0].classes) == 5


def test_the_tracking_store_has_metrics_and_artifacts(swept):
    root, _, summary = swept
    client, (parent,) = _runs(root, "sweep")
    assert parent.info.status == "FINISHED" and 0 <= parent.data.metrics["test_wer"] <= 1
    trials, confirmed = _runs(root, "trial")[1], _runs(root, "confirm")[1]
    assert len(trials) == 2 and len(confirmed) == len(summary["front"] + summary["baselines"])
    for run in trials:
        assert {"validation_accuracy", "validation_wer", "validation_wer_low", "nfe"} <= set(
            run.data.metrics
        )
    for run in confirmed:
        assert {"test_wer", "test_si_sdr", "test_pesq", "test_si_sdr_utterances"} <= set(
            run.data.metrics
        )
    artifacts = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "samples.png", "front.csv", "sounds"} <= artifacts
    sounds = client.list_artifacts(parent.info.run_id, "sounds")
    assert len(sounds) == 16 and all(item.path.endswith(".wav") for item in sounds)


def test_compare_shows_the_errors_that_were_recorded(swept, capfd):
    root, _, summary = swept
    words = [DATASET, "--preset", "smoke", "--data-dir", root / "fsdd", "--storage", root / "runs"]
    assert compare.main([str(word) for word in words]) == 0
    out = capfd.readouterr().out
    assert "WER % [95 % interval]" in out and "accuracy" not in out
    for point in [*summary["front"], *summary["baselines"]]:
        assert point["label"] in out and f"{100 * point['test']['wer']:.1f} [" in out
    (table,) = (root / "runs" / "compared").rglob("points.csv")
    assert "test_wer" in table.read_text() and table.with_name("front-1col.png").exists()


def _same(found, recorded):
    """A measurement again, from the records: time as it was measured then."""
    return found == pytest.approx(recorded)


def test_a_point_replays_from_its_run(swept):
    """What the sweep confirmed is read from the records and shown as errors, with the baselines."""
    root, _, summary = swept
    (paper,) = (p for p in summary["front"] if p["role"] == "paper")
    out, replayed = _run("evaluate", "nested", DATASET, "--run", paper["run_id"], root=root)
    assert f"{DATASET}, babble, test split: WER % [95 % interval]" in out
    assert "accuracy" not in out.replace("top-5 accuracy", "")
    own, *baselines = replayed["points"]
    assert own["point"] == paper["point"] and _same(own["test"], paper["test"])
    recorded = {p["label"]: p["test"] for p in summary["baselines"]}
    assert {p["label"] for p in baselines} == set(recorded)
    assert all(_same(p["test"], recorded[p["label"]]) for p in baselines)
    for point in replayed["points"]:
        values = [f"{100 * point['test'][name]:.1f}" for name in ("wer", "wer_low", "wer_high")]
        assert "{} [{}, {}]".format(*values) in out
    assert "SI-SDR, dB" in out and f"{own['test']['si_sdr']:.2f} (8)" in out


def test_a_point_of_ones_own_is_measured_and_heard(swept):
    root, _, _ = swept
    point = {
        "outer_steps": 2,
        "inner_steps": 1,
        "t_switch": 0.5,
        "refresh_interval": 0.5,
        "eta": 0.0,
    }
    words = ("--point", json.dumps(point), "--precision", "float32")
    out, replayed = _run("evaluate", "nested", DATASET, *words, root=root)
    own = replayed["points"][0]
    assert own["point"] == point and own["test"]["nfe"] == 4
    assert 0 <= own["test"]["wer_low"] <= own["test"]["wer"] <= own["test"]["wer_high"] <= 1
    assert own["test"]["si_sdr_utterances"] == 8 and "enhanced (paper)" in own["tests"]
    assert Path(replayed["files"]["samples.png"]).read_bytes().startswith(b"\x89PNG")
    assert replayed["files"]["samples.png"] in out
    sounds = {Path(name).name for name in replayed["files"] if name.endswith(".wav")}
    assert sum(name.endswith("-nested.wav") for name in sounds) == 4 and len(sounds) == 16


def test_a_second_sweep_and_table_2_use_what_is_there(swept):
    """The sweep trains and measures nothing; the table trains what it wants besides, and measures."""
    root, _, summary = swept
    runs = root / "runs"
    built, trained = runs.glob("data/**/*.npy"), runs.glob("parts/**/*.pt")
    times = {path: path.stat().st_mtime_ns for path in [*built, *trained]}
    records = set(runs.glob("records/**/*.json"))
    assert len(times) >= 12 and records
    out, again = _run("sweep", "nested", DATASET, "--trials", "2", root=root)
    assert "all parts are in the store" in out
    assert set(runs.glob("records/**/*.json")) == records
    assert [p["test"] for p in again["front"]] == [p["test"] for p in summary["front"]]

    out, results = _run("reproduce", "table2", "--datasets", DATASET, root=root)
    assert f"Table 2: {DATASET} babble, WER % [95 % interval] on test utterances" in out
    assert "to train: parallel, alternating" in out
    assert times == {path: path.stat().st_mtime_ns for path in times}
    methods = [result["method"] for result in results]
    coupled = ("parallel", "nested", "alternating")
    by_both = [f"{name}, {answer}" for name in coupled for answer in ("y", "f(x_hat)")]
    assert methods == ["noisy", "enhanced", "card", *by_both]
    for result in results:
        ours = result["ours"]
        assert ours["wer_low"] <= ours["wer"] <= ours["wer_high"]
        assert result["images"] == 8 and result["paper"] is None
    assert results[6]["ours"] == next(p for p in again["front"] if p["role"] == "paper")["test"]
    (folder,) = (runs / "reproduce").iterdir()
    for name in ("results.csv", "results.json", "table2.png"):
        assert (folder / name).stat().st_size > 0


@pytest.mark.assets
def test_real_digits_are_swept_with_the_real_whisper(tmp_path):
    """What it makes of them under babble is what it says when it is asked itself, and no guesses."""
    (tmp_path / "whisper.pt").symlink_to(asset("COUPLED_ASSETS", "whisper-base.pt"))
    copy_fsdd(tmp_path / "fsdd")
    out, summary = _run("sweep", "nested", DATASET, "--trials", "2", root=tmp_path)
    assert "nested on fsdd-babble, babble: WER % [95 % interval]" in out
    noisy = _noisy_of(summary)
    for name in ("front.png", "samples.png", "front.html", "front.csv"):
        assert Path(summary["files"][name]).stat().st_size > 0
    words = ["nested", DATASET, "--data-dir", tmp_path / "fsdd", "--whisper", tmp_path / "whisper.pt",
             "--preset", "smoke", "--storage", tmp_path / "runs"]  # fmt: skip
    setup = setup_of(plan_of(sweep_parser().parse_args([str(word) for word in words])))
    dataset = setup.storage.dataset(setup.task)
    recogniser = networks.recogniser(dataset, setup.task.recipe)
    for name in ("validation", "test"):
        split = getattr(dataset, name).first(8)
        noise = SampleNoise(0, split.numbers.tolist())
        x_cor = split.corrupted(split.clean(), slice(None), "babble", noise)
        heard = recogniser.raw_logits(x_cor).argmax(dim=1)
        wrong = float((heard != split.labels).float().mean())
        assert noisy[name]["wer"] == pytest.approx(wrong) and wrong < CHANCE


def test_points_are_measured_under_louder_voices(swept):
    """With the parts that the sweep trained, and by its best point."""
    root, _, _ = swept
    words = ("transfer", DATASET, "--tested", "babble-loud", "--strategies", "nested")
    out, summary = _run(*words, root=root)
    assert "1 − WER, % [95 % interval] on 8 test utterances" in out
    assert "parts are in the store" in out
    assert len(list((root / "runs" / "data").glob(f"{DATASET}-*/done.json"))) == 2  # of both SNRs
    assert "found:    trained on babble, " in out and " loses least of 3" in out
    strategies = [row["strategy"] for row in summary["rows"]]
    assert strategies == ["nested", "noisy", "enhanced", "card"]
    for row in summary["rows"]:
        assert row["trained"] == "babble" and list(row["tested"]) == ["babble", "babble-loud"]
    _, runs = _runs(root, "transfer")
    assert len([run for run in runs if "tested" in run.data.tags]) == 8


def test_words_are_guided_and_their_labels_diffused(swept):
    """With the parts that the sweep trained; what was missing is trained for the diagnosis."""
    root, _, _ = swept
    out, diagnosis = _run("diagnose", DATASET, "--steps", "3", root=root)
    assert f"on {diagnosis['utterances']} validation utterances, nats" in out
    assert 0 < diagnosis["utterances"] <= 8  # of what three digits have, the confirmation's limit
    assert [step["level"] for step in diagnosis["guides"]["noisy"]] == [1.0, 0.515, 0.03]

    out, summary = _run("sweep", "guided,didicm-cp", DATASET, "--trials", "2", root=root)
    tested = {name: [p["test"] for p in summary["points"] if p["strategy"] == name]
              for name in ("guided", "didicm-cp", "noisy", "retrained")}  # fmt: skip
    assert any(test["nfe_gradient"] == test["nfe_signal"] == 8 for test in tested["guided"])
    assert tested["didicm-cp"]
    assert all(test["nfe"] == test["nfe_label"] > 0 for test in tested["didicm-cp"])
    assert [test["nfe"] for test in tested["noisy"]] == [0] and not tested["retrained"]
