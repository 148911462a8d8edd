"""Names of tags by which runs are found in MLflow, and values from its texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite

FORMAT = "format"
"""The tag with the format of the records that a run's numbers come from: numbers of different formats do not
mean the same, and are not compared.
"""
SHARES = ("resolution", "train_fraction")
"""Tags with the shares of rows and columns, and of the training split; runs of releases that had no such
shares lack them, and are of 1.
"""
LABEL = "label"
"""The tag with a confirmed point's label in tables."""
REPLAY = "replay"
"""The tag with the command that measures a confirmed point again."""
KIND, CLASSES, NOISE_LEVELS = "signal.kind", "signal.classes", "T"
"""Tags with the kind of the signals, the number of classes (0 for sentences), and the number of noise levels
of the processes.
"""
SEARCHED_BY, BOUNDS = "cost", "bounds"
"""Tags of a sweep with the cost that it was searched by, and with the bounds that it was searched within; it
has no such tag where there were none.
"""
PARENT = "mlflow.parentRunId"
"""MLflow's tag with the run that a run is a child of."""
STRATEGY = "strategy"
"""The tag with a run's strategy. It is a parameter too, by which MLflow's charts can group and order runs."""


def share_tags(resolution: float, train_fraction: float) -> dict[str, str]:
    """The tags `SHARES` of runs."""
    return dict(zip(SHARES, (f"{resolution:g}", f"{train_fraction:g}"), strict=True))


def sampling_parameters(params: Mapping[str, str]) -> dict[str, str]:
    """Those of the parameters of a point's run that are sampling parameters."""
    return {name: text for name, text in params.items() if name != STRATEGY}


def value_of(text: str) -> object:
    """A parameter's value from MLflow's text: a number, or else a word."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_scalar = isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value))
    return value if is_scalar else text
