"""A user's mistake gets one clear line and exit status 2, before Ray starts."""

import os
import socket
import subprocess
import sys
from platform import evaluate, reproduce, sweep
from platform.__main__ import main as verbs_listed
from platform.cli.flags import sweep_parser
from platform.cli.plans import plans_of
from platform.planning.locations import tracking_uri

import pytest
from conftest import clean_environment

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.data import datasets

MISTAKES = [
    (["nestd", "digits"], "unknown strategy 'nestd': did you mean 'nested'?"),
    (["nested", "digit"], "unknown dataset 'digit': did you mean 'digits'?"),
    (["nested", "digits", "--corruption", "gn35"], "unknown corruption 'gn35': did you mean 'gn"),
    (["nested", "digits", "--preset", "quik"], "unknown preset 'quik': did you mean 'quick'?"),
    (["nested", "digits", "--trails", "3"], "unknown flag '--trails': did you mean --trials?"),
    (["nested", "digits", "--gpus", "1"], "unknown flag '--gpus': did you mean --gpus-per-trial?"),
    (
        ["nested", "digits", "--tr", "1"],
        "did you mean --train-fraction or --tracking-uri or --tracking-patience or --trials?",
    ),
    (["nested", "digits", "--seed", "1", "--seed", "2"], "--seed is given twice: give it once"),
    (["nested", "digits", "--seed=1", "--preset", "smoke", "--seed", "1"], "--seed is given twice"),
    (["digits", "nested"], "digits is a dataset and nested a strategy: swap them, nested digits"),
    (["digits", "all"], "digits is a dataset and all a strategy: swap them, all digits"),
    (["nested,crad", "digits"], "unknown strategy 'crad': did you mean 'card'?"),
    (["nested,card,nested", "digits"], "strategy nested is given twice in 'nested,card,nested'"),
    (["nested", "digits", "--precision", "fp16"], "unknown precision 'fp16': did you mean 'bf16'?"),
    (["nested", "digits", "--trials", "0"], "--trials is 0, but must be from 1"),
    (["nested", "digits", "--trials", "-5"], "--trials is -5, but must be from 1"),
    (["nested", "digits", "--trials", "many"], "invalid int value: 'many'"),
    (["nested", "digits", "--seed", "-1"], "--seed is -1, but must be from 0"),
    (["nested", "digits", "--seed", "0,1"], "--seed: takes one seed here, not '0,1': evaluate and"),
    (["nested", "digits", "--workers", "-1"], "--workers is -1, but must be from 0"),
    (["nested", "digits", "--workers", "3"], "--workers is 3, but must divide the batch of 128"),
    (["nested", "digits", "--gpus-per-trial", "-1"], "--gpus-per-trial is -1"),
    (["nested", "digits", "--gpus-per-trial", "nan"], "--gpus-per-trial is nan"),
    (["nested", "digits", "extra"], "unexpected argument 'extra'"),
    (["nested"], "the following arguments are required: dataset"),
    ([], "the following arguments are required: strategy, dataset"),
    (["nested", "digits", "--tracking-uri", "file:///x"], "MLflow no longer records to plain"),
    (["nested", "digits", "--tracking-uri", "ftp://x"], "but must be a server (http://…) or a"),
    (["nested", "digits", "--json", "/no/such/place/x.json"], "cannot be written"),
]


@pytest.fixture
def no_ray(monkeypatch):
    import ray

    def refuse(*args, **options):
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray, "init", refuse)


def _refused(main, arguments, capfd):
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in out + err
    return err


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes(arguments, message, tmp_path, capfd, no_ray):
    storage = [] if len(arguments) < 2 else ["--storage", str(tmp_path)]
    assert message in _refused(sweep.main, [*arguments, *storage], capfd)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_storage_that_may_not_be_written(tmp_path, capfd, no_ray):
    (tmp_path / "closed").mkdir(mode=0o500)
    storage = str(tmp_path / "closed" / "runs")
    assert "cannot be written" in _refused(
        sweep.main, ["nested", "digits", "--storage", storage], capfd
    )


