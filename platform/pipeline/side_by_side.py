"""The sweeps of `platform.sweep all` side by side on a cluster: each a process of its own, `platform.sweep
STRATEGY`, since Ray Tune, MLflow and signals have one place in a process.

What they share is in the storage. Nodes' CPUs and GPUs are shared out by Ray: what finds no room waits until
another sweep's search or training ends, and holds nothing meanwhile, so that no two wait for each other.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from platform.backend.allocation import sweeps_at_a_time
from platform.backend.child_processes import ChildProcesses
from platform.backend.cluster import Cluster
from platform.cli import interrupts
from platform.cli.console import Console, chatter_to
from platform.cli.submission import sweep_environment, sweep_words
from platform.planning.setup import Setup

from trainables.core import threads
from trainables.core.errors import UsageError

_PLAIN = {"TTY_COMPATIBLE": "0"}  # a pipe is no terminal, whatever FORCE_COLOR says
_PARTS_SECONDS = 2.0  # after which it is looked which parts are in the store


def sweeps_side_by_side(setups: Sequence[Setup], asked: int | None, console: Console) -> int:
    """How many of the sweeps run at a time: one on a machine of one's own; on a cluster that is joined as
    many as are asked for, or else as have room there, see `sweeps_at_a_time`, and a CPU of this machine
    each. A cluster is joined, asked and left.

    Raises:
        UsageError: several are asked for where there is no cluster, or it cannot be used.
    """
    setup, most = setups[0], len(setups)
    if Cluster().is_own:
        if asked is not None and asked > 1:
            raise UsageError(
                f"--side-by-side is {asked}, but no Ray cluster is joined, and here each sweep uses all "
                "there is: leave it out, name a cluster by RAY_ADDRESS, or use platform.submit"
            )
        return 1
    if asked == 1:
        return 1
    with chatter_to(setup.folder / "sweep.log"), Cluster() as cluster:
        cluster.check_nodes(setup)
        allocation = cluster.allocation(setup)
    interrupts.rearm()
    count = min(most, asked or min(sweeps_at_a_time(setup, allocation), threads.available()))
    if count > 1:
        console.line(f"devices:  {allocation.text}")
        console.line(f"          {most} strategies, {count} at a time")
    return count


def commands_of(namespace: argparse.Namespace, names: Sequence[str]) -> dict[str, list[str]]:
    """The command of each strategy's sweep, by the strategies' names: the words that `all` was given, but for
    those of its comparison. Stores whose URIs have passwords are not among them, see `environment_of`.
    """
    words = {}
    for name in names:
        of_one = argparse.Namespace(**vars(namespace))
        of_one.strategy, of_one.side_by_side, of_one.json = name, None, None
        words[name] = [sys.executable, "-m", "platform.sweep", *sweep_words(of_one)]
    return words


def environment_of(namespace: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of each strategy's sweep: this process's, with the stores that flags name."""
    return {**environment, **sweep_environment(namespace, environment), **_PLAIN}


def sweep_each(
    setups: Sequence[Setup], namespace: argparse.Namespace, count: int, console: Console
) -> dict[str, int]:
    """Sweep the setups, so many at a time; returns the exit statuses by the strategies' names, 0 also for a
    sweep that has ended, but lacks a point.

    Raises:
        KeyboardInterrupt: a signal has come; all processes have ended.
    """
    named = {setup.plan.strategy: setup for setup in setups}
    summaries = {name: setup.folder / "summary.json" for name, setup in named.items()}
    written = {name: _written(summary) for name, summary in summaries.items()}
    statuses = run_apart(
        commands_of(namespace, [*named]),
        environment_of(namespace, os.environ),
        count,
        lambda name: named[name].storage.parts.missing(named[name].kinds, named[name].task),
        console,
    )
    return {
        name: 0 if status and _written(summaries[name]) != written[name] else status
        for name, status in statuses.items()
    }


def run_apart(
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    count: int,
    missing: Callable[[str], list[str]],
    console: Console,
) -> dict[str, int]:
    """Run commands, so many at a time, and tell their lines, each after the command's name; returns their
    exit statuses, in the order of their ends.

    Args:
        commands: by their names.
        environment: of all of them.
        count: how many run at a time.
        missing: which parts are still to be trained for that name.
        console: what is told the lines; those of standard errors go to this one's.

    Raises:
        KeyboardInterrupt: a signal has come; all processes have ended.
    """
    waiting, statuses = [*commands], {}
    tell, warn = _told_by(commands, console.line), _told_by(commands, interrupts.say)
    with ChildProcesses(environment, tell, warn) as processes:
        looked = -math.inf
        while waiting or processes.running:
            interrupts.check()
            room, now = count - len(processes.running), time.monotonic()
            if waiting and room and now - looked >= _PARTS_SECONDS:
                looked = now
                for name in startable(waiting, processes.running, missing)[:room]:
                    waiting.remove(name)
                    processes.start(name, commands[name])
            ended = processes.wait()
            looked = -math.inf if ended else looked
            statuses.update(ended)
    return statuses


def _told_by(names: Iterable[str], tell: Callable[[str], None]) -> Callable[[str, str], None]:
    """Tells lines, each after the name that it comes from, in columns."""
    width = max(map(len, names))
    return lambda name, line: tell(f"{name:{width}} | {line}".rstrip())


def startable(
    waiting: Sequence[str], running: Sequence[str], missing: Callable[[str], list[str]]
) -> list[str]:
    """Those that may start now: that lack no part that one which runs is to train, or which starts before.
    They would wait for it, while others could work. The first to start are those that lack least: as soon as
    they have trained what all lack, the others train what each of them lacks, side by side.
    """
    trained = {part for name in running for part in missing(name)}
    lacking = {name: missing(name) for name in waiting}
    names = []
    for name in sorted(waiting, key=lambda name: len(lacking[name])):
        if trained.isdisjoint(lacking[name]):
            names.append(name)
            trained.update(lacking[name])
    return names


def _written(file: Path) -> int:
    """When a file was written, in nanoseconds since 1970; 0 where it is not there."""
    return file.stat().st_mtime_ns if file.exists() else 0
