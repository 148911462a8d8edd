"""Sweeps by anyone, read from MLflow alone: their confirmed points with their answers, and their trials.

What a store holds is not trusted: a sweep, a point or a trial that is not as it must be is left out, and a
note says so.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from platform.comparison.children import recorded_sweep
from platform.comparison.described import DescribedSweep, Note, described, plain
from platform.comparison.recorded import RecordedSweep
from platform.planning.locations import without_passwords
from typing import TYPE_CHECKING

from dashboards.runs import BOUNDS, PARENT, SEARCHED_BY, SHARES, STRATEGY
from trainables.core.errors import UsageError
from trainables.core.progress import Progress, quiet
from trainables.scoring.cost_metrics import USUAL_COST
from trainables.scoring.metric_names import STAGE_SWEEP

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1000  # runs that are asked for at once


@dataclass(frozen=True)
class Wanted:
    """Which sweeps are compared; None is all that there are.

    Args:
        corruption, preset: names.
        resolution, train_fraction: shares.
        seeds: training seeds.
        cost: of several sweeps of one strategy, one that was searched by this cost, without bounds, stands
            before others.
    """

    corruption: str | None = None
    preset: str | None = None
    resolution: float | None = None
    train_fraction: float | None = None
    seeds: tuple[int, ...] | None = None
    cost: str = USUAL_COST

    def includes(self, tags: Mapping[str, str]) -> bool:
        """Whether a sweep with these tags is wanted."""
        shares = dict.fromkeys(SHARES, "1") | dict(tags)
        return all(shares.get(name) in allowed for name, allowed in self._allowed().items())

    def is_usual(self, tags: Mapping[str, str]) -> bool:
        """Whether a sweep with these tags was searched by the cost, without bounds."""
        return tags.get(SEARCHED_BY, USUAL_COST) == self.cost and BOUNDS not in tags

    def _allowed(self) -> dict[str, tuple[str, ...]]:
        """The values that tags may have, of those that are not free."""
        shares = {"resolution": self.resolution, "train_fraction": self.train_fraction}
        words = {"corruption": self.corruption, "preset": self.preset}
        words |= {n: None if share is None else f"{share:g}" for n, share in shares.items()}
        allowed = {name: (word,) for name, word in words.items() if word is not None}
        seeds = {} if self.seeds is None else {"seed": tuple(map(str, self.seeds))}
        return {**allowed, **seeds}

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the tags that are not free."""
        return tuple(self._allowed())

    @property
    def text(self) -> str:
        """What is wanted, in words that follow others; empty where that is all."""
        words = [f"{name} {' or '.join(values)}" for name, values in self._allowed().items()]
        return f" with {', '.join(words)}" if words else ""


@dataclass(frozen=True)
class Reading:
    """The sweeps that a store has, and what people should know of what was left out."""

    sweeps: tuple[RecordedSweep, ...]
    notes: tuple[Note, ...]


def read_sweeps(
    client: MlflowClient,
    titles: Sequence[str] | None,
    wanted: Wanted,
    progress: Progress = quiet,
) -> Reading:
    """The newest finished sweep of each setting, strategy and training seed that is wanted, of those that
    were searched as is usual where there are any.

    Args:
        client: of the tracking store.
        titles: of the datasets, which are the experiments' names; all that have sweeps if None.
        wanted: which of their sweeps.
        progress: told of every sweep.

    Raises:
        UsageError: there is no such experiment, or no such sweep that can be read.
        StoreAway: the store does not answer any more.
    """
    experiments = experiments_of(client, titles)
    newest, notes, others = _newest(client, experiments, wanted)
    sweeps = []
    for number, sweep in enumerate(newest):
        text = f"{sweep.strategy} on {sweep.setting.title}"
        progress(number, len(newest), f"reading {text}")
        runs: list[Run] = []
        query = f"tags.`{PARENT}` = '{sweep.run_id}' and attributes.status = 'FINISHED'"
        for page in _pages(client, list(experiments), query):
            runs += page
            progress(number, len(newest), f"reading {text}: {len(runs)} runs")
        recorded, said = recorded_sweep(client, sweep, runs)
        notes += said
        if recorded is not None:
            sweeps.append(recorded)
    progress(len(newest), len(newest), "reading sweeps")
    if not sweeps:
        raise _nothing(client, titles, wanted, notes, others)
    return Reading(tuple(sweeps), tuple(notes))


