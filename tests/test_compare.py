"""`python -m platform.compare`: what it writes, records and prints, and how it refuses."""

import http.server
import json
import shutil
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from platform import compare
from platform.comparison.output import file_name
from platform.comparison.record import record_comparison

import pytest
from recorded_store import confirmed, plan_in, record_sweep

NESTED, PARALLEL = [("1", 4, 34), ("0", 2, 33)], [("7", 6, 36)]


@pytest.fixture(scope="module")
def recorded(empty_store, tmp_path_factory):
    """A storage with sweeps of digits: two strategies, one of them at two training seeds."""
    storage = tmp_path_factory.mktemp("recorded")
    uri = f"sqlite:///{shutil.copy(empty_store, storage)}"
    record_sweep(plan_in(storage, uri), *NESTED)
    record_sweep(plan_in(storage, uri, seed=1), ("1", 8, 35), trials=1)
    record_sweep(plan_in(storage, uri, "parallel"), *PARALLEL, trials=1)
    return storage


def _client(storage):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{storage}/mlflow.db")


def _compared(storage):
    """The runs of comparisons, the newest first."""
    client = _client(storage)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(ids, "tags.stage = 'compare'", order_by=["start_time DESC"])


def test_it_writes_records_and_says_what_was_found(recorded, tmp_path, capfd):
    words = ["digits", "--seed", "0", "--storage", str(recorded)]
    assert compare.main([*words, "--json", str(tmp_path / "summary.json")]) == 0
    said = capfd.readouterr()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["dataset"], summary["corruption"], summary["seed"]) == ("digits", "gn30", "0")
    points = {point["label"]: point for point in summary["points"]}
    for reported in (confirmed(f"nested #{n}", *rest)[0] for n, *rest in NESTED):
        found = points[reported.label]
        assert (found["test"], found["validation"]) == (reported.test, reported.validation)
        assert found["point"] == reported.point and len(found["run_ids"]) == 1
        assert reported.label in said.out
    assert {"parallel #7", "nested (paper)", "noisy", "retrained"} <= set(points)
    assert points["nested #1"]["commands"][0].endswith(points["nested #1"]["run_ids"][0])
    for path in summary["files"].values():
        assert path in said.out and Path(path).stat().st_size > 0
    for sentence in summary["found"]:
        assert sentence.split()[0] in said.out
    assert "\nMLflow:   http://127.0.0.1:5000/#/experiments/" in said.out
    assert "again:\n  " in said.out and "-m platform.evaluate" in said.out
    assert said.err == ""
    (run,) = (run for run in _compared(recorded) if run.info.run_id == summary["run_id"])
    assert run.info.status == "FINISHED" and run.info.run_name == "compare digits-seed-0"
    text = run.data.tags["mlflow.note.content"]
    assert summary["found"][0] in text and "-m platform.compare digits --seed 0" in text
    names = {item.path for item in _client(recorded).list_artifacts(run.info.run_id)}
    assert names == {"comparison.html", "digits-gn30-smoke-T10"}


def test_all_seeds_are_pooled_and_the_same_comparison_is_one_run(recorded, tmp_path, capfd):
    words = ["--storage", str(recorded), "--json", str(tmp_path / "summary.json")]
    assert compare.main(words) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["seed"] == "0,1" and "nested" in summary["strategies"]
    client, run = _client(recorded), summary["run_id"]
    client.log_text(run, "left", "of-an-earlier-comparison.txt")
    assert compare.main(words) == 0
    assert json.loads((tmp_path / "summary.json").read_text())["run_id"] == run
    assert [r.info.run_id for r in _compared(recorded)].count(run) == 1
    names = {item.path for item in client.list_artifacts(run)}
    assert names == {"comparison.html", "digits-gn30-smoke-T10"}
    capfd.readouterr()


def test_several_datasets_are_recorded_in_an_experiment_of_comparisons(store_uri, tmp_path):
    client, folder = _client(tmp_path), tmp_path / "compared"
    for title in ("digits", "mnist"):
        client.create_experiment(title, (tmp_path / title).as_uri())
    folder.mkdir()
    (folder / "comparison.html").write_text("page")
    lines = ["found", *["more" * 500] * 9, "again"]
    runs = [
        record_comparison(client, tmp_path, titles, name, {"mlflow.runName": name}, lines, folder)
        for titles, name in ((["digits", "mnist"], "all"), (["digits"], "one"), (["gone"], "x"))
    ]
    names = [client.get_experiment(recorded.experiment).name for recorded in runs]
    assert names == ["comparisons", "digits", "comparisons"]
    text = client.get_run(runs[0].run).data.tags["mlflow.note.content"]
    assert text.startswith("found") and text.endswith("attached.\n\nagain") and len(text) < 8000


