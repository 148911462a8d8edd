"""Commands that are printed to copy: this Python, the flags that a plan was asked for by."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.planning.checkpoints import USUAL_WHISPER
from platform.planning.plan import Plan


def command(module: str, *words: str) -> str:
    """A command line to copy: this Python running a module, from the repository root."""
    executable = Path(sys.executable)
    near = executable.is_relative_to(Path.cwd())
    shown = executable.relative_to(Path.cwd()) if near else executable
    return shlex.join([str(shown), "-m", module, *words])


def common_flags(plan: Plan) -> Sequence[str]:
    """The flags that name this plan's task again."""
    precision = [] if plan.precision == "auto" else ["--precision", plan.precision]
    return [
        *_setting_flags(plan),
        *network_flags(plan),
        *precision,
        *device_flags(plan),
        *_place_flags(plan),
    ]


def device_flags(plan: Plan) -> Sequence[str]:
    """The flags that say what this plan runs on again, where they were given."""
    workers = ["--workers", str(plan.workers)] if plan.workers else []
    share = plan.gpus_per_trial
    return [*workers, *([] if share is None else ["--gpus-per-trial", f"{share:g}"])]


def compare_flags(plan: Plan) -> Sequence[str]:
    """The flags by which `platform.compare` finds this plan's sweep again."""
    return [*_setting_flags(plan), *_place_flags(plan)]


def _setting_flags(plan: Plan) -> Sequence[str]:
    flags = ["--corruption", plan.corruption, "--preset", plan.preset, "--seed", str(plan.seed)]
    return [*flags, *(["--data-dir", plan.data_dir] if plan.data_dir else [])]


def _place_flags(plan: Plan) -> Sequence[str]:
    return ["--storage", plan.storage, "--tracking-uri", plan.tracking_uri]


def network_flags(plan: Plan) -> Sequence[str]:
    """The flags that name this plan's published networks again."""
    whisper = [] if plan.whisper == USUAL_WHISPER else ["--whisper", plan.whisper]
    return [*whisper, *(["--sgmse", plan.sgmse] if plan.sgmse else [])]
