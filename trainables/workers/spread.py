"""Work that falls into pieces, over all CPUs of the cluster that this process is connected to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

Item = TypeVar("Item")
Made = TypeVar("Made")


def over_cluster(make: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[tuple[int, Made]]:
    """Calls a function with each item in a task of Ray's; gives what it made of them as it is made, with
    their place. No more tasks are under way than twice the CPUs.
    """
    task: Any = ray.remote(num_cpus=1)(_called)
    shared = ray.put(make)
    most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting, running = list(range(len(items))), dict[Any, int]()
    while waiting or running:
        while waiting and len(running) < most:
            place = waiting.pop(0)
            running[task.remote(shared, items[place])] = place
        (finished,), _ = ray.wait(list(running), num_returns=1)
        yield running.pop(finished), ray.get(finished)


def _called(make: Callable[[Item], Made], item: Item) -> Made:
    return make(item)
