"""A storage in an object store: parts, records and checkpoints are there what they are in a directory."""

import importlib
import json
import pickle
import uuid
import warnings
from platform.backend.mirror import mirrored
from platform.backend.ray_storage import ray_storage
from platform.cli.flags import submit_parser
from platform.cli.submission import sweep_words
from platform.pipeline.stored_study import forget, open_stored, read_stored
from platform.pipeline.trial_log import TrialLog, same
from platform.planning.locations import storage_root
from platform.planning.study_names import TRIALS

import pytest
import servers
import torch
from helpers import tiny_task

from trainables.core.errors import DamageWarning, UsageError
from trainables.core.files import move, write_json
from trainables.core.places import is_uri, place, workspace
from trainables.evaluation.measurement import Tally
from trainables.evaluation.records import Measurement
from trainables.evaluation.storage import Storage
from trainables.sampling.meter import MeterReading
from trainables.scoring.answers import Correctness
from trainables.training.checkpoints import (
    newest_state,
    put_damaged_aside,
    remove_checkpoints,
    save_state,
)
from trainables.workers.node import Places, node_report

pytest.importorskip("upath", reason="the extra `s3` is not installed")
CPU, TASK = torch.device("cpu"), tiny_task()


@pytest.fixture(scope="module")
def s3_server():
    """A real S3 server of this machine's own."""
    with servers.s3():
        yield


@pytest.fixture(params=["memory", "s3"])
def root(request):
    """A new storage in the memory of this process, or on the server."""
    if request.param == "s3":
        request.getfixturevalue("s3_server")
    return f"{request.param}://bucket/{uuid.uuid4().hex}"


def _weights():
    return {"network": {"w": torch.arange(4.0)}}


def test_parts_are_stored_and_a_damaged_one_is_put_aside(root):
    parts = Storage(root).parts
    assert parts.missing(["classifier"], TASK) == ["classifier"]
    folder = parts.save("classifier", TASK, _weights(), {"seconds": 1.0})
    assert str(folder).startswith(f"{root}/parts/")
    assert parts.has("classifier", TASK) and not parts.missing(["classifier"], TASK)
    assert torch.equal(parts.load("classifier", TASK)["network"]["w"], torch.arange(4.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts.put_damaged_aside(["classifier"], TASK)
    (folder / "weights.pt").write_bytes(b"cut")
    with pytest.warns(DamageWarning, match=r"damaged-1, and the part is trained again"):
        parts.put_damaged_aside(["classifier"], TASK)
    assert parts.missing(["classifier"], TASK) == ["classifier"]
    assert (folder.with_name(f"{folder.name}.damaged-1") / "weights.pt").read_bytes() == b"cut"


def test_records_are_found_and_damaged_ones_are_none(root):
    records, measurement = Storage(root).records, Measurement({"a": 1}, {}, "101", {"nfe": 3.0})
    assert records.find({"a": 1}) is None
    path = records.save(measurement)
    assert records.find({"a": 1}) == measurement
    path.write_bytes(path.read_bytes().replace(b"101", b"111"))
    with pytest.warns(DamageWarning, match="it is measured again|is measured again"):
        assert records.find({"a": 1}) is None
    assert records.find({"a": 1}) is None


def test_partial_records_are_replaced_and_removed(root):
    partials = Storage(root).partials
    tally = Tally(Correctness("10"), 0.0, MeterReading())
    assert partials.find({"a": 1}) == []
    for count in (1, 2):
        partials.save({"a": 1}, [tally] * count)
        assert len(partials.find({"a": 1})) == count
    partials.remove({"a": 1})
    partials.remove({"a": 1})
    assert partials.find({"a": 1}) == []


def test_the_newest_whole_checkpoint_is_taken(root):
    training = place(root) / "training" / "t"
    for number in (1, 2):
        save_state(training / f"checkpoint_{number}", {"round": number})
    write_json(training / "checkpoint_manager_snapshot.json", {})
    assert newest_state(training, CPU)["round"] == 2
    (training / "checkpoint_2" / "state.pt").write_bytes(b"cut")
    with pytest.warns(DamageWarning, match=r"checkpoint_2.* the one before it is taken"):
        put_damaged_aside(training)
    assert newest_state(training, CPU)["round"] == 1
    remove_checkpoints(training)
    assert newest_state(training, CPU) is None
    assert (training / "checkpoint_2.damaged-1" / "state.json").exists()


def test_a_folder_is_moved_with_all_that_is_in_it(root):
    folder = place(root) / "a"
    for name in ("x", "y/z"):
        write_json(folder / f"{name}.json", name)
    move(folder, folder.with_name("b"))
    assert not folder.exists()
    assert sorted(file.name for file in folder.with_name("b").glob("**/*.json")) == [
        "x.json",
        "z.json",
    ]


def test_data_stay_on_the_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    local = workspace("s3://bucket/runs")
    assert local.parent == tmp_path / "coupled-diffusion" and local != workspace("s3://bucket/b")
    assert Storage("s3://bucket/runs").data == local / "data"
    assert not is_uri("/shared/runs") and workspace("/shared/runs") == place("/shared/runs")


def test_a_scheme_that_nobody_knows_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"--storage nowhere://a needs what knows nowhere://"):
        place("nowhere://a")


def test_a_study_is_made_again_of_its_trials(root):
    """There is no journal: each trial is an object, and one that is damaged loses itself alone."""
    folder = place(root) / "sweeps" / "a"
    assert read_stored(folder, "study") is None
    study, log = open_stored(folder, "study"), TrialLog(folder / TRIALS)
    for number in range(3):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        study.tell(trial, [x, 1.0])
        log.add(study.trials[number])
    again = open_stored(folder, "study").trials
    assert all(same(a, b) for a, b in zip(again, study.trials, strict=True))
    file = folder / TRIALS / "000001.json"
    file.write_bytes(file.read_bytes().replace(b"COMPLETE", b"COMPLETF"))
    with pytest.warns(DamageWarning, match="its trial is lost"):
        again = read_stored(folder, "study").trials
    assert [trial.state.name for trial in again] == ["COMPLETE", "FAIL", "COMPLETE"]
    forget(folder)
    assert not open_stored(folder, "study").trials
    assert len(TrialLog(folder / "trials.1.jsonl").trials()) == 2


def test_what_a_driver_writes_is_put_there_and_read_by_the_next(root, monkeypatch, tmp_path):
    """The next one is on another machine, where nothing is yet."""
    for number in range(2):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(number)))
        local = workspace(root)
        with mirrored(root):
            summary = local / "sweeps" / "digits" / "gn30" / "nested-1" / "summary.json"
            assert summary.exists() == (number == 1)
            if number == 0:
                write_json(summary, {"best": 1})
                write_json(local / "data" / "cached.json", {})
                (local / "mlflow.db").write_bytes(b"runs")
                (summary.parent / "front.png").write_bytes(b"picture")
    assert json.loads(summary.read_bytes()) == {"best": 1}
    sent = sorted(file.name for file in place(root).glob("**/*") if file.is_file())
    assert sent == ["front.png", "summary.json"]
    assert not (summary.parent / "front.png").exists()


