"""Computing results in a thread before they are used, so that a GPU never waits for data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def prefetch(
    works: Sequence[Callable[[], Result]], threaded: bool
) -> Iterator[Callable[[], Result]]:
    """Functions that return the results of `works`, in order.

    Args:
        works: what computes each result.
        threaded: whether a thread computes the next result while the current one is used; otherwise
            each is computed when its function is called.
    """
    if not threaded or not works:
        yield from works
        return
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(works[0])
        for work in [*works[1:], None]:
            current = upcoming
            if work is not None:
                upcoming = pool.submit(work)
            yield current.result