def experiments_of(client: MlflowClient, titles: Sequence[str] | None) -> dict[str, str]:
    """The titles of experiments by their ids: of those of these titles, or of all.

    Raises:
        UsageError: there is none of a title.
    """
    every: list[tuple[str, str]] = []
    token = None
    while True:
        page = client.search_experiments(page_token=token)
        every += [(experiment.name, experiment.experiment_id) for experiment in page]
        token = page.token
        if not token:
            break
    ids = dict(every)
    for title in titles or ():
        if title not in ids:
            names = sorted(plain(name) for name in ids if name != "Default")
            similar = difflib.get_close_matches(title, names, n=1)
            hint = f"did you mean {similar[0]!r}? " if similar else "run a sweep first; "
            raise UsageError(
                f"no experiment {title!r} in {without_passwords(client.tracking_uri)}: {hint}it has: "
                f"{', '.join(names) or 'none'}"
            )
    return {ids[title]: title for title in dict.fromkeys(ids if titles is None else titles)}


def _pages(client: MlflowClient, experiments: Sequence[str], query: str) -> Iterator[list[Run]]:
    """All runs that a query matches, the newest first, as many at once as one answer has."""
    order, token = ["attributes.start_time DESC"], None
    while True:
        page = client.search_runs(
            list(experiments), query, max_results=_PAGE, order_by=order, page_token=token
        )
        yield list(page)
        token = page.token
        if not token:
            return


def _newest(
    client: MlflowClient, experiments: Mapping[str, str], wanted: Wanted
) -> tuple[list[DescribedSweep], list[Note], list[Mapping[str, str]]]:
    """The newest finished sweeps, a sweep for each setting, strategy and seed; notes of sweeps that are not
    understood where there is no other in their place, and of those that were not searched as is usual; and
    the tags of sweeps that are not wanted.
    """
    query = f"tags.stage = '{STAGE_SWEEP}' and attributes.status = 'FINISHED'"
    newest: dict[tuple[object, ...], DescribedSweep] = {}
    unusual: dict[tuple[object, ...], Note] = {}
    refused: dict[tuple[str, str, str], Note] = {}
    others: list[Mapping[str, str]] = []
    for run in (run for page in _pages(client, list(experiments), query) for run in page):
        title, tags = experiments[run.info.experiment_id], run.data.tags
        if not wanted.includes(tags):
            others.append(tags)
            continue
        try:
            sweep = described(client, run, title)
        except UsageError as error:
            name = f"the sweep {plain(run.info.run_name or '')!r} ({run.info.run_id})"
            key = title, tags.get(STRATEGY, ""), tags.get("corruption", "")
            refused.setdefault(key, Note(plain(title), f"{name} is left out: {error}"))
        else:
            place = sweep.setting, sweep.strategy, sweep.seed
            usual = wanted.is_usual(tags)
            if place not in newest or (usual and place in unusual):
                newest[place] = sweep
                unusual.pop(place, None)
                if not usual:
                    unusual[place] = _unusual(sweep, tags)
    found = list(newest.values())
    known = {(sweep.setting.title, sweep.strategy, sweep.setting.corruption) for sweep in found}
    notes = [note for key, note in refused.items() if key not in known]
    return found, [*notes, *unusual.values()], others


def _unusual(sweep: DescribedSweep, tags: Mapping[str, str]) -> Note:
    """What people should know of a sweep that was not searched as is usual."""
    how = f"by {plain(tags.get(SEARCHED_BY, USUAL_COST))}"
    how += f", {plain(tags[BOUNDS])}" if BOUNDS in tags else ""
    return Note(sweep.setting.title, f"{sweep.strategy}, seed {sweep.seed}, was searched {how}")


def _nothing(
    client: MlflowClient,
    titles: Sequence[str] | None,
    wanted: Wanted,
    notes: Sequence[Note],
    others: Sequence[Mapping[str, str]],
) -> UsageError:
    """The refusal of a store that has no sweep to compare, with those that it has."""
    uri = without_passwords(client.tracking_uri)
    subject = f" of {', '.join(map(plain, titles))}" if titles else ""
    reasons = f" ({'; '.join(note.text for note in notes[:3])})" if notes else ""
    values = {
        name: " or ".join(sorted({plain(tags[name]) for tags in others if name in tags}))
        for name in wanted.named
    }
    there = ", ".join(f"{name} {text}" for name, text in values.items() if text)
    what = f"ask for what there is: {there}" if there else "run platform.sweep first"
    return UsageError(f"{uri} has no finished sweep{subject}{wanted.text}{reasons}: {what}")
