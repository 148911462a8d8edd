"""What reproducing a table will take: of each setting the parts that are to be trained and the points that
are to be measured, with the time of both, predicted from a few network calls timed on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from platform.backend.allocation import Allocation
from platform.cli.counts import counted
from platform.pipeline import forecast
from platform.pipeline.remaining import missing_runs
from platform.planning.setup import Setup
from platform.reproduction.work import Work

from trainables.training.part_store import in_order, key_of


@dataclass
class _Foreseen:
    """What the settings before one will have left in the storage, and what calls take on their data.

    Args:
        parts: keys of trained parts.
        records: keys of measurements.
        calls: by the dataset's name.
    """

    parts: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    calls: dict[str, forecast.TimedCalls] = field(default_factory=dict)


def lines(work: Work, allocation: Allocation, own: bool) -> list[str]:
    """The prediction of all settings of a table, in words; nothing is started, written or downloaded.

    Raises:
        UsageError: published weights that were named cannot be used.
    """
    foreseen, text, total = _Foreseen(), [], forecast.START
    for setup in work.setups:
        line, seconds = _of_setting(work, setup, allocation, own, foreseen)
        text.append(line)
        total += seconds
    settings = counted(len(work.setups), "setting")
    return [
        f"{work.name}, preset {work.setups[0].plan.preset}, {settings} of data, corruption and seed:",
        *text,
        f"time, about, with start-up: {forecast.duration(total)}; {forecast.timed_on(allocation)}",
        f"output: {work.folder}",
        f"tracking: {work.setups[0].plan.tracking_uri}",
    ]


def _of_setting(
    work: Work, setup: Setup, allocation: Allocation, own: bool, foreseen: _Foreseen
) -> tuple[str, float]:
    """The prediction of a setting, in words, and its seconds."""
    plan, kinds, candidates = setup.plan, work.kinds(setup), work.candidates(setup)
    if plan.dataset not in foreseen.calls:
        device = allocation.device_here
        foreseen.calls[plan.dataset] = forecast.timed_calls(setup, kinds, device)
    calls = foreseen.calls[plan.dataset]
    keys = {kind: key_of(kind, setup.task) for kind in in_order(kinds)}
    missing = [
        kind
        for kind in setup.storage.parts.missing(kinds, setup.task)
        if keys[kind] not in foreseen.parts
    ]
    foreseen.parts.update(keys.values())
    runs = missing_runs(setup, candidates, "test", foreseen.records)
    for candidate, method in zip(candidates, work.table(setup).methods, strict=True):
        if method.most:
            runs += missing_runs(setup, [candidate], "test", foreseen.records, method.most)
    training = forecast.seconds_to_train(setup, kinds, missing, allocation, own, calls)
    measuring = forecast.seconds_to_measure(runs, allocation, calls)
    return (
        f"  {setup.facts.title}, {plan.condition}, seed {plan.seed}: to train "
        f"{', '.join(missing) or 'nothing'} ({forecast.duration(training)}); to measure {len(runs)} "
        f"{'run' if len(runs) == 1 else 'runs'} ({forecast.duration(measuring)})"
    ), training + measuring
