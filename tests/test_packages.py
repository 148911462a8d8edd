"""What is installed is what was tried: the lock, and the one line of every verb where it is not."""

import subprocess
import sys
import tomllib
from importlib import metadata
from platform.cli.packages import TOGETHER, check_packages

import pytest
from conftest import ROOT, clean_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from trainables.core.errors import UsageError

VERBS = sorted(path.stem for path in (ROOT / "platform").glob("*.py") if path.stem != "__init__")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _pins():
    """Releases by name, as `constraints.txt` has them."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): Version(release) for name, release in pairs}


def _asked(extras=("cluster", "s3", "postgresql", "test", "dev")):
    """What the project asks for, with the extras."""
    lines = [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in [*PROJECT["dependencies"], *lines]]


def _check(**releases):
    """Check an installation made up of what is locked, but for these releases (None: not there)."""

    def release_of(name):
        release = releases.get(name, str(_pins()[canonicalize_name(name)]))
        if release is None:
            raise metadata.PackageNotFoundError(name)
        return release

    check_packages(release_of)


def test_the_lock_has_a_release_in_the_range_of_all_that_is_asked_for():
    pins = _pins()
    for wanted in _asked():
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), wanted
        assert any(s.operator in ("~=", "==") for s in wanted.specifier), f"{wanted} has no end"


def test_the_lock_has_what_is_asked_for_by_what_is_asked_for():
    """Walked through what is installed, where that is the release of the lock."""
    pins, walked = _pins(), set()
    waiting = [(r.name, extra) for r in _asked(("test",)) for extra in ("", *r.extras)]
    while waiting:
        name, extra = step = waiting.pop()
        if step in walked:
            continue
        walked.add(step)
        assert canonicalize_name(name) in pins, name
        found = metadata.distribution(name)
        if Version(found.version).public != str(pins[canonicalize_name(name)]):
            continue
        for needed in map(Requirement, found.requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, more) for more in ("", *needed.extras)]
    assert len(walked) > 50


def test_the_lock_says_neither_whence_nor_where():
    text = (ROOT / "constraints.txt").read_text()
    assert not [word for word in ("://", "--index", "--find-links", " @ ", "/home") if word in text]


def test_what_is_locked_may_start():
    _check()
    _check(torch="2.14.1+cpu", torchvision="0.29.1+cpu", torchaudio="2.11.0+cpu")
    _check(torch="2.14.1+cu130")
    check_packages()  # and what is installed here


@pytest.mark.parametrize(
    ("releases", "said"),
    [
        ({"torch": "2.15.0"}, "installed are torch 2.15.0, torchvision 0.29.1, torchaudio 2.11.0"),
        ({"torchaudio": "2.10.0"}, "torchaudio 2.10.0, which must be torch~=2.14.1, torchvision"),
        ({"torchvision": "0.29.2+cu132"}, "torchvision 0.29.2+cu132"),
        ({"torchaudio": None}, "not installed: torchaudio;"),
        ({"torch": None, "ray": None}, "not installed: ray, torch;"),
        ({"torch": "2.14.1+cpu"}, "but torchvision 0.29.1 and torchaudio 2.11.0 not"),
        ({"torch": "2.14.1+cpu", "torchvision": "0.29.1+cpu"}, "but torchaudio 2.11.0 not"),
    ],
)
def test_a_mismatch_is_one_line_that_says_what_to_install(releases, said):
    with pytest.raises(UsageError) as refused:
        _check(**releases)
    line = str(refused.value)
    assert said in line and "pip install" in line and "\n" not in line


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_a_mismatch_before_it_loads_anything(root, tmp_path, verb):
    """Another torchaudio is found before the one that is installed, and a torch that says so if it is
    imported."""
    other = tmp_path / "torchaudio-2.10.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torchaudio\nVersion: 2.10.0\n")
    for name in (*TOGETHER, "ray", "mlflow"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError(f'{__name__} was imported')")
    done = subprocess.run(
        [sys.executable, "-m", f"platform.{verb}", "--help"],
        cwd=root, capture_output=True, text=True, check=False,
        env=clean_environment() | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: installed are torch ") and done.stderr.count("\n") == 1
    assert "torchaudio 2.10.0" in done.stderr and "pip install" in done.stderr


IMAGES = """
import sys
sys.modules["torchaudio"] = None  # to import it is an error
sys.path.append("tests")
import platform.pipeline.one_sweep, trainables.workers.train, trainables.workers.trial
import torch
from helpers import tiny_task, train
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
task, storage = tiny_task(), Storage(sys.argv[1])
parts = {}
for kind in ("classifier", "signal", "logit", "nested"):
    parts[kind] = train(kind, task, parts)
    storage.parts.save(kind, task, parts[kind], {})
point = {"outer_steps": 2, "inner_steps": 2, "t_switch": 0.5, "refresh_interval": 0.5, "eta": 1.0}
evaluator = Evaluator(task, "nested", storage, 16, torch.device("cpu"))
measured = evaluator.measure(point, Sampling("test", 16, 0))
assert len(measured.correct) == 16
assert not [name for name in sys.modules if name.startswith("torchaudio.")]
"""


def test_images_never_import_torchaudio(root, tmp_path):
    """All that a sweep of images imports, the parts of a task on digits trained, a point measured."""
    done = subprocess.run(
        [sys.executable, "-c", IMAGES, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False,
        env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
