"""A study in a database: the same search as in the sweep's folder, mended by the log of its trials."""

import dataclasses
import os
import pickle
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import warnings
from pathlib import Path
from platform import sweep
from platform.cli import submission
from platform.cli.failures import OutsideError
from platform.cli.flags import submit_parser, sweep_parser
from platform.cli.next_commands import command, recorded_command, search_flags
from platform.cli.plans import plan_of
from platform.pipeline.database_study import database, failures_told, open_in_database
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import complete, earlier_study, open_study
from platform.pipeline.trial_log import TrialLog, same
from platform.planning.locations import study_uri, without_passwords
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import DATABASE, JOURNAL, TRIALS

import optuna
import pytest

from trainables.core.errors import DamageWarning, UsageError

_SECRET = "postgresql+psycopg2://ada:s3cr/t@db.example:5432/studies"
_STORE = "postgresql://ada:an0ther@db.example/runs"


def _plan(storage, uri):
    words = ["nested", "digits", "gn30", "smoke", 4, 0, 0, 0.0, str(storage), "sqlite:///x.db"]
    return Plan(*words, study_uri=uri)


@pytest.fixture
def setup(tmp_path):
    return setup_of(_plan(tmp_path, f"sqlite:///{tmp_path}/studies.db"))


def _search(setup, count, first=0):
    """So many trials of an opened study, one after the other; returns the study and their points."""
    study, points = open_study(setup), []
    searcher = StudySearcher(study, TrialLog(setup.folder / TRIALS), "nested", 10)
    for number in range(first, first + count):
        points.append(searcher.suggest(str(number)))
        result = {"accuracy": 0.5 + number / 100, "nfe": 10.0 + number, "records": "aa,bb"}
        searcher.on_trial_complete(str(number), result=result)
    return study, points


def _assert_same(study, trials):
    assert len(study.trials) == len(trials) and all(map(same, study.trials, trials))


def test_it_is_the_same_sweep_and_the_same_search(setup, tmp_path):
    own = setup_of(_plan(tmp_path / "own", ""))
    assert own.sweep_id == setup.sweep_id
    (_, points), (_, others) = _search(setup, 5), _search(own, 5)
    assert points == others
    assert not (setup.folder / JOURNAL).exists() and not (own.folder / DATABASE).exists()
    assert "study_uri" in own.as_mapping()


def test_a_search_goes_on_in_the_database(setup):
    study, _ = _search(setup, 3)
    trials = study.trials
    study.ask()  # of a driver that was killed
    again = open_study(setup)
    assert [trial.state.name for trial in again.trials[:4]] == ["COMPLETE"] * 3 + ["FAIL"]
    assert again.study_name == study.study_name and setup.sweep_id in study.study_name
    assert all(map(same, complete(again), trials))
    _assert_same(earlier_study(setup), again.trials)


def test_what_the_database_has_lost_is_made_again_of_the_log(setup):
    study, _ = _search(setup, 3)
    trials, storage = study.trials, database(setup.plan.study_uri)
    optuna.delete_study(study_name=study.study_name, storage=storage)
    _assert_same(earlier_study(setup), trials)
    with pytest.warns(
        DamageWarning, match=r"no study .* made again of the 3 trials in trials\.jsonl"
    ):
        again = open_study(setup)
    _assert_same(again, trials)
    # Another ends as the database was set back to an earlier day.
    TrialLog(setup.folder / TRIALS).add(_search(setup, 1, 3)[0].trials[-1])
    optuna.delete_study(study_name=again.study_name, storage=storage)
    optuna.create_study(
        study_name=again.study_name, storage=storage, directions=["maximize", "minimize"]
    ).add_trials(trials[:2])
    with pytest.warns(DamageWarning, match="has not trial 2 as it ended"):
        assert len(open_study(setup).trials) == 4


