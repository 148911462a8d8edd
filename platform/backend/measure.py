"""Measuring many points at once on the cluster's actors; what is in the records costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from platform.backend.candidates import Candidate, groups, missing_unit, records_of
from platform.backend.dispatch import Dispatch
from platform.backend.session import Session
from platform.planning.setup import Setup

from trainables.data.degradation import Degradation
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.records import Measurement
from trainables.sampling.cost import cost
from trainables.workers.job import Job


def measure_all(
    session: Session,
    candidates: Sequence[Candidate],
    split: str,
    seeds: int | None = None,
    limit: int | None = None,
) -> list[list[Measurement]]:
    """Measure every candidate on a split at the split's seeds, or at the first `seeds` of them, on as many
    samples as the preset has for the split, or on `limit`; a list of measurements a candidate, in order.

    A candidate that fails is reported, and its list is empty. Dear points go first, so that no actor
    is left with one at the end.
    """
    job = session.setup.job(split, 1, seeds)
    job = replace(job, limit=limit or job.limit)
    samplings = job.samplings()
    _measure_missing(session, candidates, job, samplings)
    return [records_of(session.setup, candidate, samplings) for candidate in candidates]


def measure_under(
    session: Session, candidates: Sequence[Candidate], split: str, tested: Sequence[Degradation]
) -> list[list[list[Measurement]]]:
    """As `measure_all`, with signals that are degraded otherwise than those that parts were trained on:
    of each candidate a list of measurements for each degradation that is tested, in order.
    """
    job = session.setup.job(split, 1)
    columns = [
        [replace(sampling, tested=degradation) for sampling in job.samplings()]
        for degradation in tested
    ]
    _measure_missing(session, candidates, job, [s for samplings in columns for s in samplings])
    return [
        [records_of(session.setup, candidate, samplings) for samplings in columns]
        for candidate in candidates
    ]


def _measure_missing(
    session: Session, candidates: Sequence[Candidate], job: Job, samplings: Sequence[Sampling]
) -> None:
    """Measure every candidate at those samplings of a job at which it has no record."""
    setup = session.setup
    missing = [
        unit
        for group in groups(candidates)
        for sampling in samplings
        if (unit := missing_unit(setup, group, sampling)).candidates
    ]
    missing.sort(key=lambda unit: -cost(unit.candidates[0].schedule).nfe)
    if missing:
        with session.console.bar("starting Ray") as bar:
            Dispatch(session, bar, missing, job).run()


def missing_records(setup: Setup, candidates: Sequence[Candidate], split: str) -> list[Candidate]:
    """Those of the candidates that lack a record at one of a split's seeds."""
    samplings = setup.job(split, 1).samplings()
    return [candidate for candidate in candidates if not records_of(setup, candidate, samplings)]
