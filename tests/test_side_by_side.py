"""Sweeps side by side: how many, what each is given, in which order, and how they end; by real processes."""

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from platform.backend.allocation import Node, allocation, sweeps_at_a_time
from platform.cli.console import Console
from platform.cli.flags import sweep_parser
from platform.cli.interrupts import FAILED, INTERRUPTED, USAGE
from platform.cli.submission import check_here
from platform.pipeline.side_by_side import (
    commands_of,
    environment_of,
    run_apart,
    startable,
    sweep_each,
    sweeps_side_by_side,
)
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
from conftest import ROOT, clean_environment

from trainables.core.errors import UsageError
from trainables.core.files import write_json

GIB = 2**30


def _setup(trials=24, **changes):
    plan = Plan("nested", "digits", "gn30", "smoke", trials, 0, 0, None, "/s", "sqlite:///x.db")
    return setup_of(replace(plan, **changes))


# Nodes as (CPUs, GPUs, memory of one); what is asked; how many sweeps.
ROOMS = [
    ([(4,)], {}, 1),
    ([(64,)], {}, 2),  # 24 trials each
    ([(64,)], {"trials": 100}, 1),
    ([(64,)], {"trials": 1}, 64),
    ([(4,)] * 3, {}, 3),  # a training on each node
    ([(4,)] * 3, {"workers": 2}, 6),  # two trials at a time each
    ([(64,)], {"cost": "seconds"}, 1),
    ([(16, 1, 80 * GIB)] * 4, {}, 2),
    ([(16, 1, 80 * GIB)] * 4, {"workers": 1}, 4),  # on a whole GPU each, also in the search
    ([(16, 4, 80 * GIB)], {}, 1),  # trained on all four
]


@pytest.mark.parametrize(("nodes", "asked", "expected"), ROOMS)
def test_how_many_sweeps_have_room(nodes, asked, expected):
    setup = _setup(**asked)
    given = allocation(setup, [Node(*node) for node in nodes])
    assert sweeps_at_a_time(setup, given) == expected


def test_on_a_machine_of_ones_own_there_is_one():
    console = Console(io.StringIO())
    assert sweeps_side_by_side([_setup()] * 3, None, console) == 1
    with pytest.raises(UsageError, match="no Ray cluster is joined"):
        sweeps_side_by_side([_setup()] * 3, 2, console)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["all", "digits", "--side-by-side", "0"], "from 1 to 1000"),
        (["nested", "digits", "--side-by-side", "2"], "say all, or name some"),
        (["all", "digits", "--side-by-side", "2", "--cost", "seconds"], "not for --cost seconds"),
    ],
)
def test_what_cannot_be_is_refused(words, reason):
    with pytest.raises(UsageError, match=reason):
        check_here(sweep_parser().parse_args(words))
    check_here(sweep_parser().parse_args([*words[:3], "1", *words[4:]]))


def test_each_sweep_has_the_words_of_all_but_no_password():
    secret = "https://me:secret@store.example"
    words = ["--fresh", "--trials", "3", "--json", "all.json", "--tracking-uri", secret]
    given = sweep_parser().parse_args(["all", "digits", "--side-by-side", "2", *words])
    commands = commands_of(given, ["nested", "card"])
    assert commands["card"][:5] == [sys.executable, "-m", "platform.sweep", "card", "digits"]
    again = sweep_parser().parse_args(commands["nested"][3:])
    assert (again.strategy, again.trials, again.fresh) == ("nested", 3, True)
    assert again.side_by_side is None and again.json is None and again.tracking_uri is None
    assert "secret" not in str(commands)
    environment = environment_of(given, {"HOME": "/h", "FORCE_COLOR": "1"})
    assert environment["MLFLOW_TRACKING_URI"] == secret and environment["HOME"] == "/h"


def test_no_sweep_starts_that_would_wait_for_anothers_part():
    lacking = {"a": ["c", "x"], "b": ["c"], "d": ["c", "x", "y"], "done": []}
    assert startable(["a", "b", "d", "done"], [], lacking.__getitem__) == ["done", "b"]
    assert startable(["a", "d"], ["b"], lacking.__getitem__) == []
    lacking = {"a": ["x"], "b": [], "d": ["x", "y"], "e": ["z"]}  # once b has trained c
    assert startable(["a", "d", "e"], ["b"], lacking.__getitem__) == ["a", "e"]
    assert startable(["d"], ["a", "e"], lacking.__getitem__) == []


def _python(code):
    return [sys.executable, "-c", code]


def _apart(commands, count, environment=None):
    stream = io.StringIO()
    statuses = run_apart(
        commands, environment or os.environ, count, lambda name: [], Console(stream)
    )
    return statuses, stream.getvalue().splitlines()


