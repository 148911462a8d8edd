"""Points that a diagnosis proposes to the search: written by `platform.diagnose`, and tried by the search of
that strategy on that task next to the paper's point.

A proposal is a file of the storage, so that the two verbs need not know each other. It is of a task, by its
identity: another preset, seed or corruption, or other data, has a proposal of its own or none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from platform.planning.setup import Setup

import search_spaces
from trainables.core.config import digest, identity
from trainables.core.files import write_json
from trainables.core.places import workspace


def proposal_file(setup: Setup) -> Path:
    """The file of the proposal for a setup's strategy and task, whether it is there or not."""
    name = digest([setup.plan.strategy, identity(setup.task)])
    return workspace(setup.plan.storage) / "diagnose" / "proposals" / f"{name}.json"


def write_proposal(setup: Setup, parameters: Mapping[str, object], reason: str) -> Path:
    """Propose the paper's point with these parameters of the space in the place of its own; returns the
    file. An earlier proposal is replaced.
    """
    plan = setup.plan
    contents = {
        "strategy": plan.strategy,
        "dataset": setup.facts.title,
        "corruption": plan.condition,
        "preset": plan.preset,
        "seed": plan.seed,
        "parameters": dict(parameters),
        "reason": reason,
    }
    file = proposal_file(setup)
    write_json(file, contents)
    return file


def withdraw_proposal(setup: Setup) -> None:
    """Remove an earlier proposal, if there is one."""
    proposal_file(setup).unlink(missing_ok=True)


def proposed_point(setup: Setup) -> dict[str, object] | None:
    """The point that is proposed for a setup; None where nothing is."""
    file = proposal_file(setup)
    if not file.exists():
        return None
    parameters: dict[str, object] = json.loads(file.read_text())["parameters"]
    space = search_spaces.load(setup.plan.strategy)
    paper: dict[str, object] = space.paper_point(setup.task.recipe.T, setup.facts.kind)
    return paper | parameters
