"""The space of `logit-only`: both step counts, the sampler, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces import _loops
from trainables.strategies.logit_only import Parameters


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """All T steps, as the paper samples everything."""
    return _loops.two_paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """A point."""
    return _loops.suggest_two(Parameters, trial, T, kind)
