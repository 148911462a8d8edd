"""What the last release left is found by this one: studies, records, parts and runs of two sweeps.

`earlier_store.tar.xz` is what it left of `nested` on digits and on a few made-up spoken digits, 4 trials
each (presets smoke): everything but weights, figures and sounds, with made-up paths.
"""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from platform.backend.tracking import Tracker
from platform.pipeline.study import POINT, complete, open_study
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import JOURNAL, RECORDS

import pytest

import search_spaces
from trainables.core.errors import UsageError
from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.training.part_store import key_of

PACKED = Path(__file__).with_name("earlier_store.tar.xz")
# Of each dataset: corruption, the sweep's id, the id of its parent run.
SWEEPS = {
    "digits": ("gn30", "9646dde63d2c", "1b439bedccf24db684154b93936eaf9e"),
    "fsdd-babble": ("babble", "1205741fa05c", "f842a53d2aee4645b68b48b1bb18861b"),
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    root = tmp_path_factory.mktemp("earlier")
    with tarfile.open(PACKED) as archive:
        archive.extractall(root, filter="data")
    recordings = root / "data" / "recordings"
    recordings.mkdir(parents=True)
    for name, size in json.loads((root / "recordings.json").read_text()).items():
        (recordings / name).write_bytes(bytes(size))  # only names and sizes are looked at
    return root


@pytest.fixture
def store(packed, tmp_path):
    """A copy of its own: what looks at a store may write to it."""
    return shutil.copytree(packed, tmp_path / "store")


def _setup(store, dataset="digits", **changes):
    corruption, _, _ = SWEEPS[dataset]
    uri = f"sqlite:///{store / 'mlflow.db'}"
    plan = Plan("nested", dataset, corruption, "smoke", 4, 0, 1, 0.0, str(store), uri,
                str(store / "data"))  # fmt: skip
    return setup_of(replace(plan, **changes))


@pytest.mark.parametrize("dataset", SWEEPS)
def test_its_study_is_gone_on_with(store, dataset):
    setup, (_, known, _) = _setup(store, dataset), SWEEPS[dataset]
    assert setup.sweep_id == known and setup.folder.name == f"nested-{known}"
    trials = complete(open_study(setup))
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    paper = search_spaces.load("nested").paper_point(setup.task.recipe.T, setup.facts.kind)
    assert trials[0].user_attrs[POINT]["outer_steps"] == paper["outer_steps"]
    for trial in trials:
        (key,) = trial.user_attrs[RECORDS]
        measured = setup.storage.records.get(key)
        assert measured.cost["nfe"] == trial.values[1]
        assert measured.correct.count("1") / len(measured.correct) == trial.values[0]


@pytest.mark.parametrize("dataset", SWEEPS)
def test_its_parts_and_records_are_found_by_what_they_are(store, dataset):
    setup = _setup(store, dataset)
    assert setup.storage.parts.missing(setup.kinds, setup.task) == []
    found = 0
    for path in (store / "records").rglob("*.json"):
        measured = setup.storage.records.get(path.stem)
        if measured.config["dataset"] == dataset:
            known = [measured.config[name] for name in ("split", "limit", "seed", "precision")]
            strategy = measured.config["strategy"]
            config = measurement_config(setup.task, strategy, measured.point, Sampling(*known))
            assert config == measured.config and setup.storage.records.find(config) == measured
            found += 1
    assert found > 20


@pytest.mark.parametrize("dataset", SWEEPS)
def test_its_runs_are_gone_on_with(store, dataset):
    setup, (_, _, run) = _setup(store, dataset), SWEEPS[dataset]
    tracker = Tracker(setup)
    tracker.begin()
    assert tracker.parent == run
    assert tracker.logged_trials() == {"0", "1", "2", "3"}
    trained = ["classifier", "signal", "logit", "nested", "enhanced", "card"]
    assert {key_of(kind, setup.task) for kind in trained} <= tracker.recorded_parts()
    tracker.finish("FINISHED")


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"precision": "float32"}, {"preset": "quick"}, {"fresh": True}],
)
def test_another_sweep_is_not_taken_for_it(store, change):
    assert _setup(store, **change).sweep_id != SWEEPS["digits"][1]


def test_what_does_not_shape_trials_does_not_matter(store):
    assert _setup(store, trials=9, workers=2).sweep_id == SWEEPS["digits"][1]


@pytest.mark.parametrize(
    "change",
    [
        (r"\"low\": 1, \"high\": 10}", r"\"low\": 1, \"high\": 12}"),  # another range was searched
        ('"refresh_interval":0.13', '"refresh_interval":0.14'),  # another point was made of it
        ('"records":["', '"records":["0'),  # something else was measured
        ('"state":1,', '"state":3,'),  # no trial is complete
    ],
)
def test_trials_that_would_not_be_made_again_are_not_gone_on_with(packed, tmp_path, change):
    store = shutil.copytree(packed, tmp_path / "store")
    (journal,) = (store / "sweeps" / "digits").rglob(JOURNAL)
    text = journal.read_text()
    assert change[0] in text
    journal.write_text(text.replace(*change))
    assert _setup(store).sweep_id != SWEEPS["digits"][1]


def test_the_one_with_the_most_trials_is_gone_on_with(store):
    (folder,) = (store / "sweeps" / "digits" / "gn30").iterdir()
    shorter = shutil.copytree(folder, folder.with_name("nested-ffffffffffff"))
    text = (shorter / JOURNAL).read_text()
    first = text.index('"state":1,')
    (shorter / JOURNAL).write_text(text[:first] + '"state":3,' + text[first + 10 :])
    shutil.copytree(folder, folder.with_name("nested-and-more-000000000000"))  # of another strategy
    assert _setup(store).sweep_id == SWEEPS["digits"][1]


def test_a_sweep_of_its_own_comes_first(store):
    own = _setup(store, fresh=True).folder
    own.mkdir()
    assert _setup(store).folder == own


def test_a_study_that_cannot_be_read_is_told(store):
    (journal,) = (store / "sweeps" / "digits").rglob(JOURNAL)
    journal.write_text("broken\n" + journal.read_text())
    with pytest.raises(UsageError, match=r"study.journal cannot be read as a study .* move its"):
        _ = _setup(store).sweep_id
