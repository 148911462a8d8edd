"""Work done ahead of its use, so that a GPU never waits for data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def prefetch(works: Sequence[Callable[[], Made]], threaded: bool) -> Iterator[Callable[[], Made]]:
    """A way to each work's result, in order; where `threaded`, a thread makes the next one while this
    one is used, else each is made when it is asked for.
    """
    if not threaded or not works:
        yield from works
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(works[0])
        for following in [*works[1:], None]:
            current = coming
            if following is not None:
                coming = pool.submit(following)
            yield current.result