def test_names_of_files_are_names_of_files():
    assert file_name("in32-100-gn30") == "in32-100-gn30"
    odd = ["..", "../x", "a/b", "a b", "a-b", "", "<b>", "é" * 300, "x" * 300, ".hidden"]
    names = [file_name(text) for text in odd]
    assert len(set(names)) == len(odd) and names[4] == "a-b"
    for name in names:
        assert name and name[0] != "." and "/" not in name and len(name) <= 90


def _refused(arguments, capfd):
    """The one line that it refuses with."""
    assert compare.main(arguments) == 2
    said = capfd.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.out + said.err
    return said.err


def test_what_it_does_not_know_is_refused(recorded, capfd):
    where = ["--storage", str(recorded)]
    for words, said in (
        (["digits", "--preset", "smok"], "unknown preset 'smok': did you mean 'smoke'?"),
        (
            ["digits", "--corruption", "gn3"],
            "with corruption gn3: ask for what there is: corruption",
        ),
        (["digits", "--seed", "7"], "with seed 7: ask for what there is: seed 0 or 1"),
        (["digits", "--workers", "2"], "unknown flag '--workers'"),
        (["digits", "--cost", "nfes"], "unknown cost 'nfes': did you mean 'nfe'?"),
        (["digits", "--max-cost", "-1"], "--max-cost is -1.0, but must be from 0"),
        (["digits", "--resolution", "0"], "--resolution is 0, but must be above 0"),
        (["digit"], "no experiment 'digit' in "),
        (["folder", "--data-dir", str(recorded)], "there is no directory "),
    ):
        assert said in _refused([*words, *where], capfd)


def test_a_store_that_is_not_there_or_empty_is_refused(store_uri, tmp_path, capfd):
    none = tmp_path / "none"
    assert "nothing has been recorded in" in _refused(["--storage", str(none)], capfd)
    assert not none.exists()
    error = _refused(["--storage", str(tmp_path)], capfd)
    assert f"{store_uri} has no finished sweep: run platform.sweep first" in error
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db"}


def test_a_store_that_is_none_of_ours_is_refused(store_uri, tmp_path, capfd):
    where = ["digits", "--storage", str(tmp_path), "--tracking-uri"]
    (tmp_path / "text.db").write_text("this is no database")
    assert "cannot be reached" in _refused([*where, f"sqlite:///{tmp_path}/text.db"], capfd)
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE songs (name TEXT)")
    error = _refused([*where, f"sqlite:///{tmp_path}/other.db"], capfd)
    assert "is a database of something else (its tables: songs)" in error
    with closing(sqlite3.connect(tmp_path / "half.db")) as database, database:
        database.execute("CREATE TABLE experiments (name TEXT)")
    assert "nothing has been recorded" in _refused([*where, f"sqlite:///{tmp_path}/half.db"], capfd)
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "version.db")
    with closing(sqlite3.connect(tmp_path / "version.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    error = _refused([*where, f"sqlite:///{tmp_path}/version.db"], capfd)
    assert "is of another version of MLflow" in error


def test_a_server_that_is_not_there_is_refused(tmp_path, capfd):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = _refused(["--storage", str(tmp_path), "--tracking-uri", uri], capfd)
    assert f"the tracking store {uri} cannot be reached" in error


class _Page(http.server.BaseHTTPRequestHandler):
    """A server of something else, which answers everything by a page."""

    def _answer(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    do_GET = do_POST = _answer

    def log_message(self, *arguments):
        pass


def test_a_server_of_something_else_is_refused(tmp_path, capfd):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        uri = f"http://127.0.0.1:{server.server_address[1]}"
        error = _refused(["--storage", str(tmp_path), "--tracking-uri", uri], capfd)
        assert f"the tracking store {uri} cannot be reached" in error
    finally:
        server.shutdown()
        server.server_close()
