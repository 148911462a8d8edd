"""What a sweep's parent run in MLflow says of it; whatever is missing or makes no sense is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from platform.comparison.artifacts import artifact_of
from typing import TYPE_CHECKING, NamedTuple

from dashboards.comparison.model import Setting
from dashboards.runs import CLASSES, FORMAT, KIND, NOISE_LEVELS
from trainables.core.errors import UsageError
from trainables.evaluation.records import FORMATS
from trainables.scoring.metric_names import METRIC_OF_KIND

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_LONGEST = 120
_MOST = 10**9


@dataclass(frozen=True)
class DescribedSweep:
    """A finished sweep, by its parent run: what was swept, and the run's id."""

    setting: Setting
    strategy: str
    seed: int
    run_id: str


class Note(NamedTuple):
    """What people should know of what is recorded of a dataset."""

    title: str
    text: str


def plain(text: str) -> str:
    """A text of anybody's in one line of letters that a terminal shows, and not too long."""
    letters = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return letters if len(letters) <= _LONGEST else letters[: _LONGEST - 1] + "…"


def described(client: MlflowClient, run: Run, title: str) -> DescribedSweep:
    """The sweep that a parent run is of, in the experiment of that title.

    Raises:
        UsageError: a tag is missing or makes no sense, or its numbers are of another release.
        StoreAway: the store does not answer any more.
    """
    tags = run.data.tags
    kind, classes = _signals(run)
    answers = "image" if kind == "image" else "word" if classes else "sentence"
    if tags.get(FORMAT) != str(FORMATS[answers]):
        raise UsageError("it is of another release, whose numbers mean something else: sweep again")
    setting = Setting(
        title=plain(title),
        corruption=_word(tags, "corruption"),
        preset=_word(tags, "preset"),
        resolution=_share(tags, "resolution"),
        train_fraction=_share(tags, "train_fraction"),
        kind=kind,
        classes=classes,
        T=_noise_levels(client, run),
    )
    seed = _count("the tag seed", tags.get("seed"))
    return DescribedSweep(setting, _word(tags, "strategy"), seed, run.info.run_id)


def _signals(run: Run) -> tuple[str, int]:
    """The kind of the signals and the number of classes: from tags, or from the dataset that the run names,
    as sweeps had no such tags before.
    """
    values: dict[str, object] = {}
    if KIND in run.data.tags:
        values = {"kind": run.data.tags[KIND], "classes": run.data.tags.get(CLASSES)}
    elif run.inputs is not None and run.inputs.dataset_inputs:
        values = _json_object(run.inputs.dataset_inputs[0].dataset.profile)
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in METRIC_OF_KIND:
        raise UsageError(f"it does not say what its signals are: it lacks the tag {KIND}")
    return kind, _count(f"the tag {CLASSES}", values.get("classes"))


def _noise_levels(client: MlflowClient, run: Run) -> int:
    """The noise levels of the processes: from a tag, or from the sweep's plan, which had them before."""
    text = run.data.tags.get(NOISE_LEVELS)
    if text is not None:
        return _count(f"the tag {NOISE_LEVELS}", text)
    value: object = _json_object(artifact_of(client, run.info.run_id, "plan.json"))
    for name in ("budget", "recipe", "T"):
        value = value.get(name) if isinstance(value, dict) else None
    return _count(f"the tag {NOISE_LEVELS}", value)


def _json_object(text: str | bytes | None) -> dict[str, object]:
    """A JSON object; empty where the text is none."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _word(tags: Mapping[str, str], name: str) -> str:
    if not tags.get(name):
        raise UsageError(f"it lacks the tag {name}")
    return plain(tags[name])


def _share(tags: Mapping[str, str], name: str) -> float:
    """A share above 0, at most 1; 1 where the tag is missing, which releases without shares lack."""
    text = tags.get(name, "1")
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"the tag {name} is {plain(text)!r}, which is no share")
    return share


def _count(name: str, value: object) -> int:
    """A whole number that is not negative, given as one or as a text."""
    if value is None:
        raise UsageError(f"it lacks {name}")
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= _MOST):
        raise UsageError(f"{name} is {plain(text)!r}, which is no whole number")
    return int(text)
