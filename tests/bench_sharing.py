"""The gain of sharing prefixes in a sweep, and the rates of actors: python tests/bench_sharing.py.

The networks are those of the preset `quick` for digits, hardly trained, since their cost does not depend
on training.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.presets import preset

import optuna
import torch

import search_spaces
from trainables.core.memory import keep_pages
from trainables.data import datasets
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.strategies import nested
from trainables.task.recipe import Task, Updates
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import train_part
from trainables.training.objective import Context
from trainables.training.part_store import in_order

SAMPLES, ROUNDS, CPU = 200, 5, torch.device("cpu")
ACTORS = {"2 actors, 1 thread": (2, 1), "1 actor, 2 threads": (1, 2), "1 actor, 1 thread": (1, 1)}


def trained_task(folder: str) -> tuple[Task, Storage]:
    """A task, and a storage that has its trained parts."""
    storage = Storage(folder)
    dataset = datasets.load("digits", storage.data)
    recipe = preset("quick", datasets.facts("digits", storage.data)).recipe
    task = Task("digits", "gn30", 0, replace(recipe, updates=Updates(2, 2, 2, 4)))
    for kind in in_order(nested.PARTS):
        needed = {need: storage.parts.load(need, task) for need in stages.parts_given(kind)}
        weights = train_part(kind, Context(task, dataset, needed), Share(), lambda report: None)
        storage.parts.save(kind, task, weights, {})
    return task, storage


def random_points(count: int, T: int) -> list[dict]:
    """Points of a random search of `nested`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=("maximize", "minimize"), sampler=optuna.samplers.RandomSampler(seed=0)
    )
    return [search_spaces.load("nested").suggest(study.ask(), T) for _ in range(count)]


def grid() -> list[dict]:
    """Points that differ in when and how often the signal is refreshed."""
    steps = {"outer_steps": 12, "inner_steps": 12, "eta": 0.0, "chains": 1}
    times = product((0.0, 0.1, 0.25, 0.4), (0.2, 1.0))
    return [{**steps, "t_switch": t, "refresh_interval": r} for t, r in times]


def seconds(task: Task, storage: Storage, points: list[dict], sharing: bool) -> float:
    """Seconds to run all points on one evaluator, or each on a new one that was made beforehand."""
    sampling = Sampling("validation", SAMPLES, 0)
    count = 1 if sharing else len(points)
    evaluators = [Evaluator(task, "nested", storage, SAMPLES, CPU) for _ in range(count)]
    warm_up = {
        "outer_steps": 1,
        "inner_steps": 1,
        "t_switch": 1.0,
        "refresh_interval": 1.0,
        "eta": 0.0,
    }
    for evaluator in evaluators:
        evaluator.tally(warm_up, Sampling("validation", SAMPLES, 1))
    start = time.perf_counter()
    for number, point in enumerate(points):
        evaluators[0 if sharing else number].tally(point, sampling)
    return time.perf_counter() - start


def sharing(task: Task, storage: Storage) -> None:
    """Print how much faster points are on one evaluator than on one each."""
    T = task.recipe.T
    sets = {
        "8 points that differ in t_switch and refresh": grid(),
        "24 points of a random search": random_points(24, T),
    }
    for title, points in sets.items():
        ratios = []
        for _ in range(ROUNDS if len(points) < 10 else 1):
            alone = seconds(task, storage, points, False)
            ratios.append(alone / seconds(task, storage, points, True))
        print(f"{title}: {statistics.median(ratios):.2f} times as fast by sharing", flush=True)


def actors(folder: str) -> None:
    """Print how many samples and calls a second processes make side by side, as Ray's actors are."""
    rates: dict[str, list[float]] = {title: [] for title in ACTORS}
    for _ in range(ROUNDS):
        for title, (processes, threads) in ACTORS.items():
            command = [sys.executable, __file__, folder, str(threads)]
            environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
            actor_processes = [
                subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
                for _ in range(processes)
            ]
            outputs = [process.communicate()[0] for process in actor_processes]
            rates[title].append(sum(map(float, outputs)))
    for title, values in rates.items():
        print(f"{title}: {statistics.median(values):.0f} samples and calls a second", flush=True)


def rate(folder: str, threads: int) -> float:
    """Denoiser calls times samples a second of this process, over four seconds."""
    torch.set_num_threads(threads)
    keep_pages()
    storage = Storage(folder)
    recipe = preset("quick", datasets.facts("digits", storage.data)).recipe
    task = Task("digits", "gn30", 0, replace(recipe, updates=Updates(2, 2, 2, 4)))
    evaluator = Evaluator(task, "nested", storage, SAMPLES, CPU)
    point, call_count = grid()[0], 0.0
    evaluator.tally(point, Sampling("validation", SAMPLES, 10**6))
    start = time.perf_counter()
    seed = 0
    while time.perf_counter() - start < 4:
        reading = evaluator.tally(point, Sampling("validation", SAMPLES, seed)).reading
        call_count += reading.calls["signal"] + reading.calls["logit"]
        seed += 1
    return call_count / (time.perf_counter() - start)


def main() -> None:
    if len(sys.argv) == 3:
        print(rate(sys.argv[1], int(sys.argv[2])))
        return
    torch.set_num_threads(1)
    keep_pages()
    with tempfile.TemporaryDirectory() as folder:
        task, storage = trained_task(folder)
        sharing(task, storage)
        actors(folder)


if __name__ == "__main__":
    main()
