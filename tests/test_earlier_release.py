"""A store that the last release left: what means the same is found, what does not is told apart.

`earlier_store.tar.xz` is what it left of `nested` on digits and on a few made-up spoken digits, 4 trials
each (presets smoke): everything but weights, figures and sounds, with made-up paths. Its white noise was
of another strength, its coupled parts were trained on single batches again and again, and its logits of
speech had less noise: only what is trained on clean signals is as it was.
"""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from platform.backend.tracking import Tracker
from platform.backend.tracking_store import client_of
from platform.comparison.read import Wanted, read_sweeps
from platform.pipeline.study import complete, open_study
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

from dashboards.runs import FORMAT
from trainables.core.errors import UsageError
from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.evaluation.records import FORMATS, key_of

PACKED = Path(__file__).with_name("earlier_store.tar.xz")
# For each dataset: corruption, the sweep's id, the id of its parent run.
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


def _setup(store, dataset, **changes):
    corruption, _, _ = SWEEPS[dataset]
    uri = f"sqlite:///{store / 'mlflow.db'}"
    plan = Plan("nested", dataset, corruption, "smoke", 4, 0, 1, 0.0, str(store), uri,
                str(store / "data"))  # fmt: skip
    return setup_of(replace(plan, **changes))


@pytest.mark.parametrize("dataset", SWEEPS)
def test_its_trials_are_not_gone_on_with(store, dataset):
    setup = _setup(store, dataset)
    assert setup.sweep_id != SWEEPS[dataset][1]
    assert complete(open_study(setup)) == []


@pytest.mark.parametrize("dataset", SWEEPS)
def test_only_what_is_trained_on_clean_signals_is_found(store, dataset):
    setup = _setup(store, dataset)
    assert setup.storage.parts.has("classifier", setup.task)
    missing = setup.storage.parts.missing(setup.kinds, setup.task)
    retrained = ["retrained"] if setup.facts.kind == "image" else []
    assert sorted(missing) == ["card", "enhanced", "logit", "nested", *retrained, "signal"]


@pytest.mark.parametrize("dataset", SWEEPS)
def test_none_of_its_records_is_taken_for_one_of_today(store, dataset):
    """Not even that of `noisy`, whose classifier is found, but whose signals were noisier."""
    setup, strategies = _setup(store, dataset), set()
    for path in (store / "records").rglob("*.json"):
        content = json.loads(path.read_text())
        if content["config"]["dataset"] == dataset:
            config = content["config"]
            sampling = Sampling(*(config[n] for n in ("split", "limit", "seed", "precision")))
            strategy, point = config["strategy"], content["point"]
            today = measurement_config(setup.task, strategy, point, sampling)
            assert key_of(today) != path.stem and setup.storage.records.find(today) is None
            strategies.add(strategy)
    assert {"noisy", "nested"} <= strategies


@pytest.mark.parametrize("dataset", SWEEPS)
def test_its_runs_stay_and_are_not_compared_with_those_of_today(store, dataset):
    setup, (corruption, _, run) = _setup(store, dataset), SWEEPS[dataset]
    tracker = Tracker(setup)
    tracker.begin()
    assert tracker.parent != run
    tracker.finish("FINISHED")
    client = client_of(setup.plan.tracking_uri)
    earlier = client.get_run(run)
    assert earlier.info.status == "FINISHED" and earlier.data.tags["corruption"] == corruption
    tags = {"corruption": corruption, FORMAT: str(FORMATS[setup.facts.answers])}
    with pytest.raises(UsageError, match="no finished sweep"):
        read_sweeps(client, [setup.facts.title], Wanted(corruption=corruption))
    assert FORMAT not in earlier.data.tags
    assert client.get_run(tracker.parent).data.tags.items() >= tags.items()
