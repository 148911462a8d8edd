"""Fixtures of all tests, and the import of our `platform` where pytest has loaded the standard module."""

import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
HANG = 1800.0  # seconds after which a verb that a test runs hangs; most take less than one minute

# The networks of tests are tiny: several threads make them no faster, and slower on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _use_our_platform() -> None:
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    loaded = sys.modules.get("platform")
    if loaded is None or not hasattr(loaded, "__path__"):
        sys.modules.pop("platform", None)
        importlib.import_module("platform")


_use_our_platform()

_BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How late a test may begin, for machines that are slow and runs that must end."""
    parser.addoption(
        "--begin-within", type=float, default=math.inf, metavar="MINUTES",
        help="skip the tests that would begin later than so many minutes after the first [none]",
    )  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first, so that in the end no worker waits for another's last one."""

    def minutes(item: pytest.Item) -> float:
        mark = item.get_closest_marker("long")
        return mark.args[0] if mark else 0

    items.sort(key=minutes, reverse=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what would begin too late."""
    began = item.session.stash.setdefault(_BEGAN, time.monotonic())
    minutes, limit = (time.monotonic() - began) / 60, item.config.getoption("--begin-within")
    if minutes > limit:
        pytest.skip(
            f"it would begin after {minutes:.0f} minutes, of the {limit:.0f} that there are"
        )


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root."""
    return ROOT


@pytest.fixture(scope="session")
def parts():
    """All parts of the tiny task, trained. Tests only read them."""
    from helpers import tiny_task, train_all  # few tests need this slow import

    return train_all(tiny_task())


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The SQLite file of a tracking store that nothing was recorded to: making one takes MLflow seconds, so
    that tests copy it.
    """
    from platform.backend.tracking_database import make_whole

    file = tmp_path_factory.mktemp("empty-store") / "mlflow.db"
    make_whole(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def smoke_runs(tmp_path_factory):
    """A storage of several verbs' runs on digits, preset `smoke`: what one has trained the next one finds."""
    return tmp_path_factory.mktemp("smoke") / "runs"


@pytest.fixture
def store_uri(empty_store, tmp_path):
    """The URI of a tracking store of the test's own, in its directory."""
    return f"sqlite:///{shutil.copy(empty_store, tmp_path)}"


@pytest.fixture(scope="module")
def browser():
    """A browser without a window; the tests are skipped where there is none.

    Of a module, not of the session: while Playwright is at work, its event loop counts as running in the
    tests' thread, where others could not run one.
    """
    from browser import launched  # few tests need this import

    with launched() as started:
        yield started


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    """Unset the variables by which MLflow, Optuna and Ray would find a server or cluster outside the test."""
    for name in ("MLFLOW_TRACKING_URI", "COUPLED_STUDY_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def asset(variable: str, name: str) -> Path:
    """A file or directory of real data, in the directory that an environment variable names; the test
    is skipped if it does not exist.
    """
    path = Path(os.environ.get(variable, "")) / name
    if not os.environ.get(variable) or not path.exists():
        pytest.skip(f"{variable} names no directory with {name}")
    return path


def run_verb(module: str, *words: object, file: Path) -> tuple[str, Any]:
    """Run a verb as a user does; returns its output and the summary that it writes to the file."""
    process = subprocess.run(
        [sys.executable, "-m", f"platform.{module}", *map(str, words), "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(), timeout=HANG,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout, json.loads(file.read_text())


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a subprocess, without variables that change where or how it runs."""
    dropped = {
        *("MLFLOW_TRACKING_URI", "COUPLED_STUDY_URI", "RAY_ADDRESS", "PYTHONPATH", "GOMP_SPINCOUNT")
    }
    return {k: v for k, v in os.environ.items() if k not in dropped} | extra
