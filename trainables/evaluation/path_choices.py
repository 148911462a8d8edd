"""The choice of the paths by which large networks are run: the fastest by a few timed calls, made once.

A choice is kept in the storage's workspace, which is a machine's own or shared by like ones, for this kind of
processor, release of torch, number of threads, network, precision and batch, and stays the same: paths differ
in rounding, and a point must replay bit for bit. Small networks are not timed: layouts gain nothing there
(0.86 to 1.0 at the sizes of `quick`), and timings decide nothing that need not be decided.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainables.core.checked_files import put_aside, read_checked_json, write_checked_json
from trainables.core.device import synchronise
from trainables.core.errors import DamagedFileError
from trainables.core.files import locked
from trainables.models.run_paths import RunPath
from trainables.sampling.flops import result_and_flops

_LEAST_GAIN = 1.05
"""How many times as fast as the usual path another one must be to be taken."""
_ROUNDS = 3
"""Timed calls of each path, in turns, of which the median counts."""


@dataclass(frozen=True)
class PathChoices:
    """What chooses the path of each network, a `ChoosePath`.

    Args:
        file: where choices are kept.
        device: where networks run.
        dtype: what they compute in.
        batch: samples in a call.
        least_flops: FLOPs of a call from which on a network is timed.
    """

    file: Path
    device: torch.device
    dtype: torch.dtype
    batch: int
    least_flops: float = 5e9

    def __call__(
        self, network: str, usual: RunPath, call_of: Callable[[RunPath], Callable[[], object]]
    ) -> RunPath:
        """The path of a network: as it was chosen before, else timed. The usual one for a small network."""
        kept = kept_choices(self.file)
        key = self._key(network)
        if key in kept:
            return RunPath(kept[key]["path"])
        with torch.no_grad():
            _, flops = result_and_flops(call_of(RunPath.PLAIN), ())
        if flops < self.least_flops:
            return usual
        with locked(self.file.parent, f".{self.file.name}.lock"):
            _put_damaged_aside(self.file)
            kept = kept_choices(self.file)
            if key not in kept:
                kept[key] = self._choice(network, usual, call_of)
                write_checked_json(self.file, kept)
        return RunPath(kept[key]["path"])

    def _choice(
        self, network: str, usual: RunPath, call_of: Callable[[RunPath], Callable[[], object]]
    ) -> dict[str, Any]:
        """The choice between the usual path and others, and the seconds of all."""
        others = [
            RunPath.CHANNELS_LAST,
            *([RunPath.CAPTURED] if self.device.type == "cuda" else []),
        ]
        seconds = self._timed({path: call_of(path) for path in (usual, *others)})
        fastest = min(seconds, key=lambda path: seconds[path])
        chosen = fastest if seconds[usual] / seconds[fastest] >= _LEAST_GAIN else usual
        told = {path.value: round(value, 5) for path, value in seconds.items()}
        return {"network": network, "path": chosen.value, "usual": usual.value, "seconds": told}

    def _key(self, network: str) -> str:
        """What a choice holds for."""
        on_gpu = self.device.type == "cuda"
        processor = (
            torch.cuda.get_device_name(self.device)
            if on_gpu
            else f"{os.uname().machine} {torch.backends.cpu.get_cpu_capability()}"
        )
        threads = "" if on_gpu else f"threads {torch.get_num_threads()}"
        precision = str(self.dtype).removeprefix("torch.")
        parts = network, precision, f"batch {self.batch}", processor, threads
        return "; ".join(part for part in (*parts, f"torch {torch.__version__}") if part)

    @torch.no_grad()
    def _timed(self, calls: Mapping[RunPath, Callable[[], object]]) -> dict[RunPath, float]:
        """The median seconds of each call, which are made in turns: on a CPU by the process's own clock, so
        that others who are busy do not decide.
        """
        clock = time.perf_counter if self.device.type == "cuda" else time.process_time
        seconds: dict[RunPath, list[float]] = {path: [] for path in calls}
        for call in calls.values():
            call()
        for _ in range(_ROUNDS):
            for path, call in calls.items():
                synchronise(self.device)
                start = clock()
                call()
                synchronise(self.device)
                seconds[path].append(clock() - start)
        return {path: sorted(values)[_ROUNDS // 2] for path, values in seconds.items()}


def kept_choices(file: Path) -> dict[str, dict[str, Any]]:
    """The choices that a file has, by what they hold for; none where there is no file, or it is damaged."""
    try:
        return read_checked_json(file) if file.exists() else {}
    except DamagedFileError:
        return {}  # who holds the lock puts it aside


def _put_damaged_aside(file: Path) -> None:
    """Put the file aside if it is damaged, with a warning. Only who holds its lock may: another one would
    take away what has been made again.
    """
    try:
        if file.exists():
            read_checked_json(file)
    except DamagedFileError as error:
        put_aside(error, "paths are timed again")


def in_words(choices: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each choice that is not the usual one."""
    lines = []
    for key, choice in choices.items():
        name = "; ".join(key.split("; ")[:3])  # network, precision and batch
        path, usual, seconds = choice["path"], choice["usual"], choice["seconds"]
        if path != usual:
            gain = seconds[usual] / seconds[path]
            lines.append(f"{name} runs {path}, {gain:.2f} times as fast as {usual}")
    return lines
