"""The space of `signal-only`: both step counts, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies.signal_only import Parameters


def paper_point(T: int) -> dict[str, Any]:
    """Not in the paper; sampled as the paper samples everything (D.4): DDIM, all T steps."""
    return as_mapping(Parameters(signal_steps=T, logit_steps=T, eta=0.0))


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    point = {
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        "eta": eta(trial),
    }
    return with_chains(trial, Parameters, point, T)
