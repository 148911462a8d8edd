"""A parallel map over all CPUs of the Ray cluster that this process is connected to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

Item = TypeVar("Item")
Result = TypeVar("Result")


def over_cluster(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[int, Result]]:
    """Calls a function with each item in a Ray task of its own.

    Yields the index of each item with its result, in the order in which tasks finish. At any time
    there are at most twice as many tasks as CPUs.
    """
    remote_apply = ray.remote(num_cpus=1)(_apply)
    function_ref = ray.put(function)
    largest_count = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting, tasks = list(range(len(items))), dict[ray.ObjectRef[Result], int]()
    while waiting or tasks:
        while waiting and len(tasks) < largest_count:
            index = waiting.pop(0)
            tasks[remote_apply.remote(function_ref, items[index])] = index
        (finished,), _ = ray.wait(list(tasks), num_returns=1)
        yield tasks.pop(finished), ray.get(finished)


def _apply(function: Callable[[Any], Any], item: Any) -> Any:
    """The function's result; functions and items of any type pass through one remote function."""
    return function(item)
