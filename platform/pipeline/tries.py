"""How often a search tries points, so that it ends with as many complete trials as were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from platform.pipeline.study import counted_trials, failed_once, try_again

import optuna

_SPARE_TRIES = 4
"""Tries of a run beyond two for each trial that is missing."""


def most_tries(missing: int) -> int:
    """How often a run tries points at most, where so many complete trials are missing: each twice, and a few
    more, so that a search for one trial does not end with the first point that cannot be measured.
    """
    return 2 * missing + _SPARE_TRIES


def try_until_complete(
    study: optuna.Study,
    trials: int,
    run: Callable[[int], Mapping[int, str]],
    tell: Callable[[str], None],
) -> tuple[dict[int, str], int]:
    """Try points until the study has so many trials, complete or stopped in a race, or no try is left. A
    point that fails is tried once more; one that fails again is replaced by another.

    Args:
        study: the study.
        trials: how many it is to have.
        run: tries so many points; returns why trials failed, by their numbers.
        tell: told that points are tried once more.

    Returns:
        Why points failed that were given up, by the number of each one's last trial; how often points were
        tried.
    """
    tries, most = 0, most_tries(trials - counted_trials(study))
    failures: dict[int, str] = {}
    while (missing := trials - counted_trials(study)) > 0 and tries < most:
        count = min(missing, most - tries)
        failed = run(count)
        tries += count
        again = failed_once(study, failed)[: most - tries]
        failures |= {number: reason for number, reason in failed.items() if number not in again}
        if again:
            try_again(study, again)
            tell(f"trying what failed once more: {len(again)} trials")
    return failures, tries
