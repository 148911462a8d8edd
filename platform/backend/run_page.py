"""The parts of a run in MLflow that people read: its name, its description, its dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from platform.cli.next_steps import next_steps
from platform.planning.setup import Setup
from typing import TYPE_CHECKING

from dashboards.points import ReportedPoint, describe
from trainables.core.config import digest

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput


def trial_name(strategy: str, point: Mapping[str, object], number: int) -> str:
    """The name of a trial's run: strategy and point first, since tables cut the end off."""
    return f"{strategy} {short_text(point)} (trial {number})"


def confirm_name(reported: ReportedPoint) -> str:
    """The name of a confirmed point's run."""
    return f"test {reported.label} {short_text(reported.point)}".rstrip()


def short_text(point: Mapping[str, object]) -> str:
    """A point in few words, parameters by their shortest names: `outer=35 inner=2 switch=0.5`."""
    return describe(
        {re.sub(r"^t_|_(steps|interval)$", "", name): value for name, value in point.items()}
    )


def description(setup: Setup, trials: int, replayed: ReportedPoint, lines: Sequence[str]) -> str:
    """A sweep's description in Markdown: what was searched, the results, the commands to type next.

    Commands stand within the text, where lines are wrapped: a block of code as long as they are pushes
    the rest of the page out of the window.

    Args:
        setup: the sweep's.
        trials: how many complete trials there are.
        replayed: the point that the command to replay names.
        lines: the results, a line each.
    """
    summary = (
        f"The sampling parameters of **{setup.plan.strategy}** on {setup.setting}: {trials} trials on the "
        f"validation split; the front, the paper's point and the baselines confirmed on the test split."
    )
    results = [f"- {line}" for line in lines]
    steps = [
        f"To {purpose}: `{command}`" for purpose, command in next_steps(setup, replayed).items()
    ]
    children = "Child runs are trials (`tags.stage = 'trial'`) and confirmed points (`'confirm'`)."
    return "\n\n".join([summary, "\n".join(results), children, *steps])


def dataset_input(setup: Setup, split: str) -> DatasetInput:
    """The dataset as MLflow lists and filters it, with the split that a run used."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    facts = setup.facts
    profile = {"kind": facts.kind, "shape": list(facts.signal_shape), "classes": facts.classes}
    dataset = Dataset(
        name=facts.title,
        digest=digest([setup.plan.dataset, facts.content]),
        source_type="local",
        source=json.dumps({"uri": str(setup.storage.data)}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split)])
