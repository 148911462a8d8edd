"""Sweeps that an earlier release began, under an id that it made in another way: found by what they
are, and gone on with under the id that they have.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from platform.planning.study_names import JOURNAL, POINT, RECORDS

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

import search_spaces
from trainables.core.errors import UsageError
from trainables.evaluation.measurement import measurement_config
from trainables.evaluation.records import key_of
from trainables.workers.job import Job


@functools.cache
def id_in(sweeps: Path, own: str, job: Job) -> str:
    """The id of a job's sweep in a folder of sweeps: its own, unless only an earlier release's is there.

    That is one whose complete trials were each asked for what today's search space asks for, came to
    the point that it makes of the answers, and have the records that the job would make of the point:
    their keys hold data, parts, samples, seeds, precision and format. Of several the one with the
    most trials. Nothing is written or moved, so that processes that look at the same time find the
    same; and within a process the answer stays as it is.

    Raises:
        UsageError: the study of one of the folders cannot be read.
    """
    prefix = f"{job.strategy}-"
    if (sweeps / f"{prefix}{own}").exists():
        return own
    found: list[tuple[int, str]] = []
    for journal in sweeps.glob(f"{prefix}*/{JOURNAL}"):
        name = journal.parent.name.removeprefix(prefix)
        if re.fullmatch("[0-9a-f]+", name):  # else it is of a strategy whose name begins the same
            trials = _complete_trials(journal)
            if trials and all(_is_of(job, trial) for trial in trials):
                found.append((len(trials), name))
    return max(found)[1] if found else own


def _complete_trials(journal: Path) -> list[FrozenTrial]:
    """The complete trials of the study that a sweep's journal holds."""
    try:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        studies = [
            optuna.load_study(study_name=name, storage=storage)
            for name in optuna.get_all_study_names(storage)
        ]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{journal} cannot be read as a study ({error!r}): move its folder away"
        ) from error
    complete = (TrialState.COMPLETE,)
    return [t for study in studies for t in study.get_trials(deepcopy=False, states=complete)]


def _is_of(job: Job, trial: FrozenTrial) -> bool:
    """Whether the job's search could have made this trial as it is."""
    recipe, suggest = job.task.recipe, search_spaces.load(job.strategy).suggest
    point = search_spaces.point_of_answers(
        suggest, recipe.T, recipe.kind, trial.distributions, trial.params
    )
    if point is None or point != trial.user_attrs.get(POINT):
        return False
    configs = (measurement_config(job.task, job.strategy, point, s) for s in job.samplings())
    return [key_of(config) for config in configs] == trial.user_attrs.get(RECORDS)
