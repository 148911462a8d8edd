"""What every test relies on: our `platform`, also where pytest has loaded the standard module first."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Tests' networks are tiny: several threads make them no faster, and slow on a machine that is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _use_our_platform() -> None:
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    loaded = sys.modules.get("platform")
    if loaded is None or not hasattr(loaded, "__path__"):
        sys.modules.pop("platform", None)
        importlib.import_module("platform")


_use_our_platform()


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root."""
    return ROOT


@pytest.fixture(scope="session")
def parts():
    """All parts of the tiny task, trained. Tests only read them."""
    from helpers import tiny_task, train_all  # here: few tests need them, and they are slow to load

    return train_all(tiny_task())


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    """Tests decide themselves where MLflow records and where Ray runs."""
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def asset(variable: str, name: str) -> Path:
    """A file or directory of real data, in the directory that an environment variable names; where it
    is not there, the test is skipped.
    """
    path = Path(os.environ.get(variable, "")) / name
    if not os.environ.get(variable) or not path.exists():
        pytest.skip(f"{variable} names no directory with {name}")
    return path


def run_verb(module: str, *words: object, file: Path) -> tuple[str, Any]:
    """A verb as a user runs it: what it printed, and its summary, which it writes to the file."""
    done = subprocess.run(
        [sys.executable, "-m", f"platform.{module}", *map(str, words), "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(), timeout=400,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(file.read_text())


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a subprocess, without what would lead it elsewhere."""
    dropped = ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "PYTHONPATH", "GOMP_SPINCOUNT")
    return {k: v for k, v in os.environ.items() if k not in dropped} | extra