@pytest.mark.parametrize("storage", ["file", "file/below", "/proc/runs"])
def test_storage_that_cannot_be_written(storage, tmp_path, capfd, no_ray, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    error = _refused(sweep.main, ["nested", "digits", "--storage", storage], capfd)
    assert "--storage" in error and "cannot be written" in error


def test_a_tracking_server_that_does_not_answer(tmp_path, capfd, no_ray):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
    arguments = ["nested", "digits", "--storage", str(tmp_path), "--tracking-uri", uri]
    assert f"the tracking store {uri} cannot be reached" in _refused(sweep.main, arguments, capfd)


def test_a_tracking_database_that_is_none(tmp_path, capfd, no_ray):
    (tmp_path / "store.db").write_text("this is no database")
    uri = f"sqlite:///{tmp_path}/store.db"
    arguments = ["nested", "digits", "--storage", str(tmp_path), "--tracking-uri", uri]
    assert "cannot be reached" in _refused(sweep.main, arguments, capfd)


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("{", "--point is not JSON"),
        ("[1]", "--point must be a JSON object"),
        ('{"steps": 3}', "unknown parameter of nested 'steps': did you mean"),
        (
            '{"outer_step": 35}',
            "unknown parameter of nested 'outer_step': did you mean 'outer_steps'?",
        ),
        ('{"outer_steps": 3}', "needs a value for 'inner_steps'"),
    ],
)
def test_wrong_points(point, message, tmp_path, capfd, no_ray):
    arguments = ["nested", "digits", "--storage", str(tmp_path), "--point", point]
    assert message in _refused(evaluate.main, arguments, capfd)


def test_evaluating_before_training_says_what_is_missing_and_what_to_type(tmp_path, capfd, no_ray):
    where = ["--preset", "smoke", "--storage", str(tmp_path)]
    error = _refused(evaluate.main, ["nested", "digits", *where], capfd)
    assert "parts that have not been trained: classifier, signal, logit, nested" in error
    words = error.split("train them by: ")[1].strip().split("-m platform.train ")[1]
    assert words == f"nested,enhanced,card,retrained digits {' '.join(where)}"


def test_every_training_that_seeds_miss_is_told(tmp_path, capfd, no_ray):
    where = ["--preset", "smoke", "--storage", str(tmp_path), "--seed", "0,7"]
    error = _refused(evaluate.main, ["nested", "digits", *where], capfd)
    assert (
        "not been trained: at seed 0 classifier, signal" in error and "; at seed 7 class" in error
    )
    command = "-m platform.train nested,enhanced,card,retrained digits --preset smoke"
    assert f"{command} --storage {tmp_path} && " in error
    assert error.endswith(f"{command} --seed 7 --storage {tmp_path}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "train"], "unknown value of --split 'train': known: test, validation"),
        (["--split", "tset"], "unknown value of --split 'tset': did you mean 'test'?"),
        (["--seeds", "0"], "--seeds is 0, but must be from 1 to 1000"),
        (["--seed", "0,1,0"], "seed 0 is given twice in '0,1,0'"),
        (
            ["--seed", "0,,1"],
            "a seed is empty in '0,,1': separate several by commas, such as 0,1,2",
        ),
        (["--seed", ""], "a seed is empty in ''"),
        (["--seed", "0,one"], "invalid int value: 'one'"),
        (["--seed", "0,-1"], "--seed is -1, but must be from 0"),
        (["--seed", ",".join(map(str, range(21)))], "21 seeds are given, but at most 20 can be"),
        (["--seed", "0,1", "--seed", "2"], "--seed is given twice"),
        (["--run", "a", "--run", "b"], "--run is given twice"),
        (["--run", "a", "--point", "{}"], "not allowed with argument"),
    ],
)
def test_wrong_ways_to_evaluate(words, message, tmp_path, capfd, no_ray):
    arguments = ["nested", "digits", "--storage", str(tmp_path), *words]
    assert message in _refused(evaluate.main, arguments, capfd)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table9"], "unknown table 'table9': did you mean 'table"),
        (["table1", "--datasets", "digits", "mnits"], "unknown dataset 'mnits': did you mean 'mnist'?"),
        (["table1", "--datasets", "digits", "--steps", "0"], "--steps is 0, but must be from 1"),
        (["table1", "--datasets", "digits", "--preset", "smoke", "--steps", "11"],
         "--steps is 11, but must be from 1 to 10"),
        (["table1", "--datasets", "fsdd-babble", "--datasets", "digits"], "--datasets is given twice"),
        (["table1", "--datasets", "digits", "--seed", "1,1"], "seed 1 is given twice in '1,1'"),
        (["figure3", "--seed", "0,1"], "figure3 is of one training: give --seed one seed"),
        (["differences", "digits", "--seed", "0,1"], "differences is of one training"),
        (["table2", "--datasets", "digits"], "table2 is of speech, but digits is of images"),
    ],
)  # fmt: skip
def test_wrong_reproductions(words, message, tmp_path, capfd, no_ray):
    assert message in _refused(reproduce.main, [*words, "--storage", str(tmp_path)], capfd)


