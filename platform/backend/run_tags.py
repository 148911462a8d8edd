"""The tags that all runs of a setup have in MLflow, and those of a sweep."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from platform.planning.plan import Plan
from platform.planning.setup import Setup

from dashboards.runs import (
    BOUNDS,
    CLASSES,
    FORMAT,
    KIND,
    NOISE_LEVELS,
    SEARCHED_BY,
    share_tags,
)
from trainables.evaluation.records import FORMATS
from trainables.training.part_store import key_of

COMMIT_VARIABLE = "COUPLED_COMMIT"
"""The environment variable that names the commit where the code is no checkout: in a job, in an image."""
_PACKAGES = ("torch", "ray", "optuna", "mlflow", "numpy")


def run_tags(setup: Setup) -> dict[str, str]:
    """What was asked for, and what it was done with: parts, code and packages."""
    plan = setup.plan
    parts = {f"part.{kind}": key_of(kind, setup.task) for kind in setup.kinds}
    return {
        "strategy": plan.strategy,
        "dataset": setup.facts.title,
        "corruption": plan.corruption,
        "preset": plan.preset,
        **share_tags(plan.resolution, plan.train_fraction),
        "precision": plan.precision,
        "seed": str(plan.seed),
        KIND: setup.facts.kind,
        CLASSES: str(setup.facts.classes),
        NOISE_LEVELS: str(setup.task.recipe.T),
        FORMAT: str(FORMATS[setup.facts.answers]),
        "sweep": setup.sweep_id,
        **code_tags(),
        **parts,
    }


def search_tags(plan: Plan) -> dict[str, str]:
    """How a sweep is searched: its sampler, its cost, its bounds if it has any, and whether trials race."""
    tags = {"split": "validation", "sampler": plan.sampler, SEARCHED_BY: plan.cost}
    bounds = {"at most": plan.max_cost, "at least": plan.min_accuracy}
    if any(bounds.values()):
        tags[BOUNDS] = ", ".join(f"{name} {bound:g}" for name, bound in bounds.items() if bound)
    if plan.racing:
        tags["racing"] = "true"
    return tags


def code_tags() -> dict[str, str]:
    """The code and the packages that a run was made with."""
    packages = {f"version.{name}": version(name) for name in _PACKAGES}
    return {"git.commit": commit(), "version.python": sys.version.split()[0], **packages}


def commit() -> str:
    """The commit of the checkout, with a mark where it has changes. Where the code is no checkout it is what
    `COUPLED_COMMIT` says, else "unknown".
    """
    folder = Path(__file__).parent
    try:
        completed = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return os.environ.get(COMMIT_VARIABLE) or "unknown"
    return completed.stdout.strip()
