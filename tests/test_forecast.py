"""What is predicted and told of trainings: calls as the engine counts them, Whisper's work, word errors."""

from dataclasses import replace
from platform import reproduce, sweep
from platform.cli.flags import sweep_parser
from platform.cli.plans import plan_of
from platform.pipeline.forecast import (
    _FORWARDS_AN_UPDATE,
    _TRAINERS,
    _UPDATE,
    duration,
    training_seconds,
)
from platform.pipeline.remaining import remaining
from platform.pipeline.study import open_study
from platform.pipeline.training_watch import metrics_text
from platform.planning.lanes import Lane
from platform.planning.setup import setup_of
from platform.planning.study_names import POINT
from platform.planning.timing import Calls

import pytest
from speech_files import write_fsdd
from speech_task import write_whisper

import search_spaces
from trainables.evaluation.measurement import measurement_config
from trainables.evaluation.records import Measurement
from trainables.sampling.cost import Cost
from trainables.scoring.metric_names import BY_ACCURACY, METRIC_OF_KIND
from trainables.training import stages
from trainables.training.part_store import in_order


@pytest.fixture(scope="module")
def setups(tmp_path_factory):
    """Setups of `nested` on images and on speech."""
    root = tmp_path_factory.mktemp("plans")
    write_fsdd(root / "fsdd")
    common = ["--preset", "quick", "--storage", str(root / "runs")]
    speech = ["--data-dir", str(root / "fsdd"), "--whisper", str(write_whisper(root / "w.pt"))]
    words = {"image": ["digits"], "speech": ["fsdd-babble", *speech]}
    return {
        kind: setup_of(plan_of(sweep_parser().parse_args(["nested", *w, *common])))
        for kind, w in words.items()
    }


def _training_seconds(setup, calls, trained=()):
    """Of all parts but those that are trained, one after the other."""
    kinds = tuple(kind for kind in in_order(setup.kinds) if kind not in trained)
    return training_seconds(setup, [Lane(kinds, (2,) * len(kinds))], lambda threads: calls)


def _changed(setup, **changes):
    return setup_of(replace(setup.plan, **changes))


def test_calls_of_the_classifier_are_those_that_the_engine_counts(setups):
    """For speech it is asked for f(x_cor) too, where the logits start."""
    assert remaining(setups["image"], set()).paper == Cost(300, 50, 6)
    assert remaining(setups["speech"], set()).paper == Cost(
        600, 100, 8
    )  # with the answer, on the enhanced speech
    assert remaining(_changed(setups["speech"], strategy="enhanced"), set()).paper == Cost(
        100, 0, 1
    )


def test_whisper_hears_all_utterances_once_and_each_sampled_signal(setups):
    setup = setups["speech"]
    recipe, dataset = setup.task.recipe, setup.storage.dataset(setup.task)
    updates = sum(stages.load(kind).updates(recipe) for kind in stages.names()
                  if kind in setup.storage.parts.missing(setup.kinds, setup.task))  # fmt: skip
    heard = 2 * (len(dataset.train) + min(recipe.validated, len(dataset.validation)))
    sampled = recipe.batch * recipe.updates.coupled / recipe.inner_updates
    calls, rest = Calls(0, 0, 0, classifier=1.0), updates * _UPDATE + _TRAINERS
    seconds = _training_seconds(setup, calls)
    assert seconds == pytest.approx(heard + sampled + rest, rel=1e-2)
    rest = _training_seconds(setup, calls, ("classifier",))
    assert rest == pytest.approx(seconds - heard, rel=1e-2)


def test_the_score_network_of_labels_is_predicted_by_its_own_calls(setups):
    setup = _changed(setups["image"], strategy="didicm-cp")
    assert remaining(setup, set()).paper == Cost(0, 0, 0, 8)
    recipe = setup.task.recipe
    others = _training_seconds(setup, Calls(0, 0, 0, 0))
    labels = _training_seconds(setup, Calls(0, 0, 0, 0, label=1.0)) - others
    updates = stages.load("label-score").updates(recipe)
    assert labels == pytest.approx(updates * recipe.batch * _FORWARDS_AN_UPDATE)
    of_all = _training_seconds(setups["image"], Calls(0, 0, 0, 0, label=1.0))
    assert of_all < others + labels


def test_lanes_take_as_long_as_the_longest_each_part_by_its_own_threads(setups):
    """By hand: a call of the classifier takes two seconds with one thread, one with two."""
    setup = setups["image"]
    recipe, calls = setup.task.recipe, {1: Calls(0, 0, 0, 2.0), 2: Calls(0, 0, 0, 1.0)}

    def seconds(kind, threads):
        stage = stages.load(kind)
        heard = recipe.batch * stage.forwards(recipe)[2] * calls[threads].classifier
        return stage.updates(recipe) * (heard + _UPDATE)

    lanes = [Lane(("classifier", "retrained"), (2, 1)), Lane(("enhanced",), (1,))]
    first, second = seconds("classifier", 2) + seconds("retrained", 1), seconds("enhanced", 1)
    predicted = training_seconds(setup, lanes, calls.__getitem__)
    assert predicted == pytest.approx(_TRAINERS + max(first, second))
    assert training_seconds(setup, [], calls.__getitem__) == 0


