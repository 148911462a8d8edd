"""Faults of files: flipped bits, cut and torn files, inputs that are malformed."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

from tests.conftest import ROOT, clean_environment
from tests.faults_bench import Bench, Counts, check

_BATCHES = 4  # of files that are cut together, each before a sweep


def flips(bench: Bench, times: int) -> Counts:
    """One bit flips in weights, facts, a record or a training's history: nothing of it is used."""
    from trainables.core.checked_files import read_checked_json
    from trainables.core.checked_lines import read_lines
    from trainables.core.errors import DamagedFileError, UsageError

    counts = Counts(times=times)
    storage = bench.storage(whole=True)
    kinds = ("parts/**/weights.pt", "parts/**/part.json", "records/**/*.json", "training/*.jsonl")
    files = [sorted(storage.glob(kind)) for kind in kinds]
    lines = {file: read_lines(file) for file in files[3]}
    for number in range(times):
        file = bench.random.choice(files[number % len(kinds)])
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[bench.random.randrange(len(changed))] ^= 1 << bench.random.randrange(8)
        file.write_bytes(changed)
        try:
            if file.suffix == ".pt":
                used = _loaded(storage, file)
            elif file.suffix == ".jsonl":
                used = any(line not in lines[file] for line in read_lines(file))
            else:
                used = bool(read_checked_json(file))
        except (DamagedFileError, UsageError):
            used = False
        except Exception as error:  # what a user would see as a traceback
            counts.wrong(f"{file.name}: {error!r}", "tracebacks")
            used = False
        if used:
            counts.wrong(f"a flipped bit in {file.relative_to(storage)} was used")
        file.write_bytes(whole)
    return counts


def _loaded(storage: Path, weights: Path) -> bool:
    """Whether the store loads these weights as the part that they were written as."""
    from platform.planning.plan import Plan
    from platform.planning.setup import setup_of

    plan = Plan("nested", "digits", "gn30", "smoke", 1, 0, 0, 0.0, str(storage), "sqlite:///x")
    setup = setup_of(plan)
    parts = setup.storage.parts
    kinds = [*setup.kinds, "signal", "logit"]
    kind = next(one for one in kinds if parts.folder(one, setup.task) == weights.parent)
    return bool(parts.load(kind, setup.task))


def journals(bench: Bench, times: int) -> Counts:
    """A study's journal is cut, torn or flipped, or its log is: no trial is lost, none changed."""
    from platform.pipeline.stored_study import open_stored
    from platform.pipeline.trial_log import same

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    counts = Counts(times=times)
    for number in range(times):
        storage = bench.storage(whole=True)
        (journal,) = storage.glob("sweeps/**/study.journal")
        folder = journal.parent
        name = f"digits/gn30/nested/{folder.name.split('-')[-1]}"
        before = open_stored(folder, name).get_trials(deepcopy=False)
        damaged = journal if number % 4 else folder / "trials.jsonl"
        damaged.write_bytes(_damage(bench, damaged.read_bytes()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                after = open_stored(folder, name).get_trials(deepcopy=False)
        except Exception as error:  # what a user would see as a traceback
            counts.wrong(repr(error), "tracebacks")
            continue
        ended = [trial for trial in before if trial.state.is_finished()]
        counts.lost += max(0, len(ended) - len(after))
        kept = min(len(ended), len(after))  # the others are counted as lost
        for trial, now in zip(ended[:kept], after[:kept], strict=True):
            if not same(trial, now):
                counts.wrong(f"trial {trial.number} is another")
    return counts


def _damage(bench: Bench, content: bytes) -> bytes:
    """The content cut, torn, with a flipped bit, or with other bytes in it."""
    place = bench.random.randrange(len(content))
    changed = bytearray(content)
    changed[place] ^= 1 << bench.random.randrange(8)
    torn = content[:place] + os.urandom(20) + content[place + 20 :]
    return bench.random.choice([content[:place], bytes(changed), torn, content[place:]])


def cuts(bench: Bench, times: int) -> Counts:
    """Every file of a storage is cut once, in batches, each before a sweep that goes on; MLflow's database,
    of which there is no second copy, is left whole.
    """
    files = [
        file.relative_to(bench.warm)
        for file in sorted(bench.warm.rglob("*"))
        if file.is_file() and "mlflow.db" not in file.name and "tune" not in file.parts
    ]
    bench.random.shuffle(files)
    counts = Counts(times=len(files))
    batches = min(times, _BATCHES)
    for batch in range(batches):
        storage = bench.storage(whole=True)
        for file in files[batch::batches]:
            path = storage / file
            if path.exists() and path.stat().st_size:
                os.truncate(path, bench.random.randrange(path.stat().st_size))
        bench.sweep(storage, counts, "--trials", str(bench.trials))
        check(storage, bench.trials, counts)
    return counts


def malformed(bench: Bench, times: int) -> Counts:
    """Malformed points, seeds, URIs, folders and checkpoints, made up by hypothesis: so many of each kind."""
    counts = Counts(times=7 * times)
    seed = str(bench.random.randrange(2**31))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_malformed.py", f"--hypothesis-seed={seed}"],
        cwd=ROOT, env=clean_environment(COUPLED_EXAMPLES=str(times)), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        counts.wrong(f"seed {seed}: {done.stdout[-2000:]}", "tracebacks")
    return counts