def test_a_search_moves_from_the_folder_to_a_database_and_back(setup):
    folder = setup_of(dataclasses.replace(setup.plan, study_uri=""))
    study, _ = _search(folder, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DamageWarning)
        _assert_same(open_study(setup), study.trials)
    moved, _ = _search(setup, 1, 2)
    with pytest.warns(DamageWarning, match="it has not trial 2"):
        _assert_same(open_study(folder), moved.trials)


def test_the_same_sweep_in_two_storages_has_two_studies(setup, tmp_path):
    other = setup_of(dataclasses.replace(setup.plan, storage=str(tmp_path / "other")))
    one, two = _search(setup, 2)[0], _search(other, 1)[0]
    assert (len(one.trials), len(two.trials)) == (2, 1) and one.study_name != two.study_name


def test_a_fresh_search_leaves_the_old_study_in_the_database(setup):
    old, _ = _search(setup, 2)
    fresh = setup_of(dataclasses.replace(setup.plan, fresh=True))
    assert earlier_study(fresh) is None and open_study(fresh).study_name != old.study_name
    assert (setup.folder / "study.1.json").exists() and len(old.trials) == 2


def test_a_damaged_name_costs_no_trial(setup):
    study, _ = _search(setup, 2)
    (setup.folder / DATABASE).write_text("{")
    with pytest.warns(DamageWarning, match="made again"):
        _assert_same(open_study(setup), study.trials)


def test_a_dry_run_writes_nothing(setup, tmp_path):
    assert earlier_study(setup) is None and not list(tmp_path.iterdir())


def test_a_database_that_fails_amid_the_search_ends_it_in_a_line(setup):
    study, _ = _search(setup, 1)
    with database(setup.plan.study_uri).engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trial_params")
    said = r"database .* has failed \(.*no such table"
    with pytest.raises(OutsideError, match=said), failures_told(setup.plan.study_uri):
        _suggest(study)


def _suggest(study):
    """A trial whose failure is told as another error, as Ray Tune does."""
    try:
        study.ask().suggest_float("x", 0, 1)
    except Exception as error:
        raise RuntimeError("a callback has failed") from error


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("redis://h/0", "must be a database"),
        ("studies.db", "must be a database"),
        ("sqlite://", "must be named as in"),
        ("sqlite:///{}/none/s.db", "is no directory"),
        ("sqlite:///{}", "is a directory"),
        ("sqlite:///{}/text", r"cannot be opened \(.*not a database"),
        ("sqlite:///{}/other.db", "database of something else"),
        ("postgresql+psycopg2://a:s3cr@127.0.0.1:{port}/x", "cannot be opened|not installed"),
        ("postgresql+none://a:s3cr@127.0.0.1/x", "cannot be opened"),
    ],
)
def test_what_cannot_be_opened_is_a_line_before_anything_starts(uri, said, tmp_path, capfd):
    (tmp_path / "text").write_text("no database" * 99)
    _other_database(tmp_path / "other.db")
    uri = uri.replace("{}", str(tmp_path)).replace("{port}", str(_closed_port()))
    words = ["nested", "digits", "--storage", str(tmp_path / "runs"), "--study-uri", uri]
    assert sweep.main([*words, "--preset", "smoke", "--dry-run"]) == 2
    error = capfd.readouterr().err
    assert re.search(said, error) and error.count("\n") == 1
    assert "s3cr" not in error and not (tmp_path / "runs").exists()


def _other_database(file):
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE birds (name)")


def _closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_is_the_flag_or_the_environments_or_the_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = {"COUPLED_STUDY_URI": "postgresql://h/d"}
    assert study_uri(None, tmp_path, {}) == "" == study_uri("journal", tmp_path, named)
    assert study_uri(None, tmp_path, named) == "postgresql+psycopg2://h/d"
    assert study_uri("sqlite:///s.db", tmp_path, named) == f"sqlite:///{tmp_path}/s.db"


def _setup(*words):
    return setup_of(plan_of(sweep_parser().parse_args(["nested", "digits", *words])))


