"""`train` and `reproduce` as a user runs them: smoke size, real everything."""

import json
import shlex
import subprocess
import sys
from platform import reproduce, train
from platform.planning import presets
from platform.planning.presets import preset
from platform.reproduction import paper_tables
from platform.reproduction.cost import cost_rows, speech_cost_rows

import pytest
from conftest import HANG, ROOT, clean_environment
from mlflow import MlflowClient

from trainables.data.dataset import Facts
from trainables.evaluation.call_count import call_count
from trainables.models.images.classifier import ConvNetConfig, ResNetConfig
from trainables.models.images.logit_attention import LogitAttentionConfig
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.sampling.cost import Cost
from trainables.strategies import schedule_of

pytestmark = pytest.mark.long(6)


def _run(module, *words):
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(), timeout=HANG,
        check=False,
    )  # fmt: skip


def test_the_cost_table_counts_what_the_paper_says(capfd):
    header, *rows = cost_rows()
    assert {row[0] for row in rows} == {"enhanced", "card", "parallel", "alternating", "nested"}
    assert all(row[header.index("equal")] == "yes" for row in rows)
    assert call_count("parallel", paper_tables.table1(150).methods[3].point(150), 150) == Cost(
        150, 150, 76
    )
    assert reproduce.main(["cost"]) == 0
    out = capfd.readouterr().out
    assert "2T = 300" in out and "1 + 10 = 11" in out


def test_the_cost_table_of_speech_says_what_differs_from_the_papers_sums():
    """Multiples of a trajectory are E.5's; the classifier's calls are its sums and the answer's."""
    header, *rows = speech_cost_rows()
    assert header == [
        "strategy", "signal + logit", "NFE", "trajectories", "E.5", "classifier", "E.5", "more",
    ]  # fmt: skip
    assert rows == [
        ["enhanced", "100 + 0", "100", "1", "", "1", "", ""],
        ["card", "0 + 100", "100", "1", "", "1", "", ""],
        ["parallel", "100 + 100", "200", "2", "2", "12", "1 + 10 = 11", "+1"],
        ["alternating", "500 + 500", "1000", "10", "10", "7", "1 + 5 = 6", "+1"],
        ["nested", "600 + 100", "700", "7", "7", "8", "1 + 5 = 6", "+2"],
    ]


def test_the_papers_tables_are_whole():
    table = paper_tables.table1(150)
    labels = [
        "noisy", "enhanced", "card", "parallel, y", "parallel, f(x_hat)", "nested, y",
        "nested, f(x_hat)", "alternating, y", "alternating, f(x_hat)",
    ]  # fmt: skip
    assert [m.label for m in table.methods] == labels
    row = [table.percentage("mnist", "gn30", column) for column in range(9)]
    assert row == [66.7, 98.3, 66.2, 99.2, None, 99.1, None, 98.7, None]
    assert table.percentage("in32-100", "blur", 7) == 62.5
    assert table.percentage("digits", "gn30", 0) is None
    speech = paper_tables.table2(50)
    assert [m.label for m in speech.methods] == labels and speech.methods[speech.reference] == (
        speech.methods[1]
    )
    row = [speech.percentage("fsdd-reverb", "reverb", column) for column in range(9)]
    assert row == [5.58, 5.11, 11.08, None, 4.98, None, 4.85, None, 5.03]
    answers = [m.point(50)["answer"] for m in speech.methods[3:]]
    assert answers == ["y", "x"] * 3
    assert paper_tables.table3(150).percentage("cifar100", "blur", 1) == 64.0
    assert paper_tables.table4(150).percentage("cifar100", "gn15", 0) == 73.5
    for make in paper_tables.TABLES.values():
        made = make(150)
        for dataset, rows in made.reported.items():
            assert dataset in paper_tables.TEST_IMAGES or made.kind == "speech"
            columns = sum(method.is_reported for method in made.methods)
            assert all(len(row) == columns for row in rows.values())
        for method in made.methods:
            assert schedule_of(method.strategy, method.point(20))


def test_figure_4_goes_from_one_step_to_all():
    places = [m.place for m in paper_tables.figure4(150).methods if m.strategy == "nested"]
    assert places[0] == 1 and places[-1] == 150 and places == sorted(places)


