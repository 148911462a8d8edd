"""Commands to type after a sweep, for the terminal and for the description of its run in MLflow."""

from __future__ import annotations

import json
from platform.cli.next_commands import (
    command,
    common_flags,
    compare_flags,
    place_flags,
    search_flags,
)
from platform.planning.setup import Setup

from dashboards.points import ReportedPoint

PORT = 5000
"""Where the interface is served first: MLflow's own."""
VIEW = "accuracy-by-nfe-1"
"""The key of the view that experiments have, see `platform.backend.saved_view`; a view that is made otherwise
gets another number, so that experiments that have the earlier one get it too.
"""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
"""The tag of an experiment with the view."""
_FOR_TRAINING = (
    "workflowType=machine_learning"  # the interface else shows pages for language models
)


def next_steps(setup: Setup, reported: ReportedPoint) -> dict[str, str]:
    """Commands to copy, by the words for what they do: replay this point, compare strategies, go on."""
    arguments = (setup.plan.strategy, setup.plan.dataset, *common_flags(setup))
    point = json.dumps(dict(reported.point))
    return {
        f"replay {reported.label} on the test split": command(
            "platform.evaluate", *arguments, "--point", point
        ),
        "compare with the other strategies that were swept": command(
            "platform.compare", setup.plan.dataset, *compare_flags(setup)
        ),
        "go on with more trials": sweep_command(setup, 2 * setup.plan.trials),
    }


def replay_command(setup: Setup, strategy: str, run: str) -> str:
    """The command that measures a confirmed point of a strategy again, named by its run in MLflow."""
    words = strategy, setup.plan.dataset, *common_flags(setup)
    return command("platform.evaluate", *words, "--run", run)


def sweep_command(setup: Setup, trials: int) -> str:
    """The command that sweeps as this setup does, up to so many trials."""
    plan = setup.plan
    flags = (*common_flags(setup), *search_flags(setup), "--trials", str(trials))
    return command("platform.sweep", plan.strategy, plan.dataset, *flags)


def page_steps(setup: Setup) -> dict[str, str]:
    """The command that shows a database's runs in MLflow's interface; none where a server shows them."""
    if is_server(setup.plan.tracking_uri):
        return {}
    shown = command("platform.ui", *place_flags(setup.plan.storage, setup.plan.tracking_uri))
    return {"open MLflow's interface, then look at that page": shown}


def home_address(server: str) -> str:
    """The address of the list of experiments in an interface, given the server's."""
    return f"{server.rstrip('/')}/#/experiments"


def page_address(tracking_uri: str, experiment: str, run: str = "") -> str:
    """The address of one of an experiment's runs in MLflow's interface, or of the view of all of them."""
    root = tracking_uri.rstrip("/") if is_server(tracking_uri) else f"http://127.0.0.1:{PORT}"
    page = (
        f"#/experiments/{experiment}/runs/{run}?{_FOR_TRAINING}" if run else view_page(experiment)
    )
    return f"{root}/{page}"


def view_page(experiment: str) -> str:
    """The end of the address of an experiment's view: accuracy against NFE, by strategy."""
    view = f"viewStateShareKey={VIEW}&compareRunsMode=CHART"
    return f"#/experiments/{experiment}/runs?{view}&{_FOR_TRAINING}"


def is_server(tracking_uri: str) -> bool:
    """Whether a tracking URI names a server of MLflow's, which shows its interface itself."""
    return tracking_uri.startswith(("http:", "https:"))
