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


def next_steps(setup: Setup, reported: ReportedPoint) -> dict[str, str]:
    """Commands to copy, by the words for what they do: replay this point, compare strategies, go on."""
    arguments = (setup.plan.strategy, setup.plan.dataset, *common_flags(setup))
    point = json.dumps(dict(reported.point))
    searching = search_flags(setup)
    return {
        f"replay {reported.label} on the test split": command(
            "platform.evaluate", *arguments, "--point", point
        ),
        "compare with the other strategies that were swept": command(
            "platform.compare", setup.plan.dataset, *compare_flags(setup)
        ),
        "go on with more trials": command(
            "platform.sweep", *arguments, *searching, "--trials", str(2 * setup.plan.trials)
        ),
    }


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
    """The address of an experiment's page, or of one of its runs, in MLflow's interface.

    Without its last words the interface shows a page made for language models.
    """
    root = tracking_uri.rstrip("/") if is_server(tracking_uri) else f"http://127.0.0.1:{PORT}"
    page = f"experiments/{experiment}/runs" + (f"/{run}" if run else "")
    return f"{root}/#/{page}?workflowType=machine_learning"


def is_server(tracking_uri: str) -> bool:
    """Whether a tracking URI names a server of MLflow's, which shows its interface itself."""
    return tracking_uri.startswith(("http:", "https:"))