@pytest.mark.parametrize(
    ("facts", "classifier", "logit"),
    [
        (Facts("mnist", (1, 28, 28), 10), ConvNetConfig, LogitMLPConfig),
        (Facts("cifar10", (3, 32, 32), 10), ResNetConfig, LogitMLPConfig),
        (Facts("cifar100", (3, 32, 32), 100), ResNetConfig, LogitAttentionConfig),
    ],
)
def test_the_papers_preset_has_the_papers_networks(facts, classifier, logit):
    recipe = preset("paper", facts).recipe
    assert isinstance(recipe.classifier, classifier) and isinstance(recipe.logit, logit)
    assert recipe.T == 150 and recipe.signal.base == 64 and recipe.signal.multipliers == (2, 4)


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 27, 45), (3, 30, 30)])
def test_every_preset_fits_its_u_net_to_the_images(name, shape):
    signal = preset(name, Facts("any", shape, 3)).recipe.signal
    divisor = signal.patch * 2 ** (len(signal.multipliers) - 1)
    assert shape[1] % divisor == 0 and shape[2] % divisor == 0


@pytest.mark.slow
def test_reproduce_and_evaluate_at_several_training_seeds(tmp_path):
    """A table is trained, measured and kept with the paper's numbers beside it; what it has is not trained or
    measured again by other verbs, to which a point means the same.
    """
    storage, file = tmp_path / "runs", tmp_path / "out.json"
    setting = ("--preset", "smoke", "--seed", "0,1", "--storage", str(storage), "--json", str(file))
    words = ("table3", "--datasets", "digits", "--corruptions", "gn30")
    done = _run("platform.reproduce", *words, *setting)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "clean estimate" in done.stdout and "found:" in done.stdout
    assert "images × seeds × training seeds" in done.stdout and "64 × 2 × 2" in done.stdout
    results = {r["method"]: r for r in json.loads(file.read_text())}
    assert list(results) == ["clean estimate", "noisy sample"]
    for result in results.values():
        ours, per_seed = result["ours"], result["per_seed"]
        assert list(per_seed) == ["0", "1"]
        mean = sum(values["accuracy"] for values in per_seed.values()) / 2
        assert ours["accuracy"] == pytest.approx(mean)
        assert ours["accuracy_low"] <= ours["accuracy"] <= ours["accuracy_high"]
        assert (result["images"], result["seeds"], ours["nfe"]) == (64, 2, 20)
        assert result["paper"] is None
    (folder,) = (storage / "reproduce").iterdir()
    assert folder.name == "table3-smoke-seeds0-1"
    for name in ("results.json", "results.csv", "table3.png"):
        assert (folder / name).stat().st_size > 0

    client = MlflowClient(f"sqlite:///{storage / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits").experiment_id
    pooled = client.search_runs([experiment], "tags.seeds = '0,1' and tags.stage = 'confirm'")
    accuracies = {run.data.tags["label"]: run.data.metrics["test_accuracy"] for run in pooled}
    assert accuracies == {name: result["ours"]["accuracy"] for name, result in results.items()}
    alone = client.search_runs([experiment], "tags.seed = '1' and tags.stage = 'confirm'")
    assert {run.data.tags["label"] for run in alone} == set(results)

    # The table has no baselines, with which points are compared.
    done = _run("platform.evaluate", "parallel", "digits", *setting)
    missing = "at seed 0 enhanced, card, retrained; at seed 1 enhanced, card, retrained"
    assert done.returncode == 2 and missing in done.stderr, done.stderr
    for line in done.stderr.split("train them by: ")[1].strip().split(" && "):
        module, *words = shlex.split(line)[2:]
        assert _run(module, *words).returncode == 0
    done = _run("platform.evaluate", "parallel", "digits", *setting)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test split, training seeds 0, 1" in done.stdout
    summary = json.loads(file.read_text())
    assert summary["training_seeds"] == [0, 1]
    assert summary["points"][0]["test"] == results["clean estimate"]["ours"]
    assert summary["points"][0]["per_seed"] == results["clean estimate"]["per_seed"]
    again = _run("platform.train", "parallel", "digits", *setting[:2], "--storage", str(storage))
    assert again.returncode == 0 and "trained now: none" in again.stdout, again.stderr


def test_data_that_are_not_there_are_told_in_one_line(tmp_path, capfd):
    words = ["--preset", "smoke", "--storage", str(tmp_path)]
    assert (
        reproduce.main(["table3", "--datasets", "in32-100", "--corruptions", "gn30", *words]) == 2
    )
    out = capfd.readouterr().out
    assert "left out: in32-100 needs the file train_data_batch_1" in out
    assert train.main(["card", "in32-100", *words]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: in32-100 needs the file") and error.count("\n") == 1
    assert reproduce.main(["tabel1", *words]) == 2
    assert "did you mean 'table1'" in capfd.readouterr().err
