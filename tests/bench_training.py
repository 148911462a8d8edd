"""The time of a training update and of its parts: python tests/bench_training.py [DATASET [PRESET]].

For every stage it prints the milliseconds of an update, and the share that is spent outside the forward
and backward passes (on making and preparing batches, the optimiser, averaging). Then it prints the
slowest operations by torch's profiler. It runs on a GPU if there is one.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.presets import preset

import torch
from torch.profiler import ProfilerActivity, profile

from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Facts, Split
from trainables.task.recipe import Task, Updates
from trainables.training import loop, stages
from trainables.training.batches import Share
from trainables.training.objective import Context, Objective
from trainables.training.part_store import in_order

FACTS = {
    "digits": Facts("digits", (1, 8, 8), 10),
    "mnist": Facts("mnist", (1, 28, 28), 10),
    "cifar100": Facts("cifar100", (3, 32, 32), 100),
}
UPDATES = 24


def blank(facts: Facts) -> Dataset:
    """A dataset of noise, since speed does not depend on the data."""
    count = 2000
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *facts.signal_shape), generator=generator).byte()
    labels, numbers = torch.arange(count) % facts.classes, torch.arange(count)
    split = Split(images, labels, numbers, pixel_scale(images))
    classes = tuple(map(str, range(facts.classes)))
    return Dataset(facts.title, classes, split, split.first(100), split.first(100))


class Stopwatch:
    """Seconds spent in forward and backward passes."""

    def __init__(self, device: torch.device) -> None:
        self.seconds, self.device = 0.0, device

    def now(self) -> float:
        """The time in seconds, once the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def timing(self):
        """Add the time of calls of `Objective` and `Tensor.backward` within it to `seconds`."""
        forward, backward = Objective.__call__, torch.Tensor.backward

        def timed(function):
            def run(*inputs, **options):
                start = self.now()
                try:
                    return function(*inputs, **options)
                finally:
                    self.seconds += self.now() - start

            return run

        Objective.__call__, torch.Tensor.backward = timed(forward), timed(backward)
        try:
            yield
        finally:
            Objective.__call__, torch.Tensor.backward = forward, backward


def main() -> None:
    name, size = (sys.argv[1:] + ["mnist", "quick"][len(sys.argv) - 1 :])[:2]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    facts = FACTS[name]
    recipe = replace(
        preset(size, facts).recipe, updates=Updates(UPDATES, UPDATES, UPDATES, UPDATES)
    )
    recipe = replace(recipe, inner_updates=min(recipe.inner_updates, UPDATES))
    task, dataset, share = Task(name, "gn30", 0, recipe), blank(facts), Share(device=device)
    loop.LEAST_REPORTS = 1  # validation is not part of the measurement
    print(
        f"{name}, preset {size}, batch {recipe.batch}, {device}, {torch.get_num_threads()} threads"
    )
    parts: dict = {}
    for kind in in_order(stages.names()):
        context = Context(task, dataset, {need: parts[need] for need in stages.parts_given(kind)})
        loop.train_part(kind, context, share, lambda report: None)  # warm-up
        stopwatch = Stopwatch(device)
        with stopwatch.timing():
            start = stopwatch.now()
            parts[kind] = loop.train_part(kind, context, share, lambda report: None)
            seconds = stopwatch.now() - start
        rest = 100 * (1 - stopwatch.seconds / seconds)
        print(
            f"{kind:12} {1000 * seconds / UPDATES:8.1f} ms an update, {rest:4.0f} % beside the passes"
        )
    kind = "nested"
    context = Context(task, dataset, {need: parts[need] for need in stages.parts_given(kind)})
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        loop.train_part(kind, context, share, lambda report: None)
    order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profiler.key_averages().table(sort_by=order, row_limit=12, max_name_column_width=40))


if __name__ == "__main__":
    main()
