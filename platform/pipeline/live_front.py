"""The front of a search while it runs: in the terminal, and in MLflow on the sweep's run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from platform.backend.run_page import SEARCH_FRONT
from platform.backend.session import TrackedSession
from platform.cli.console import Bar

from dashboards.colors import style_of
from dashboards.text_front import FRONT_LETTERS, text_front
from trainables.core.files import write_files

_SECONDS = 10.0
"""How far apart refreshes in MLflow are at least."""
_SHARE = 0.02
"""The share of the search's time that refreshes take at most: the driver makes them, and meanwhile gives no
new point to an actor.
"""


class Throttle:
    """Says when something that takes time may be done again.

    Args:
        seconds: how far apart the ends and the beginnings are at least.
        share: the share of all time that it takes at most.
        clock: the time in seconds.
    """

    def __init__(
        self, seconds: float, share: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._share, self._clock = seconds, share, clock
        self._next_time = -float("inf")

    def run(self, work: Callable[[], None]) -> bool:
        """Do the work if it is time for it; returns whether it was done."""
        start = self._clock()
        if start < self._next_time:
            return False
        work()
        end = self._clock()
        self._next_time = end + max(self._seconds, (end - start) / self._share)
        return True


class LiveFront:
    """Shows the front of a search so far.

    Args:
        session: the sweep's.
        bar: of the search, above which the terminal shows it.
    """

    def __init__(self, session: TrackedSession, bar: Bar) -> None:
        self._session, self._bar = session, bar
        self._throttle = Throttle(_SECONDS, _SHARE)
        self._trials: list[tuple[float, float]] = []
        self._count = 0
        self._is_recorded = True

    def update(self, trials: Sequence[tuple[float, float]], count: int | None = None) -> None:
        """Show the front of these (accuracy, cost): in the terminal at once, in MLflow where it is time. The
        search has come to so many trials, by default these alone.
        """
        setup = self._session.setup
        self._trials, self._is_recorded = list(trials), False
        self._count = len(trials) if count is None else count
        color = style_of(setup.plan.strategy).color
        self._bar.draw(
            text_front(self._trials, setup.metric, cost=setup.cost), FRONT_LETTERS, color
        )
        self._throttle.run(self._record)

    def finish(self) -> None:
        """Record the last front in MLflow, if it is not there yet."""
        if not self._is_recorded:
            self._record()

    def _record(self) -> None:
        """Attach the figure to the sweep's run, and describe how far it is."""
        # With matplotlib, which takes half a second to load.
        from dashboards.figure_files import png
        from dashboards.search_front import search_figure

        setup, tracker = self._session.setup, self._session.tracker
        strategy, done, metric = setup.plan.strategy, self._count, setup.metric
        if done:
            title = f"{strategy} on {setup.setting}"
            note = f"{done} of {setup.plan.trials} trials, on validation {metric.samples}"
            figure = search_figure(title, strategy, self._trials, note, metric, setup.cost)
            (path,) = write_files(setup.folder, {SEARCH_FRONT: png(figure)}).values()
            tracker.artifact(path, setup.folder)
        tracker.searching(done)
        self._is_recorded = True