def test_trainings_are_told_by_the_measure():
    report = {"loss": 0.5, "validation_loss": 0.25, "validation_accuracy": 0.9}
    assert metrics_text(report, BY_ACCURACY) == "loss 0.500, on validation 0.250 (accuracy 90 %)"
    assert (
        metrics_text(report, METRIC_OF_KIND["speech"])
        == "loss 0.500, on validation 0.250 (WER 10 %)"
    )


def test_what_is_measured_costs_nothing_more(setups, tmp_path):
    """Of a sweep that follows, too: both measure the same baselines."""
    setup = _changed(setups["image"], storage=str(tmp_path))
    counted: set[str] = set()
    first, again = remaining(setup, counted), remaining(setup, counted)
    assert len(first.search) == setup.plan.trials * setup.budget.search_seeds
    size = setup.budget.search_limit, setup.budget.confirm_limit
    assert {samples for _, samples in first.search + first.confirm} == set(size)
    front = [run for run in again.confirm if run[1] == setup.budget.confirm_limit]
    assert len(again.confirm) == len(front) < len(first.confirm) / 2
    strategy, point = setup.plan.strategy, search_spaces.load(setup.plan.strategy).paper_point(50)
    for sampling in setup.job("validation", 1).samplings():
        config = measurement_config(setup.task, strategy, point, sampling)
        setup.storage.records.save(Measurement(config, point, "1", {}))
    after = remaining(setup, set())
    assert len(after.search) == len(first.search) - setup.budget.search_seeds
    assert len(after.confirm) == len(first.confirm)


def test_trials_that_are_in_the_study_are_not_predicted(setups, tmp_path):
    setup = _changed(setups["image"], storage=str(tmp_path), trials=3)
    study = open_study(setup)
    space = search_spaces.load(setup.plan.strategy)
    for values in ((0.5, 10.0), (0.75, 20.0)):
        trial = study.ask()
        trial.set_user_attr(POINT, space.suggest(trial, 50))
        study.tell(trial, values)
    study.ask()  # one that a killed run left running
    assert (len(remaining(setup, set()).search), remaining(setup, set()).trials) == (2, 2)
    ended = remaining(_changed(setup, trials=2), set())
    assert not ended.search
    # The front is known: two points, one of which is the paper's, on the test split.
    likely, known = remaining(setup, set()).confirm, ended.confirm
    assert len(known) < len(likely)
    assert len(study.get_trials()) == 3, "nothing is written"
    assert remaining(_changed(setup, fresh=True), set()).trials == 0


def test_a_dry_run_needs_no_data_and_downloads_nothing(tmp_path, capfd, monkeypatch):
    """Neither images nor Whisper: here both could only come from the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    where = ["--preset", "smoke", "--storage", str(tmp_path / "runs"), "--dry-run"]
    assert sweep.main(["parallel", "cifar100", *where]) == 0
    assert "parallel on cifar100 with gn30" in capfd.readouterr().out
    write_fsdd(tmp_path / "fsdd")
    assert sweep.main(["nested", "fsdd-babble", "--data-dir", str(tmp_path / "fsdd"), *where]) == 0
    out = capfd.readouterr().out
    assert out.startswith("devices:  ") and "timed on this machine's CPU" in out
    assert not (tmp_path / "cache").exists() and not list(tmp_path.glob("runs/*"))


def test_a_table_is_foreseen_setting_by_setting(tmp_path, capfd):
    """Corruptions share the classifier, and what a method answers by shares its sampling: of nine methods
    six are sampled, at two seeds, and `noisy` is measured once more on all test images.
    """
    where = ["--preset", "smoke", "--storage", str(tmp_path / "runs"), "--dry-run"]
    assert reproduce.main(["table1", "digits", "--corruptions", "gn15", "blur", *where]) == 0
    out = capfd.readouterr().out
    first, second = (line for line in out.splitlines() if line.startswith("  digits, "))
    assert first.startswith("  digits, gn15, seed 0: to train classifier, ")
    assert second.startswith("  digits, blur, seed 0: to train signal, ")
    assert "to measure 14 runs (" in first and "to measure 14 runs (" in second
    assert "time, about, with start-up: " in out and not list(tmp_path.iterdir())
    assert reproduce.main(["cost", *where]) == 2
    assert "leave it out of cost" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5940, "99 min"), (6001, "1 h 40 min"),
     (20379, "5 h 40 min"), (359_970, "100 h")],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words
