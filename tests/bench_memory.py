"""Memory of actors that each load a dataset, or share one: python tests/bench_memory.py [ACTORS].

The dataset is of CIFAR-100's size and layout, made up: 60,000 images of 3x32x32, which are kept as uint8. An
actor that loads it has several times its size, since it keeps the memory that reading took for what it
computes later. Memory is what the actors' processes have for themselves (USS, from smaps_rollup), all of them
together, beyond what they had before; to it comes what the store has, once. Seconds are from when all actors
wait for their data until all have read through them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import platform.backend  # noqa: F401  # before Ray, which has the standard module then

import ray
import torch
from dataset_files import dump, write_batch
from torchvision.datasets import CIFAR100

from trainables.core.memory import keep_pages
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.workers.shared_data import SharedData, share

ACTORS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
MIB = 2**20


def made_up(root: Path) -> None:
    """Write a dataset of CIFAR-100's size in its published layout."""
    folder = root / CIFAR100.base_folder
    names = [f"class {number}" for number in range(100)]
    dump(folder / CIFAR100.meta["filename"], {CIFAR100.meta["key"]: names})
    for name, count in (("train", 50_000), ("test", 10_000)):
        write_batch(folder / name, "fine_labels", [number % 100 for number in range(count)])


def load(root: str) -> Dataset:
    """The dataset."""
    return datasets.load("cifar100", Path(root))


class Reader:
    """An actor with a dataset."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        keep_pages()

    def own(self) -> int:
        """Bytes of memory that no other process has."""
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        fields = [line.split() for line in lines if line.startswith("Private_")]
        return 1024 * sum(int(field[1]) for field in fields)

    def read(self, root: str, shared: SharedData | None) -> int:
        """Load the dataset, from the store where it is shared, and read through it; its size in bytes."""
        self._dataset = load(root) if shared is None else shared.dataset()
        splits = (self._dataset.train, self._dataset.validation, self._dataset.test)
        assert all(int(split.stored.amax()) <= 255 for split in splits)
        return sum(split.stored.nbytes for split in splits)


def measured(root: str, is_shared: bool) -> tuple[float, float, float]:
    """Seconds, the actors' own memory in bytes, and the dataset's size in bytes."""
    actors = [ray.remote(num_cpus=1)(Reader).remote() for _ in range(ACTORS)]
    before = sum(ray.get([actor.own.remote() for actor in actors]))
    start = time.perf_counter()
    shared = share(load(root)) if is_shared else None
    sizes = ray.get([actor.read.remote(root, shared) for actor in actors])
    seconds = time.perf_counter() - start
    own = sum(ray.get([actor.own.remote() for actor in actors])) - before
    for actor in actors:
        ray.kill(actor)
    return seconds, own, sizes[0]


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        made_up(Path(root))
        ray.init(address="local", num_cpus=ACTORS, include_dashboard=False, log_to_driver=False)
        for is_shared in (False, True):
            seconds, own, size = measured(root, is_shared)
            store = size if is_shared else 0
            print(
                f"{'shared' if is_shared else 'each its own':13}{ACTORS} actors: {own / MIB:6.0f} MiB of "
                f"their own, {store / MIB:4.0f} MiB in the store, {seconds:5.1f} s",
                flush=True,
            )
        ray.shutdown()


if __name__ == "__main__":
    main()
