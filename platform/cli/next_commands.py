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
from platform.planning.plan import USUAL_PRECISION
from platform.planning.setup import Setup


def command(module: str, *words: str) -> str:
    """A command line to copy: this Python running a module, from the repository root."""
    executable = Path(sys.executable)
    near = executable.is_relative_to(Path.cwd())
    shown = executable.relative_to(Path.cwd()) if near else executable
    return shlex.join([str(shown), "-m", module, *words])


def common_flags(setup: Setup) -> Sequence[str]:
    """The flags by which a verb that computes finds this plan's task again."""
    precision = _unless(USUAL_PRECISION, "--precision", setup.plan.precision)
    return [
        *_setting_flags(setup),
        *_network_flags(setup),
        *precision,
        *_device_flags(setup),
        *_place_flags(setup),
    ]


def compare_flags(setup: Setup) -> Sequence[str]:
    """The flags by which `platform.compare` finds this plan's sweep again."""
    return [*_setting_flags(setup), *_place_flags(setup)]


def _setting_flags(setup: Setup) -> Sequence[str]:
    return [
        *_unless(setup.facts.corruptions[0], "--corruption", setup.plan.corruption),
        *_unless(presets.USUAL, "--preset", setup.plan.preset),
        *_unless("0", "--seed", str(setup.plan.seed)),
        *_unless("", "--data-dir", setup.plan.data_dir),
    ]


def _network_flags(setup: Setup) -> Sequence[str]:
    """The flags that name this plan's published networks again."""
    whisper = _unless(USUAL_WHISPER, "--whisper", setup.plan.whisper)
    return [*whisper, *_unless("", "--sgmse", setup.plan.sgmse)]


def _device_flags(setup: Setup) -> Sequence[str]:
    """The flags that say what this plan runs on again."""
    share = "" if setup.plan.gpus_per_trial is None else f"{setup.plan.gpus_per_trial:g}"
    return [
        *_unless("0", "--workers", str(setup.plan.workers)),
        *_unless("", "--gpus-per-trial", share),
    ]


def _place_flags(setup: Setup) -> Sequence[str]:
    """The storage and the tracking store, the latter also where the environment names one: whoever
    copies the command may have another.
    """
    usual = (
        "" if os.environ.get("MLFLOW_TRACKING_URI") else own_tracking_uri(Path(setup.plan.storage))
    )
    return [
        *_unless(os.path.abspath(USUAL_STORAGE), "--storage", setup.plan.storage),
        *_unless(usual, "--tracking-uri", setup.plan.tracking_uri),
    ]


def _unless(usual: str, flag: str, value: str) -> Sequence[str]:
    """A flag with its value, where that is not the usual one."""
    return [] if value == usual else [flag, value]
