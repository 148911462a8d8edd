"""Sweeps that an earlier release began, whose ids it made in another way: they are found by their trials,
and go on under the ids that they have.
"""

from __future__ import annotations

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


def id_in(sweeps: Path, usual_id: str, job: Job) -> str:
    """The id of a job's sweep in a folder of sweeps: this release's usual one, unless only an earlier
    release's sweep is there.

    That is one whose complete trials each have the distributions of today's search space, the point
    that it makes of their parameters, and the records that the job would make of the point: their keys
    hold data, parts, samples, seeds, precision and format. Of several the one with the most trials.
    Nothing is written or moved, so that processes that look at the same time find the same.

    Args:
        sweeps: the folder, of one dataset and corruption.
        usual_id: the id that this release gives the sweep.
        job: what the trials of the sweep have in common.

    Raises:
        UsageError: the study of one of the folders cannot be read.
    """
    prefix = f"{job.strategy}-"
    if (sweeps / f"{prefix}{usual_id}").exists():
        return usual_id
    candidates: list[tuple[int, str]] = []  # with their numbers of trials
    for journal in sweeps.glob(f"{prefix}*/{JOURNAL}"):
        sweep_id = journal.parent.name.removeprefix(prefix)
        if re.fullmatch("[0-9a-f]+", sweep_id):  # else of a strategy whose name begins the same
            trials = _complete_trials(journal)
            if trials and all(_is_of(job, trial) for trial in trials):
                candidates.append((len(trials), sweep_id))
    return max(candidates)[1] if candidates else usual_id


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
    return [
        trial for study in studies for trial in study.get_trials(deepcopy=False, states=complete)
    ]


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
