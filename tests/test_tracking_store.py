"""MLflow's store: what a broken one is told as, and where artifacts go when a storage was moved."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from platform.backend.tracking import Tracker
from platform.backend.tracking_store import client_of, own_artifacts, parameters_of
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

from trainables.core.errors import UsageError


def _setup(storage, uri=""):
    where = str(storage), uri or f"sqlite:///{storage}/mlflow.db"
    return setup_of(Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, *where))


def _sweep_with_file(storage, uri=""):
    """A sweep's tracker whose parent has a file among its artifacts."""
    setup = _setup(storage, uri)
    tracker = Tracker(setup)
    tracker.open("a sweep", "sweep", {"split": "validation"}, {})
    setup.folder.mkdir(parents=True, exist_ok=True)
    (setup.folder / "note.txt").write_text(str(storage))
    tracker.artifact(setup.folder / "note.txt", setup.folder)
    tracker.finish("FINISHED")
    return tracker


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A storage with a sweep, and its tracker. Tests copy it."""
    storage = tmp_path_factory.mktemp("made") / "runs"
    return storage, _sweep_with_file(storage)


def _files(storage):
    return {path.relative_to(storage) for path in storage.glob("artifacts/**/*.txt")}


def test_a_copied_storage_keeps_its_own_artifacts(made, tmp_path):
    """The original is still there: nothing more is written to it."""
    storage, first = made
    assert first.note == "" and len(_files(storage)) == 1
    copy, database = tmp_path / "copy", (storage / "mlflow.db").read_bytes()
    shutil.copytree(storage, copy)
    second = _sweep_with_file(copy)
    assert str(copy / "artifacts" / "digits") in second.note and str(storage) in second.note
    assert len(_files(copy)) == 2 and len(_files(storage)) == 1
    assert (storage / "mlflow.db").read_bytes() == database
    client = client_of(f"sqlite:///{copy}/mlflow.db")
    for tracker in (first, second):
        place = client.get_run(tracker.parent).info.artifact_uri
        assert place == (copy / "artifacts" / "digits" / tracker.parent / "artifacts").as_uri()
        assert [item.path for item in client.list_artifacts(tracker.parent)] == ["note.txt"]
    assert _sweep_with_file(copy).note == "", "it is told once"


def test_artifacts_that_were_not_copied_are_looked_for_where_they_are(made, tmp_path):
    storage, first = made
    shutil.copy(storage / "mlflow.db", tmp_path / "mlflow.db")
    second = _sweep_with_file(tmp_path)
    client = client_of(f"sqlite:///{tmp_path}/mlflow.db")
    for tracker, root in ((first, storage), (second, tmp_path)):
        assert client.get_run(tracker.parent).info.artifact_uri.startswith(root.as_uri() + "/")
        assert [item.path for item in client.list_artifacts(tracker.parent)] == ["note.txt"]


def test_artifacts_lie_beside_the_database_whatever_the_storage(made, tmp_path):
    """A database that two storages record to keeps all of its artifacts in one place."""
    shutil.copytree(made[0], tmp_path / "one")
    uri = f"sqlite:///{tmp_path}/one/mlflow.db"
    _sweep_with_file(tmp_path / "one")
    assert _sweep_with_file(tmp_path / "two", uri).note == ""
    assert len(_files(tmp_path / "one")) == 3 and not (tmp_path / "two" / "artifacts").exists()


def test_a_place_that_somebody_chose_is_kept_and_told(made, tmp_path):
    shutil.copy(made[0] / "mlflow.db", tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        chosen = (tmp_path / "chosen").as_uri()
        database.execute("UPDATE experiments SET artifact_location = ?", (chosen,))
    tracker = _sweep_with_file(tmp_path)
    assert tracker.note.startswith(f"artifacts of digits go to {tmp_path}/chosen")
    assert list((tmp_path / "chosen").glob("**/note.txt"))


def test_a_server_decides_itself_where_artifacts_go(tmp_path):
    assert own_artifacts("http://127.0.0.1:5000", tmp_path, "digits") is None
    assert own_artifacts("postgresql://h/d", tmp_path, "digits") == tmp_path / "artifacts/digits"


def test_a_database_that_was_left_half_made_is_made_anew(tmp_path):
    """As MLflow leaves it, stopped in a migration: no experiment yet, and a table in between."""
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        database.execute("CREATE TABLE _alembic_tmp_experiments (experiment_id INTEGER)")
    tracker = _sweep_with_file(tmp_path)
    assert f"{file} was half made" in tracker.note and f"{file}.half-made" in tracker.note
    assert (tmp_path / "mlflow.db.half-made").exists() and len(_files(tmp_path)) == 1
    assert _sweep_with_file(tmp_path).note == ""
    left = {path.name for path in tmp_path.iterdir()} - {"artifacts", "sweeps"}
    assert left == {"mlflow.db", "mlflow.db.half-made", ".mlflow.db.lock"}


def test_a_database_appears_when_it_is_whole(tmp_path, monkeypatch):
    from mlflow.store.db import utils

    def fails(engine):
        utils.InitialBase.metadata.create_all(engine)
        raise KeyboardInterrupt

    file = tmp_path / "mlflow.db"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(utils, "_initialize_tables", fails)
        client_of(f"sqlite:///{file}")
    assert [path.name for path in tmp_path.iterdir()] == [".mlflow.db.lock"]
    assert client_of(f"sqlite:///{file}").search_experiments()


_OPEN = """
import sys
from platform.backend.tracking_store import client_of, experiment_of
print(experiment_of(client_of(sys.argv[1]), "digits", None)[0])
"""


@pytest.mark.slow
def test_several_open_a_new_database_at_the_same_moment(tmp_path):
    words = [sys.executable, "-c", _OPEN, f"sqlite:///{tmp_path}/mlflow.db"]
    opening = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    ids = [process.communicate(timeout=300)[0].strip() for process in opening]
    assert [process.returncode for process in opening] == [0] * 4
    assert len(set(ids)) == 1 and ids[0]


def test_a_directory_is_no_database(tmp_path):
    assert "is a directory: name a file in it" in _refusal(f"sqlite:///{tmp_path}")


def _refusal(uri, **options):
    with pytest.raises(UsageError) as refused:
        client_of(uri, **options)
    said = str(refused.value)
    assert "\n" not in said and len(said) < 500
    return said


def test_a_server_that_is_asked_answers_at_once_or_is_given_up(monkeypatch):
    """One request, waited for as long as is said, where MLflow would try for minutes."""
    from platform.backend import tracking_store

    monkeypatch.setitem(tracking_store._FIRST_CONTACT, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert f"the tracking store {uri} cannot be reached (timed out)" in _refusal(uri)
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()  # nothing was asked a second time
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
    assert "(Connection refused)" in _refusal(uri).replace("[Errno 111] ", "")


def test_a_file_that_is_no_database_of_mlflows(tmp_path):
    (tmp_path / "text.db").write_text("this is no database")
    assert "file is not a database" in _refusal(f"sqlite:///{tmp_path}/text.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE studies (name TEXT)")
    before = (tmp_path / "other.db").read_bytes()
    assert "database of something else (its tables: studies)" in _refusal(
        f"sqlite:///{tmp_path}/other.db"
    )
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_store_of_another_version_says_how_to_upgrade_it(made, tmp_path):
    shutil.copy(made[0] / "mlflow.db", tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'of the future'")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert f"-m mlflow db upgrade {uri}" in _refusal(uri)


def test_reading_makes_no_store(tmp_path):
    uri = f"sqlite:///{tmp_path}/none/mlflow.db"
    assert f"nothing has been recorded in {uri}" in _refusal(uri, existing=True)
    assert not list(tmp_path.iterdir())


def test_a_point_of_a_run_that_is_not_there(made):
    uri = f"sqlite:///{made[0]}/mlflow.db"
    for run in ("f" * 32, "not/an id"):
        with pytest.raises(UsageError, match=r"no run .* copy its id from MLflow's page"):
            parameters_of(uri, run, 0)
    with pytest.raises(UsageError, match="is of no point"):
        parameters_of(uri, made[1].parent, 0)
