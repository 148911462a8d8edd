"""Commands that are printed to copy: this Python, and the flags that differ from the usual ones."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER
from platform.planning.locations import (
    OWN_STUDY,
    STUDY_VARIABLE,
    TRACKING_VARIABLE,
    USUAL_STORAGE,
    own_tracking_uri,
    without_passwords,
)
from platform.planning.plan import USUAL_PRECISION, USUAL_SAMPLER
from platform.planning.setup import Setup

from trainables.core.places import workspace
from trainables.scoring.cost_metrics import USUAL_COST

_STUDY_FLAG = "--study-uri"


def command(module: str, *words: str) -> str:
    """A command line to copy: this Python running a module, from the repository root. Where a word is the
    URI of a store with a password, the command names the environment variable of that store instead.
    """
    executable = Path(sys.executable)
    inside = executable.is_relative_to(Path.cwd())
    program = executable.relative_to(Path.cwd()) if inside else executable
    every = [str(program), "-m", module, *words]
    return " ".join(map(_quoted, every, ["", *every]))


def recorded_command(module: str, text: str) -> str:
    """A command line that someone recorded, made anew for this Python; empty where it is none of that
    module's, since whatever a store holds may be copied from a page.
    """
    try:
        _, option, named, *words = shlex.split(text)
    except ValueError:  # too few words, or a quotation that does not end
        return ""
    if option != "-m" or named != module or not all(map(str.isprintable, words)):
        return ""
    variables = {f"${name}" for name in (TRACKING_VARIABLE, STUDY_VARIABLE)}
    made = [f'"{word}"' if word in variables else _quoted(word) for word in words]
    return " ".join([command(module), *made])


def _quoted(word: str, before: str = "") -> str:
    """A word as a shell takes it, given the word before it; the environment variable of a store in the place
    of its URI with a password.
    """
    if word == without_passwords(word):
        return shlex.quote(word)
    flag, joined, _ = word.partition("=")
    if not flag.startswith("--"):
        flag, joined = "", ""
    is_study = _STUDY_FLAG in (before, flag)
    return f'{flag}{joined}"${STUDY_VARIABLE if is_study else TRACKING_VARIABLE}"'


def common_flags(setup: Setup) -> Sequence[str]:
    """The flags that give a verb that computes this plan's task."""
    precision = _flag_unless_usual(USUAL_PRECISION, "--precision", setup.plan.precision)
    return [
        *_setting_flags(setup),
        *_network_flags(setup),
        *precision,
        *_device_flags(setup),
        *place_flags(setup.plan.storage, setup.plan.tracking_uri),
    ]


def compare_flags(setup: Setup) -> Sequence[str]:
    """The flags with which `platform.compare` finds this plan's sweep."""
    return [
        *_setting_flags(setup),
        *place_flags(setup.plan.storage, setup.plan.tracking_uri),
    ]


def _setting_flags(setup: Setup) -> Sequence[str]:
    """The flags of condition, preset, seed and data."""
    return [
        *_flag_unless_usual(setup.facts.corruptions[0], "--corruption", setup.plan.corruption),
        *_flag_unless_usual("1", "--resolution", f"{setup.plan.resolution:.12g}"),
        *_flag_unless_usual("1", "--train-fraction", f"{setup.plan.train_fraction:.12g}"),
        *_flag_unless_usual(presets.USUAL, "--preset", setup.plan.preset),
        *_flag_unless_usual("0", "--seed", str(setup.plan.seed)),
        *_flag_unless_usual("", "--data-dir", setup.plan.data_dir),
    ]


def _network_flags(setup: Setup) -> Sequence[str]:
    """The flags that name this plan's published networks."""
    whisper = _flag_unless_usual(USUAL_WHISPER, "--whisper", setup.plan.whisper)
    return [*whisper, *_flag_unless_usual("", "--sgmse", setup.plan.sgmse)]


def _device_flags(setup: Setup) -> Sequence[str]:
    """The flags that say what this plan runs on."""
    share = "" if setup.plan.gpus_per_trial is None else f"{setup.plan.gpus_per_trial:g}"
    return [
        *_flag_unless_usual("0", "--workers", str(setup.plan.workers)),
        *_flag_unless_usual("", "--gpus-per-trial", share),
    ]


def search_flags(setup: Setup) -> Sequence[str]:
    """The flags of `platform.sweep` that say how this plan searches, but for the number of trials."""
    plan = setup.plan
    return [
        *_flag_unless_usual(USUAL_SAMPLER, "--sampler", plan.sampler),
        *(["--warm-start"] if plan.warm_start else []),
        *(["--settled"] if plan.settled else []),
        *(["--racing"] if plan.racing else []),
        *_flag_unless_usual(USUAL_COST, "--cost", plan.cost),
        *_flag_unless_usual("0", "--max-cost", f"{plan.max_cost:.12g}"),
        *_flag_unless_usual("0", "--min-accuracy", f"{plan.min_accuracy:.12g}"),
        *_study_flag(plan.study_uri),
    ]


def _study_flag(uri: str) -> Sequence[str]:
    """The flag of the study's database, which is named also where the environment names one."""
    usual = "" if os.environ.get(STUDY_VARIABLE) else OWN_STUDY
    return _flag_unless_usual(usual, _STUDY_FLAG, uri or OWN_STUDY)


def place_flags(storage: str, tracking_uri: str) -> Sequence[str]:
    """The flags of the storage and of the tracking store, both absolute. The latter is named also where the
    environment names it, since whoever copies the command may have another environment.
    """
    usual = "" if os.environ.get(TRACKING_VARIABLE) else own_tracking_uri(workspace(storage))
    return [
        *_flag_unless_usual(os.path.abspath(USUAL_STORAGE), "--storage", storage),
        *_flag_unless_usual(usual, "--tracking-uri", tracking_uri),
    ]


def _flag_unless_usual(usual: str, flag: str, value: str) -> Sequence[str]:
    """A flag with its value; nothing where the value is the usual one."""
    return [] if value == usual else [flag, value]
