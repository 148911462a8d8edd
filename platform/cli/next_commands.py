"""Commands that are printed to copy: this Python, and the flags of a plan that are not the usual ones."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER
from platform.planning.locations import USUAL_STORAGE, own_tracking_uri
from platform.planning.plan import USUAL_PRECISION, Plan


def command(module: str, *words: str) -> str:
    """A command line to copy: this Python running a module, from the repository root."""
    executable = Path(sys.executable)
    near = executable.is_relative_to(Path.cwd())
    shown = executable.relative_to(Path.cwd()) if near else executable
    return shlex.join([str(shown), "-m", module, *words])


def common_flags(plan: Plan) -> Sequence[str]:
    """The flags by which a verb that computes finds this plan's task again."""
    precision = _unless(USUAL_PRECISION, "--precision", plan.precision)
    return [
        *_setting_flags(plan),
        *_network_flags(plan),
        *precision,
        *_device_flags(plan),
        *_place_flags(plan),
    ]


def compare_flags(plan: Plan) -> Sequence[str]:
    """The flags by which `platform.compare` finds this plan's sweep again."""
    return [*_setting_flags(plan), *_place_flags(plan)]


def _setting_flags(plan: Plan) -> Sequence[str]:
    return [
        *_unless(plan.facts.corruptions[0], "--corruption", plan.corruption),
        *_unless(presets.USUAL, "--preset", plan.preset),
        *_unless("0", "--seed", str(plan.seed)),
        *_unless("", "--data-dir", plan.data_dir),
    ]


def _network_flags(plan: Plan) -> Sequence[str]:
    """The flags that name this plan's published networks again."""
    whisper = _unless(USUAL_WHISPER, "--whisper", plan.whisper)
    return [*whisper, *_unless("", "--sgmse", plan.sgmse)]


def _device_flags(plan: Plan) -> Sequence[str]:
    """The flags that say what this plan runs on again."""
    share = "" if plan.gpus_per_trial is None else f"{plan.gpus_per_trial:g}"
    return [
        *_unless("0", "--workers", str(plan.workers)),
        *_unless("", "--gpus-per-trial", share),
    ]


def _place_flags(plan: Plan) -> Sequence[str]:
    """The storage and the tracking store, the latter also where the environment names one: whoever
    copies the command may have another.
    """
    usual = "" if os.environ.get("MLFLOW_TRACKING_URI") else own_tracking_uri(Path(plan.storage))
    return [
        *_unless(os.path.abspath(USUAL_STORAGE), "--storage", plan.storage),
        *_unless(usual, "--tracking-uri", plan.tracking_uri),
    ]


def _unless(usual: str, flag: str, value: str) -> Sequence[str]:
    """A flag with its value, where that is not the usual one."""
    return [] if value == usual else [flag, value]