def test_lines_have_names_and_statuses_are_kept(capfd):
    statuses, lines = _apart(
        {
            "good": _python("print('one\\n\\n  two')"),
            "wrong": _python("import sys; print('error: it', file=sys.stderr); sys.exit(2)"),
            "killed": _python("import os; print('half', end='', flush=True); os.abort()"),
        },
        3,
    )
    assert statuses == {"good": 0, "wrong": 2, "killed": FAILED}
    assert [line for line in lines if line.startswith("good")] == [
        "good   | one", "good   |", "good   |   two"
    ]  # fmt: skip
    assert "killed | half" in lines
    errors = capfd.readouterr().err.splitlines()
    assert "wrong  | error: it" in errors and "killed | error: ended by SIGABRT" in errors


def test_so_many_run_at_a_time(tmp_path):
    """Each waits until another one is there, but for the last: three of them, two at a time."""
    code = """
import pathlib, sys, time
here, other = map(pathlib.Path, sys.argv[1:])
here.touch()
while not other.exists(): time.sleep(0.01)
print(len(list(here.parent.iterdir())))
"""
    files = {name: str(tmp_path / name) for name in "abc"}
    commands = {
        name: [*_python(code), files[name], files[other]]
        for name, other in zip("abc", "bab", strict=True)
    }
    statuses, lines = _apart(commands, 2)
    assert statuses == dict.fromkeys("abc", 0) and "c | 3" in lines


def test_a_refused_sweep_is_none_that_was_finished_before(tmp_path, capfd):
    setup = _setup(storage=str(tmp_path))
    write_json(setup.folder / "summary.json", {})
    words = ["all", "digits", "--storage", str(tmp_path), "--precision", "half"]
    given = sweep_parser().parse_args(words)
    assert sweep_each([setup], given, 2, Console(io.StringIO())) == {"nested": USAGE}
    assert capfd.readouterr().err.startswith("nested | error: unknown precision")


def test_many_letters_are_read_and_a_terminals_colours_are_not_asked_for():
    given = sweep_parser().parse_args(["all", "digits"])
    code = """
from platform.cli.console import Console
console = Console()
print(console.rich.is_terminal, flush=True)
console.line("x" * 200_000)
"""
    environment = environment_of(given, {**os.environ, "FORCE_COLOR": "1"})
    _, lines = _apart({"a": _python(code)}, 1, environment)
    assert lines == ["a | False", "a | " + "x" * 200_000]


PARENT = """
import os, sys
from platform.backend.child_processes import ChildProcesses
from platform.cli import interrupts
def told(name, line): print(name, line, flush=True)
def warned(name, line): interrupts.say(f"{name} {line}")
def verb():
    with ChildProcesses(os.environ, told, warned) as processes:
        for name in "ab":
            processes.start(name, [sys.executable, "-c", sys.argv[1]])
        while processes.running:
            processes.wait()
    return 0
with interrupts.interruptible():
    sys.exit(interrupts.guarded(verb))
"""
ORDERLY = """
import signal, sys, time
def end(number, frame): print("ends", flush=True); sys.exit(130)
signal.signal(signal.SIGTERM, end)
print("works", flush=True)
while True: time.sleep(1)
"""
STUBBORN = """
import signal, time, os
signal.signal(signal.SIGTERM, lambda number, frame: print("stays", flush=True))
print("works", os.getpid(), flush=True)
while True: time.sleep(1)
"""


def _parent(child):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, child], cwd=ROOT, text=True, env=clean_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _lines(parent, count):
    return [parent.stdout.readline().rstrip() for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_in_order(number):
    parent = _parent(ORDERLY)
    assert sorted(_lines(parent, 2)) == ["a works", "b works"]
    parent.send_signal(number)
    rest, errors = parent.communicate()
    assert sorted(rest.splitlines()) == ["a ends", "b ends"] and errors == ""
    assert parent.returncode == INTERRUPTED


def test_a_second_signal_kills_what_does_not_end():
    parent = _parent(STUBBORN)
    children = [int(line.split()[-1]) for line in _lines(parent, 2)]
    parent.send_signal(signal.SIGTERM)
    assert sorted(_lines(parent, 2)) == ["a stays", "b stays"]
    parent.send_signal(signal.SIGINT)
    _, errors = parent.communicate()
    assert parent.returncode == INTERRUPTED
    assert sorted(errors.splitlines()) == [f"{name} error: ended by SIGKILL" for name in "ab"]
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_all_end_when_nobody_reads_the_lines():
    talks = "import time\nwhile True: print('x' * 1000, flush=True); time.sleep(0.001)"
    parent = _parent(talks)
    _lines(parent, 1)
    parent.stdout.close()
    parent.wait()
    assert parent.returncode == FAILED