def test_passwords_are_nowhere_and_commands_name_the_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--study-uri", _SECRET, "--tracking-uri", _STORE]
    setup = _setup(*words)
    assert setup.plan.study_uri == _SECRET
    assert (
        setup.as_mapping()["study_uri"] == "postgresql+psycopg2://ada:***@db.example:5432/studies"
    )
    line = command("platform.sweep", *words, f"--study-uri={_SECRET}", *search_flags(setup))
    end = ' --study-uri "$COUPLED_STUDY_URI"'
    assert line.endswith(
        f'{end} --tracking-uri "$MLFLOW_TRACKING_URI" --study-uri="$COUPLED_STUDY_URI"{end}'
    )
    assert recorded_command("platform.sweep", line).endswith(end)
    options = "mysql://h/d?user=ada&password=s3cr&ssl=1"
    assert without_passwords(f"to {options}") == "to mysql://h/d?user=ada&password=***&ssl=1"


def test_tune_pickles_no_password_with_the_searcher(setup):
    study, _ = _search(setup, 1)
    searcher = StudySearcher(study, TrialLog(setup.folder / TRIALS), "nested", 10)
    assert b"studies.db" not in pickle.dumps(searcher)


def test_a_command_says_journal_where_the_environment_has_a_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(search_flags(_setup())) == []
    monkeypatch.setenv("COUPLED_STUDY_URI", "postgresql://h/d")
    assert list(search_flags(_setup("--study-uri", "journal"))) == ["--study-uri", "journal"]
    assert list(search_flags(_setup())) == ["--study-uri", "postgresql+psycopg2://h/d"]


def test_a_job_is_given_the_database_by_its_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def given(*words):
        return submit_parser().parse_args(["nested", "digits", *words])

    secret, variables = given("--study-uri", _SECRET), {"COUPLED_STUDY_URI": "mysql://h/d"}
    assert "--study-uri" not in submission.sweep_words(secret)
    assert submission.sweep_environment(secret, variables) == {"COUPLED_STUDY_URI": _SECRET}
    assert submission.sweep_environment(given(), variables) == variables
    file = given("--study-uri", "sqlite:///s.db")
    assert submission.sweep_words(file)[-1] == f"sqlite:///{tmp_path}/s.db"
    assert submission.sweep_environment(file, variables) == {}
    own = given("--study-uri", "journal")
    assert submission.sweep_words(own)[-2:] == ["--study-uri", "journal"]
    assert submission.sweep_environment(own, variables) == {}
    submission.check_here(file)
    with pytest.raises(UsageError, match="--study-uri is"):
        submission.check_here(given("--study-uri", "redis://h"))


def _binaries():
    """The directory of PostgreSQL's server, the newest one; None where there is none."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (places[-1] if places else None)
    return Path(found).parent if found else None


@pytest.fixture
def postgresql():
    """The URI of a database of a PostgreSQL server of the test's own."""
    pytest.importorskip("psycopg2", reason="wants the extra postgresql")
    binaries, port = _binaries(), _closed_port()
    if binaries is None:
        pytest.skip("wants PostgreSQL's server: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # pytest's own are closed to other users
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:  # the server refuses to run as root
        shutil.chown(folder, "postgres")

    def run(name, *words):
        subprocess.run(
            [*as_user, binaries / name, *words], cwd="/", check=True, stdout=subprocess.DEVNULL
        )

    data = folder / "data"
    run("initdb", "-D", data, "-U", "ada", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg2://ada:s3cr@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_a_search_in_postgresql(postgresql, tmp_path):
    setup = setup_of(_plan(tmp_path, postgresql))
    study, points = _search(setup, 3)
    _assert_same(open_study(setup), study.trials)
    own, others = _search(setup_of(_plan(tmp_path / "own", "")), 3)
    assert others == points
    with pytest.warns(DamageWarning, match=r"ada:\*\*\*@"):
        optuna.delete_study(study_name=study.study_name, storage=postgresql)
        _assert_same(open_in_database(setup.folder, "again", postgresql), own.trials)
