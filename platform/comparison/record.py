"""The run in MLflow of a comparison: one for all times that the same is compared, with its last content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from platform.backend.run_tags import code_tags
from platform.backend.tracking_database import directory_of, is_database
from platform.backend.tracking_store import experiment_of, own_artifacts
from typing import TYPE_CHECKING

from trainables.scoring.metric_names import STAGE_COMPARE

if TYPE_CHECKING:
    from mlflow import MlflowClient

SEVERAL = "comparisons"
"""The experiment of comparisons of several datasets; that of one dataset is in the dataset's."""
_COMPARED = "compared"  # the tag with what tells a comparison apart
_LONGEST = 6000  # letters of a description: MLflow takes 8000


@dataclass(frozen=True)
class RecordedComparison:
    """Where a comparison was recorded: the ids of experiment and run."""

    experiment: str
    run: str


def mend_places(client: MlflowClient, storage: Path, titles: Sequence[str]) -> list[str]:
    """Where a store was copied or moved with its artifacts, make the store say where these are now; returns
    what people should know.
    """
    if not is_database(client.tracking_uri):
        return []
    notes = []
    for title in titles:
        place = own_artifacts(client.tracking_uri, storage, title)
        experiment = client.get_experiment_by_name(title)
        old = directory_of(experiment.artifact_location) if experiment else None
        moved = place is not None and old is not None and old.parts[-2:] == place.parts[-2:]
        if moved and old != place and place is not None and place.is_dir():
            notes.append(experiment_of(client, title, place)[1])
    return notes


def record_comparison(
    client: MlflowClient,
    storage: Path,
    titles: Sequence[str],
    identity: str,
    tags: Mapping[str, str],
    lines: Sequence[str],
    folder: Path,
) -> RecordedComparison:
    """Record a comparison and attach its files; a run of the same comparison gets the new content.

    Args:
        client: of the tracking store.
        storage: the directory of all output.
        titles: of the datasets that are compared.
        identity: what tells the comparison apart from others.
        tags: of the run; `mlflow.runName` is its name.
        lines: paragraphs of its description.
        folder: of its files.

    Raises:
        MlflowException: the store does not answer, or cannot be written.
    """
    alone = len(titles) == 1 and client.get_experiment_by_name(titles[0]) is not None
    title = titles[0] if alone else SEVERAL
    place = own_artifacts(client.tracking_uri, storage, title)
    experiment, _ = experiment_of(client, title, place)
    query = f"tags.stage = '{STAGE_COMPARE}' and tags.{_COMPARED} = '{identity}'"
    earlier = client.search_runs([experiment], query, max_results=1)
    every = {"stage": STAGE_COMPARE, "split": "test", _COMPARED: identity, **code_tags(), **tags}
    every["mlflow.note.content"] = _description(lines)
    if earlier:
        run = earlier[0].info.run_id
        client.update_run(run, status="RUNNING", name=tags["mlflow.runName"])
        for name, value in every.items():
            client.set_tag(run, name, value)
    else:
        run = client.create_run(experiment, tags=every, run_name=tags["mlflow.runName"]).info.run_id
    status = "FAILED"
    try:
        client.log_artifacts(run, str(folder))
        _remove_others(client, run, {path.name for path in folder.iterdir()})
        status = "FINISHED"
    finally:
        client.set_terminated(run, status)
    return RecordedComparison(experiment, run)


def _remove_others(client: MlflowClient, run: str, names: set[str]) -> None:
    """Remove from a run the files and folders of other names, which an earlier comparison left; where they
    are kept by something that removes nothing, they stay.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    others = [item.path for item in client.list_artifacts(run) if item.path not in names]
    if not others:
        return
    artifacts = get_artifact_repository(
        client.get_run(run).info.artifact_uri, tracking_uri=client.tracking_uri
    )
    for name in others:
        try:
            artifacts.delete_artifacts(name)
        except NotImplementedError:  # MLflow's word for a place of files that removes nothing
            return


def _description(lines: Sequence[str]) -> str:
    """Paragraphs, as many as MLflow has room for; the last one, with the command, is always there."""
    kept, room = [], _LONGEST - len(lines[-1])
    for line in lines[:-1]:
        room -= len(line) + 2
        if room < 0:
            kept.append("More is on the page that is attached.")
            break
        kept.append(line)
    return "\n\n".join([*kept, lines[-1]])
