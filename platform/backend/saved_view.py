"""The view of an experiment in MLflow's interface: accuracy against NFE, grouped by strategy.

The interface keeps saved views in tags of the experiment, lists them in its menu "Views", and opens one by an
address. What a view may say was read off the interface of MLflow 3.17: its state is that of the page's search
and of its charts.
"""

from __future__ import annotations

import json
import time
from platform.cli.next_steps import VIEW_TAG, view_page
from typing import TYPE_CHECKING

import search_spaces
from dashboards.runs import STRATEGY
from trainables import strategies
from trainables.scoring.metric_names import (
    ACCURACY,
    GFLOPS,
    HYPERVOLUME,
    LOG_NFE,
    NFE,
    STAGE_TRAIN,
    on_split,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

VIEW_NAME = "accuracy against NFE"
"""What the interface's menu calls it."""

_NOTE_TAG = "mlflow.note.content"
_T = 10  # of which only the names of parameters are asked
_RUNS = 1000  # that a chart draws at most
_TEST, _VALIDATION = on_split("test", ACCURACY), on_split("validation", ACCURACY)
_FRONT, _PARAMETERS, _REST = "accuracy against calls", "sampling parameters", "Model metrics"


def keep_view(client: MlflowClient, experiment: str) -> None:
    """Give an experiment the view, and a description with a link to it, each unless it has one: people may
    have changed them since.
    """
    tags = client.get_experiment(experiment).tags
    wanted = {
        VIEW_TAG: view_tag(),
        _NOTE_TAG: f"See [{VIEW_NAME}]({view_page(experiment)}) of all points, by strategy.",
    }
    for name, value in wanted.items():
        if name not in tags:
            client.set_experiment_tag(experiment, name, value)


def view_tag() -> str:
    """The view as the interface writes it into a tag: its name, when it was made, its state."""
    now = int(time.time() * 1000)
    state = json.dumps(_state())
    return json.dumps({"name": VIEW_NAME, "createdAt": now, "updatedAt": now, "state": state})


def _state() -> dict[str, object]:
    """The search, the table's columns and the charts."""
    grouping = {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "tag", "groupByData": STRATEGY}],
    }
    columns = [f"metrics.`{name}`" for name in (NFE, _TEST, _VALIDATION, GFLOPS)]
    return {
        "searchFilter": f"tags.stage != '{STAGE_TRAIN}'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"params.`{STRATEGY}`", *columns, "tags.`label`", "tags.`stage`"],
        "groupBy": grouping,
        "useGroupedValuesInCharts": False,
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "compareRunSections": [_section(_FRONT), _section(_PARAMETERS), _section(_REST, False)],
        "compareRunCharts": [*_front_charts(), *_parameter_charts()],
    }


def _section(name: str, is_open: bool = True) -> dict[str, object]:
    """A section of charts; the interface puts those that it makes itself into "Model metrics"."""
    return {
        "uuid": name,
        "name": name,
        "display": is_open,
        "isReordered": True,
        "deleted": False,
        "isGenerated": name == _REST,
        "columns": 2,
        "cardHeight": 360,
    }


def _front_charts() -> list[dict[str, object]]:
    """The metrics against calls, on the test and on the validation split, and how the search went."""
    axes = [(NFE, _TEST), (LOG_NFE, _TEST), (LOG_NFE, _VALIDATION)]
    scatters = [
        _chart(
            "SCATTER", f"{y} by {x}", _FRONT,
            xaxis={"key": x, "type": "METRIC"}, yaxis={"key": y, "type": "METRIC"},
        )
        for x, y in axes
    ]  # fmt: skip
    growth = _chart(
        "LINE", HYPERVOLUME, _FRONT,
        metricKey=HYPERVOLUME, selectedMetricKeys=[HYPERVOLUME], lineSmoothness=0, xAxisKey="step",
        xAxisScaleType="linear", scaleType="linear", selectedXAxisMetricKey="", yAxisKey="metric",
        yAxisExpressions=[], ignoreOutliers=False, useGlobalXaxisKey=True, useGlobalLineSmoothing=True,
        range={},
    )  # fmt: skip
    return [*scatters, growth]


def _parameter_charts() -> list[dict[str, object]]:
    """Parallel coordinates: of all strategies, and of each set of sampling parameters. The interface leaves
    runs out that lack one of them, and hides charts that have no run.
    """
    spaces = (search_spaces.load(name).paper_point(_T) for name in strategies.names())
    sets = dict.fromkeys(tuple(space) for space in spaces if len(space) > 1)
    return [
        _chart(
            "PARALLEL", " ".join([STRATEGY, *names]), _PARAMETERS,
            selectedParams=[STRATEGY, *names], selectedMetrics=[NFE, _VALIDATION], showAllRuns=True,
        )
        for names in [(), *sorted(sets)]
    ]  # fmt: skip


def _chart(kind: str, name: str, section: str, **details: object) -> dict[str, object]:
    """A chart of the interface; `details` are those of its kind."""
    return {
        "uuid": name,
        "type": kind,
        "displayName": name,
        "runsCountToCompare": _RUNS,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        **details,
    }
