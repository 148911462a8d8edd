"""A tracking store that is away is waited for, said, and given up; a full disk is one line."""

import errno
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from platform.backend.patient_client import PatientClient, StoreAway
from platform.cli.failures import disk_is_full, full_disk, outside_error
from platform.cli.interrupts import FAILED, guarded
from typing import ClassVar

import pytest
from conftest import clean_environment
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


class _Server(BaseHTTPRequestHandler):
    """Answers as MLflow's server does, with what the test has put into `answers` next; the last one again."""

    answers: ClassVar[list[tuple[int, dict[str, object]]]]
    asked: ClassVar[list[str]]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def server():
    """A function that serves answers on this machine; it returns the URI and the list of what is asked."""
    servers = []

    def serve(*answers):
        handler = type("Handler", (_Server,), {"answers": list(answers), "asked": []})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}", handler.asked

    yield serve
    for one in servers:
        one.shutdown()
        one.server_close()


AWAY = (503, {})
RUN = {"info": {"run_id": "a", "run_uuid": "a", "experiment_id": "1", "run_name": "n", "status": "RUNNING",
                "lifecycle_stage": "active", "artifact_uri": "x", "start_time": 5},
       "data": {"tags": [{"key": "k", "value": "v"}]}}  # fmt: skip


def test_a_server_that_comes_back_is_waited_for_and_said(server):
    uri, asked = server(AWAY, AWAY, (200, {"experiments": []}))
    said: list[str] = []
    client = PatientClient(MlflowClient(uri), 60, said.append)
    assert client.search_experiments() == []
    assert len(asked) == 3 and len(said) == 2
    assert "does not answer" in said[0] and "up to 60 s" in said[0] and "again" in said[1]


def test_a_server_that_stays_away_is_given_up_in_one_line():
    said: list[str] = []
    client = PatientClient(MlflowClient("http://127.0.0.1:9"), 0.7, said.append)
    with pytest.raises(StoreAway, match=r"has been away for .* \(connection refused\)") as given_up:
        client.search_experiments()
    assert "\n" not in str(given_up.value) and len(said) == 1


def test_a_refusal_is_not_waited_for(server):
    uri, asked = server((404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}))
    with pytest.raises(MlflowException, match="no"):
        PatientClient(MlflowClient(uri), 60, pytest.fail).create_experiment("a")
    assert len(asked) == 1


def test_what_another_process_writes_at_the_same_moment_is_no_failure(server):
    message = "(sqlite3.IntegrityError) UNIQUE constraint failed: experiment_tags.key"
    collided = (400, {"error_code": "BAD_REQUEST", "message": message})
    uri, asked = server(collided, collided, (200, {}))
    client = PatientClient(MlflowClient(uri), 60, pytest.fail)
    client.set_experiment_tag("1", "key", "value")
    assert len(asked) == 3


def test_a_row_that_is_always_there_already_is_a_refusal(server):
    message = "(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint"
    uri, asked = server((400, {"error_code": "BAD_REQUEST", "message": message}))
    with pytest.raises(MlflowException, match="violates unique"):
        PatientClient(MlflowClient(uri), 60, pytest.fail).set_experiment_tag("1", "key", "value")
    assert 1 < len(asked) < 10


def test_a_run_whose_making_was_not_answered_is_not_made_twice(server):
    uri, asked = server(AWAY, (200, {"runs": [RUN]}))
    client = PatientClient(MlflowClient(uri), 60, lambda line: None)
    assert client.create_run("1", 5, {"k": "v"}, "n").info.run_id == "a"
    assert [path.split("/")[-1] for path in asked] == ["create", "search"]


def test_what_failed_outside_is_one_line_with_the_way_on(capsys):
    def verb():
        raise StoreAway("the tracking store http://me:secret@host has been away")

    assert guarded(verb) == FAILED
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "secret" not in said
    assert "is kept; the same command goes on" in said


def test_a_full_disk_is_one_line_that_names_its_directory(tmp_path, capsys):
    def verb():
        try:
            raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "a" / "b.json"))
        except OSError as error:
            raise RuntimeError("a record was not written") from error

    assert guarded(verb) == FAILED
    said = capsys.readouterr().err
    assert said.startswith(f"error: the disk of {tmp_path} is full (") and said.count("\n") == 1


def test_what_failed_outside_is_found_behind_errors_of_others():
    away = StoreAway("away")
    try:
        try:
            raise away
        except StoreAway:
            raise RuntimeError("raised in the handler, as Ray Tune does")  # noqa: B904 - without a cause, as it is there
    except RuntimeError as error:
        assert outside_error(error) is away
    assert outside_error(RuntimeError("something else")) is None


def test_a_full_disk_is_seen_in_words_of_other_processes(tmp_path):
    assert disk_is_full(RuntimeError("(sqlite3.OperationalError) database or disk is full"))
    assert disk_is_full(RuntimeError("ray::step() OSError: [Errno 28] No space left on device"))
    assert not disk_is_full(OSError(errno.EACCES, "Permission denied"))
    assert "is full (" in str(full_disk(RuntimeError("database or disk is full"), [tmp_path]))


def test_a_log_on_a_full_disk_does_not_spill_on_the_terminal(root):
    code = (
        "import pathlib; from platform.cli.console import chatter_to\n"
        "with chatter_to(pathlib.Path('/dev/full')): print('for the log')\n"
        "print('for the terminal')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root, capture_output=True, text=True, env=clean_environment(PYTHONUNBUFFERED=""),
        check=True,
    )  # fmt: skip
    assert done.stdout == "for the terminal\n" and done.stderr == ""
