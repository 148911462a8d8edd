"""Servers that a test has for itself on this machine: an object store, PostgreSQL, MLflow."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conftest import clean_environment

_BUCKET, _PASSWORD = "bucket", "s3cr-et"


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """A real S3 server with a bucket named `bucket`; yields the environment that names it to its clients,
    which is this process's too meanwhile. Skips the test where a package is missing.
    """
    pytest.importorskip("s3fs", reason="the extra `s3` is not installed")
    server = pytest.importorskip("moto.server", reason="the extra `test` is not installed")
    from trainables.core.places import place

    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    named = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{running.get_host_and_port()[1]}",
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        place(f"s3://{_BUCKET}").fs.mkdir(_BUCKET)  # type: ignore[attr-defined]
        yield named
    finally:
        running.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def postgresql(*databases: str) -> Iterator[list[str]]:
    """A PostgreSQL server with these databases; yields their URIs. Skips the test where none is installed."""
    programs = _postgresql_programs()
    pytest.importorskip("psycopg2", reason="the extra `postgresql` is not installed")
    folder, port = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), free_port()
    user = []
    if os.geteuid() == 0:  # whom PostgreSQL refuses to run for
        shutil.chown(folder, "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    password, control = (
        folder / "password",
        [*user, str(programs / "pg_ctl"), "-D", f"{folder}/data"],
    )
    password.write_text(_PASSWORD)
    password.chmod(0o644)
    initial = "-A", "scram-sha-256", "-U", "postgres", "--no-sync", f"--pwfile={password}"
    _done([*user, str(programs / "initdb"), "-D", f"{folder}/data", *initial])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    _done([*control, "-w", "-l", f"{folder}/log", "-o", options, "start"])
    try:
        address = f"postgresql://postgres:{_PASSWORD}@127.0.0.1:{port}"
        for name in databases:
            _done([str(programs / "psql"), f"{address}/postgres", "-c", f"CREATE DATABASE {name}"])
        yield [f"{address}/{name}" for name in databases]
    finally:
        _done([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder)


def _postgresql_programs() -> Path:
    """The directory of PostgreSQL's programs: one of the path, or where Debian has them."""
    found = [Path("/usr/lib/postgresql"), *map(Path, os.environ["PATH"].split(":"))]
    for program in (*sorted(found[0].glob("*/bin/initdb")), *(one / "initdb" for one in found[1:])):
        if program.exists():
            return program.parent
    pytest.skip("no PostgreSQL server is installed")


@contextmanager
def mlflow_server(backend: str, artifacts: Path) -> Iterator[str]:
    """An MLflow server that records to a database and keeps artifacts in a directory; yields its URI."""
    port, log = free_port(), artifacts.with_suffix(".log")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--backend-store-uri",
         re.sub("^postgresql://", "postgresql+psycopg2://", backend),
         "--artifacts-destination", str(artifacts), "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1"],
        cwd=artifacts.parent, stdout=log.open("wb"), stderr=subprocess.STDOUT,
        env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true"),
        start_new_session=True,
    )  # fmt: skip
    try:
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True


def _done(command: Sequence[str]) -> None:
    """Run a command, which must not fail."""
    # A server that the command leaves behind would keep a pipe open.
    with tempfile.TemporaryFile() as said:
        status = subprocess.run(command, cwd="/", stdout=said, stderr=said, check=False).returncode
        said.seek(0)
        assert status == 0, said.read().decode()
