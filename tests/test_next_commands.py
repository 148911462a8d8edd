"""Commands that are printed to copy name what was asked for again, and nothing that is usual."""

import shlex
import sys
from pathlib import Path
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.flags import sweep_parser
from platform.cli.next_commands import command, common_flags, compare_flags, search_flags
from platform.cli.next_steps import page_steps
from platform.cli.plans import plan_of
from platform.planning.locations import without_passwords
from platform.planning.setup import setup_of

import pytest

from trainables.core.errors import UsageError


def _setup(*words):
    return setup_of(plan_of(sweep_parser().parse_args(["nested", "digits", *words])))


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_what_is_usual_is_left_out():
    assert list(common_flags(_setup())) == [] == list(compare_flags(_setup()))
    same = _setup("--corruption", "gn30", "--preset", "quick", "--storage", "runs", "--seed", "0")
    assert list(common_flags(same)) == []


def test_all_that_differs_makes_the_same_plan_again(tmp_path):
    (tmp_path / "data").mkdir()
    words = [
        "--corruption", "blur", "--preset", "smoke", "--seed", "3", "--data-dir", "data",
        "--precision", "float32", "--whisper", "tiny", "--storage", "here it is",
        "--tracking-uri", "sqlite:///other.db",
    ]  # fmt: skip
    setup = _setup(*words)
    assert _setup(*common_flags(setup)) == setup
    assert set(compare_flags(setup)) == set(common_flags(setup)) - {
        "--precision", "float32", "--whisper", "tiny",
    }  # fmt: skip


def test_how_a_plan_searches_is_said_again_where_it_is_unusual():
    assert list(search_flags(_setup())) == []
    words = ["--sampler", "gp", "--warm-start", "--cost", "gflops"]
    words += ["--max-cost", "0.25", "--min-accuracy", "0.9"]
    setup = _setup(*words)
    assert list(search_flags(setup)) == words and _setup(*search_flags(setup)) == setup


def test_the_storages_own_tracking_store_is_left_out(tmp_path):
    setup = _setup("--storage", "other")
    assert list(common_flags(setup)) == ["--storage", f"{tmp_path}/other"]


def test_a_tracking_store_that_the_environment_names_is_named(monkeypatch, tmp_path):
    """Whoever copies the command may have no such environment, or, the other way round, has one."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert list(common_flags(_setup())) == ["--tracking-uri", "http://127.0.0.1:5000"]
    own = f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert list(common_flags(_setup("--tracking-uri", own))) == ["--tracking-uri", own]


def test_a_command_names_this_python_and_can_be_copied(monkeypatch, tmp_path):
    module, *words = shlex.split(command("platform.sweep", "--storage", "here it is"))[2:]
    assert (module, words) == ("platform.sweep", ["--storage", "here it is"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert command("platform.sweep") == ".venv/bin/python -m platform.sweep"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert command("platform.sweep") == "/usr/bin/python3 -m platform.sweep"


def test_no_verb_prints_a_command_of_its_own_making():
    """`python -m platform.x` in a string, other than in help, would be without this Python and flags."""
    root = Path(__file__).resolve().parent.parent / "platform"
    files = [
        *root.glob("pipeline/*.py"),
        *root.glob("reproduction/*.py"),
        *root.glob("backend/*.py"),
    ]
    assert files
    for file in files:
        assert "python -m" not in file.read_text().split('"""', 2)[-1], file


_SECRET = "postgresql+psycopg2://ada:s3cr%40t@db.example:5432/mlflow"


def test_a_command_names_the_environments_store_where_a_uri_has_a_password():
    setup = _setup("--tracking-uri", _SECRET)
    line = command("platform.sweep", "nested", *common_flags(setup))
    assert line.endswith(' --tracking-uri "$MLFLOW_TRACKING_URI"')
    (page,) = page_steps(setup).values()
    assert page_steps(_setup("--tracking-uri", "http://127.0.0.1:5000")) == {}
    assert page.endswith('-m platform.ui --tracking-uri "$MLFLOW_TRACKING_URI"')


def test_passwords_are_masked_in_texts_plans_lines_and_errors(capfd):
    shown = "postgresql+psycopg2://ada:***@db.example:5432/mlflow"
    assert without_passwords(f"to {_SECRET}, or {_SECRET}.") == f"to {shown}, or {shown}."
    for other in ("sqlite:////tmp/a:b@c/m.db", "http://h:5000/x", "https://u@h:1/x", "a: b@c"):
        assert without_passwords(other) == other
    setup = _setup("--tracking-uri", _SECRET)
    assert setup.plan.tracking_uri == _SECRET and setup.as_mapping()["tracking_uri"] == shown
    Console().line(f"tracking: {_SECRET}")

    def fails():
        raise UsageError(f"{_SECRET} does not answer")

    assert interrupts.guarded(fails) == interrupts.USAGE
    said = capfd.readouterr()
    assert (said.out, said.err) == (f"tracking: {shown}\n", f"error: {shown} does not answer\n")
    assert "s3cr" not in interrupts.explain(OSError(_SECRET)) + interrupts.trace(OSError(_SECRET))