def test_several_strategies_are_planned_alike_and_measured_one_at_a_time(tmp_path, capfd, no_ray):
    def planned(word):
        plans = plans_of(sweep_parser().parse_args([word, "digits"]), searched=True)
        return [plan.strategy for plan in plans]

    assert planned("nested,card") == ["nested", "card"] and planned("card") == ["card"]
    unsearched = {"noisy", "retrained"}
    assert planned("all") == [n for n in strategies.names("image") if n not in unsearched]
    for word in ("nested,card", "all"):
        error = _refused(evaluate.main, [word, "digits", "--storage", str(tmp_path)], capfd)
        assert f"one strategy is measured at a time, but {word} stands for several" in error


def test_flags_that_may_be_given_twice_are_those_without_a_value(tmp_path):
    asked = sweep_parser().parse_args(["nested", "digits", "--fresh", "--fresh"])
    assert asked.fresh
    before = dict(vars(asked))
    plans_of(asked, searched=True)
    assert vars(asked) == before  # plans are made of what was asked, which stays as it is


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep", "nested", "digits"], "type python -m platform.sweep"),
        (["platform.train"], "type python -m platform.train"),
        (["evalute"], "unknown verb 'evalute': did you mean 'evaluate'?"),
    ],
)
def test_the_package_is_no_verb(words, message, capfd):
    assert message in _refused(verbs_listed, words, capfd)


def test_the_verbs_are_listed_with_a_line_each(root):
    done = subprocess.run(
        [sys.executable, "-m", "platform"],
        cwd=root, capture_output=True, text=True, env=clean_environment(), check=True,
    )  # fmt: skip
    _, *lines = done.stdout.splitlines()
    listed = [line.split()[0] for line in lines]
    assert set(listed) == {p.stem for p in (root / "platform").glob("*.py") if p.stem[0] != "_"}
    assert all(len(line) <= 80 and len(line.split()) > 3 for line in lines)


def test_one_mistake_as_a_user_makes_it(root, tmp_path):
    command = [
        sys.executable,
        "-m",
        "platform.sweep",
        "nested",
        "digitz",
        "--storage",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, env=clean_environment(), check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "error: unknown dataset 'digitz': did you mean 'digits'? known: "
        f"{', '.join(datasets.names())}\n"
    )


def test_dry_run_predicts_and_starts_nothing(tmp_path, capfd, no_ray):
    arguments = ["nested", "digits", "--preset", "smoke", "--storage", str(tmp_path), "--dry-run"]
    assert sweep.main(arguments) == 0
    out = capfd.readouterr().out
    assert out.startswith("devices:  ") and "NFE a sample" in out and "time, about" in out
    assert "trials: 4 in all, 0 of them in the study" in out
    assert "to train: classifier, signal, logit, nested, enhanced, card" in out
    assert not list(tmp_path.iterdir())


def test_help_explains_every_argument():
    text = sweep_parser().format_help()
    flags = (
        "corruption",
        "dry-run",
        "fresh",
        "gpus-per-trial",
        "json",
        "preset",
        "seed",
        "storage",
    )
    for flag in (*flags, "tracking-uri", "trials", "workers"):
        assert f"--{flag}" in text
    assert "example: python -m platform.sweep nested digits" in text


def test_tracking_uri_is_absolute_and_asked_for_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}
    assert tracking_uri(None, tmp_path, {}) == f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking_uri(None, tmp_path, server) == "http://127.0.0.1:5000"
    assert tracking_uri("sqlite:///x.db", tmp_path, server) == f"sqlite:///{tmp_path}/x.db"
    with pytest.raises(UsageError):
        tracking_uri("mlruns", tmp_path, {})
