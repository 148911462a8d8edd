"""Our package `platform` is the standard library's `platform` too, however Python is started."""

import importlib.util
import pickle
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import clean_environment

PROBE = (
    "import platform, inspect; "
    "assert hasattr(platform, '__path__'), platform.__file__; "
    "assert platform.system() and platform.python_version() and platform.uname().node is not None; "
    "import platform.planning.presets; "
    "assert platform.planning.presets.NAMES"
)
STDLIB = Path(sysconfig.get_path("stdlib")) / "platform.py"


def _standard():
    spec = importlib.util.spec_from_file_location("standard_platform", STDLIB)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(root, *command, **environment):
    done = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        env=clean_environment(**environment),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_whole_standard_interface_is_there():
    import platform

    for name in dir(_standard()):
        if name not in ("__cached__", "__loader__", "__spec__", "__builtins__"):
            assert hasattr(platform, name), name
    assert platform.python_version() == _standard().python_version()
    assert platform.platform() == _standard().platform()


def test_no_module_bears_the_name_of_a_standard_attribute(root):
    """Neither a file nor a folder: importing either sets an attribute of that name on the package. What
    lies deeper is an attribute of its own folder."""
    ours = {
        path.stem
        for path in (root / "platform").iterdir()
        if path.suffix == ".py" or any(path.rglob("*.py"))
    }
    assert {"cli", "planning", "sweep"} <= ours
    assert not ours - {"__init__"} & set(dir(_standard()))


def test_python_c_at_the_root(root):
    _run(root, sys.executable, "-c", PROBE)


@pytest.mark.parametrize("verb", ["sweep", "evaluate"])
def test_python_m(root, verb):
    assert "usage: python -m platform." in _run(
        root, sys.executable, "-m", f"platform.{verb}", "--help"
    )


@pytest.mark.parametrize("command", [["-m", "pytest"], ["-c", "import pytest; pytest.main()"]])
def test_both_ways_of_starting_pytest(root, tmp_path, command):
    """`python -m pytest` puts the root first on the path; bare `pytest` does not, and has loaded the
    standard module before it reads our conftest."""
    test = tmp_path / "test_probe.py"
    test.write_text("def test_probe():\n    " + PROBE.replace("; ", "\n    ") + "\n")
    conftest = (root / "tests" / "conftest.py").read_text()
    conftest = conftest.replace("Path(__file__).resolve().parent.parent", f"Path({str(root)!r})")
    (tmp_path / "conftest.py").write_text(conftest)
    script = Path(sys.executable).with_name("pytest")
    start = [sys.executable, *command] if command[0] == "-m" else [str(script)]
    _run(
        root,
        *start,
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
        str(test),
    )


@pytest.mark.slow
def test_a_script_that_loaded_the_standard_module_first_can_use_the_workers_packages(root):
    code = (
        "import sys; sys.path.remove('') if '' in sys.path else None; "
        "import platform; assert not hasattr(platform, '__path__'); "
        f"sys.path.insert(0, {str(root)!r}); "
        "import trainables.workers.trial, trainables.workers.train, search_spaces.nested, dashboards.front; "
        "assert not hasattr(platform, '__path__')"
    )
    _run(root, sys.executable, "-c", code)


def test_what_is_sent_to_a_worker_unpickles_beside_the_standard_module(root, tmp_path):
    """Everything that the driver hands to Ray, in a process that has the standard `platform`."""
    from platform.planning.plan import Plan
    from platform.planning.setup import setup_of

    from ray import cloudpickle

    from trainables.workers.confirmer import Confirmer
    from trainables.workers.train import train_parts
    from trainables.workers.trial import SamplingTrial

    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), "sqlite:///x.db")
    setup = setup_of(plan)
    job = setup.job("validation", 1)
    sent = [job, train_parts, SamplingTrial, Confirmer, setup.task]
    file = tmp_path / "sent.pickle"
    file.write_bytes(cloudpickle.dumps(sent))
    code = (
        "import sys; sys.path = [p for p in sys.path if p]; "
        "import platform, pickle; assert not hasattr(platform, '__path__'); "
        f"sys.path.insert(0, {str(root)!r}); "
        f"sent = pickle.load(open({str(file)!r}, 'rb')); "
        "assert sent[0].strategy == 'nested' and not hasattr(platform, '__path__'); "
        "assert not [m for m in sys.modules if m.startswith('platform.')]"
    )
    _run(root, sys.executable, "-P", "-c", code)
    assert pickle.loads(file.read_bytes())[0] == job  # what we wrote a moment ago
