"""The parts of a run in MLflow that people read: its name, its description, its dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from platform.cli.next_steps import next_steps, sweep_command
from platform.planning.setup import Setup
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from dashboards.points import ReportedPoint, describe
from trainables.core.config import digest

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput


SMALL_FRONT = "front-small.png"
"""The artifact of a sweep's run with its front in a size that the interface's page has room for."""
SEARCH_FRONT = "live/front.png"
"""The artifact of a sweep's run with the front of the search so far."""


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


def description(
    setup: Setup, run_id: str, trials: int, replayed: ReportedPoint, lines: Sequence[str]
) -> str:
    """A sweep's description in Markdown: what was searched, the results, the front, the commands to type
    next.

    The interface shows the first lines, and the rest where that is asked for: results come first. Commands
    stand within the text, where lines are wrapped: a block of code as long as they are pushes the rest of the
    page out of the window.

    Args:
        setup: the sweep's.
        run_id: of the sweep's run, which has the artifacts.
        trials: how many complete trials there are.
        replayed: the point that the command to replay names.
        lines: the results, a line each.
    """
    summary = (
        f"**{setup.plan.strategy}** on {setup.setting}: {trials} trials, the front confirmed on test "
        f"{setup.metric.samples}."
    )
    results = [f"- {line}" for line in lines]
    pages = (
        "Artifacts: `front.html` is this picture to hover over, `front.png` and `front.svg` are larger, "
        "`front.csv` is its table, `samples.png` what samples look like; "
        f"`{SEARCH_FRONT}` was refreshed during the search and has its trials alone."
    )
    steps = [
        f"To {purpose}: `{command}`" for purpose, command in next_steps(setup, replayed).items()
    ]
    children = "Child runs are trials (`tags.stage = 'trial'`) and confirmed points (`'confirm'`)."
    picture = _picture("front", SMALL_FRONT, run_id)
    return "\n\n".join([summary, "\n".join(results), picture, pages, children, *steps])


def search_description(setup: Setup, run_id: str, trials: int) -> str:
    """The description of a sweep whose search is under way, or was stopped, in Markdown.

    Args:
        setup: the sweep's.
        run_id: of the sweep's run, which has the artifacts.
        trials: how many complete trials there are so far.
    """
    summary = (
        f"The sampling parameters of **{setup.plan.strategy}** on {setup.setting}: {trials} of "
        f"{setup.plan.trials} trials of the search are complete so far; its front is confirmed on the test "
        "split afterwards."
    )
    picture = _picture("front so far", SEARCH_FRONT, run_id) if trials else ""
    go_on = f"To go on, where it was stopped: `{sweep_command(setup, setup.plan.trials)}`"
    return "\n\n".join(part for part in (summary, picture, go_on) if part)


def _picture(name: str, artifact: str, run_id: str) -> str:
    """An artifact of a run as a picture in Markdown. The address is relative to the interface's page."""
    words = urlencode({"path": artifact, "run_uuid": run_id})
    return f"![{name}](get-artifact?{words})"


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