def test_a_node_tells_whether_it_sees_the_store(root):
    places = Places(root, "marker", "secret")
    assert node_report([], places).storage_fault.startswith("cannot be read there")
    for marked, fault in (("secret", ""), ("other", "is another object store there")):
        (place(root) / "marker").write_bytes(marked.encode())
        assert node_report([], places).storage_fault == fault


def test_a_storage_is_written_before_it_is_used(root):
    assert storage_root(f"{root}/") == root
    assert not place(root).exists()


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("s3://nowhere/runs", "s3://nowhere/runs cannot be written"),
        ("s3://key:hidden@bucket/runs", "credentials and endpoint are named by the environment"),
        ("s3://bucket/runs?endpoint_override=http://h", "named by the environment"),
        ("s3:///runs", "must be like s3://bucket/runs"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_in_one_line(s3_server, argument, said):
    with pytest.raises(UsageError) as refused:
        storage_root(argument)
    message = str(refused.value)
    assert said in message and "\n" not in message and "hidden" not in message


def test_ray_keeps_its_files_there(root):
    """By pyarrow, as Ray does, in another process as well: the file system travels pickled."""
    told = pickle.loads(pickle.dumps(ray_storage(place(root) / "training")))
    path = f"{told['storage_path']}/t/file"
    with told["storage_filesystem"].open_output_stream(path) as file:
        file.write(b"kept")
    assert (place(root) / "training" / "t" / "file").read_bytes() == b"kept"


def test_a_job_is_given_the_store_as_it_is_named():
    words = submit_parser().parse_args(["nested", "digits", "--storage", "s3://bucket/runs"])
    given = sweep_words(words)
    assert given[given.index("--storage") + 1] == "s3://bucket/runs"


@pytest.mark.parametrize("verb", ["reproduce table1", "transfer digits", "diagnose digits"])
def test_a_verb_that_wants_a_directory_says_so(verb, capfd):
    name, word = verb.split()
    main = importlib.import_module(f"platform.{name}").main
    assert main([word, "--storage", "s3://bucket/runs"]) == 2
    assert "this verb keeps its files in a directory, name one" in capfd.readouterr().err
