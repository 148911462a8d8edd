"""What the paper of DiDiCM reports (Belhasin et al. 2026), as tables of the methods that are its and ours."""

from __future__ import annotations

from platform.reproduction.paper_tables import Method, Table
from typing import Any

SHARES = (1.0, 0.5, 0.25)
"""Of an image's side, 224, 112 and 56 pixels of 224, and of the training split."""
GRID = tuple((resolution, fraction) for fraction in SHARES for resolution in SHARES)
"""The nine levels of uncertainty of its first table: resolution and training share."""
_PAPER_STEPS = 8
_BUDGET = ((0.25, 1.0),)
"""The level that its second table is of: 56 pixels, all training data."""

PAPER_GAINS = {(1.0, 1.0): (-0.02, 0.69), (0.25, 0.25): (5.3, 5.9)}
"""How many percent more DiDiRN-50 has right than ResNet-50 on ImageNet (its strong augmentation), of the
first and of the five first classes, by resolution and training share, where it is told.
"""


def didicm(T: int) -> Table:
    """Its first table: a classifier and DiDiCM-CP in 8 steps, both trained on what they are shown."""
    methods = (
        Method("retrained", "retrained", lambda steps: {}),
        _cp(_PAPER_STEPS, f"didicm-cp, {_PAPER_STEPS} steps"),
    )
    title = "DiDiCM, resolution and training share"
    return Table(title, methods, ("cifar100",), ("none",), {}, 0, conditions=GRID)


def didicm_budget(T: int) -> Table:
    """Its second table: accuracy by the calls that DiDiCM is given, of CP and of CL."""
    methods = (
        Method("retrained", "retrained", lambda steps: {}),
        *(_cp(steps, f"didicm-cp, {steps} steps") for steps in (1, 2, 4, 8)),
        *(_cl(steps, chains) for steps, chains in ((1, 16), (2, 4), (2, 16), (4, 16))),
    )
    title = "DiDiCM, calls"
    return Table(title, methods, ("cifar100",), ("none",), {}, 0, conditions=_BUDGET)


def _cp(count: int, label: str) -> Method:
    point: dict[str, Any] = {"steps": count, "predictor": "euler", "choice": "argmin"}
    return Method(label, "didicm-cp", lambda steps: point)


def _cl(count: int, chains: int) -> Method:
    point: dict[str, Any] = {"steps": count, "label_chains": chains, "predictor": "euler"}
    return Method(f"didicm-cl, {count} steps × {chains} chains", "didicm-cl", lambda steps: point)


DIDICM = "didicm"
TABLES = {DIDICM: didicm, f"{DIDICM}-budget": didicm_budget}
"""This paper's tables by their names on the command line; they have conditions of their own."""
