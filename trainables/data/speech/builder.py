"""Builds a speech dataset once and keeps it on disk; builds are resumable and can be parallel.

A build's directory is named by the hash of everything it depends on. Pairs of recordings are stored in
shards, each written whole or not at all, so that an interrupted build is resumed; then the shards are
joined to one array for each split, which is mapped into memory, not read. Broken recordings are left out
and listed; after they are repaired, remove the directory to build it again.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from trainables.core.errors import UsageError
from trainables.core.files import locked, write_json, write_whole
from trainables.core.noise import seed_of
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import SPLITS, stratified
from trainables.data.speech.corpus import Corpus, Pair, Source, key_of
from trainables.data.speech.waveforms import LARGEST, SpeechDataset, SpeechSplit, quantised

Shard = dict[str, np.ndarray]
Make = Callable[[Sequence[Source]], Shard]
Spread = Callable[[Make, Sequence[Sequence[Source]]], Iterator[tuple[int, Shard]]]
"""Calls a function that can be pickled with each of several lists of recordings, in any order; yields
the index of each list with the shard made of it.
"""

_SHUFFLE_SEED = 0
_DONE, _SHARDS = "done.json", "shards"
_FACTS = ("lengths", "labels", "numbers", "drawn", "speakers", "texts")
_WAVES = ("clean", "corrupted")


def build(
    corpus: Corpus, cache: Path, progress: Progress = quiet, spread: Spread | None = None
) -> SpeechDataset:
    """The dataset of a corpus, which is built unless the cache has it.

    Args:
        corpus: what to build.
        cache: the directory of all builds; made where it is missing.
        progress: called with (recordings done, recordings in all, text).
        spread: makes the shards, for example in parallel; one after the other if None.

    Raises:
        UsageError: a split has no usable recording.
    """
    folder = cache / f"{corpus.name}-{key_of(corpus)}"
    with locked(folder):
        if not (folder / _DONE).is_file():
            shards = _make_shards(corpus, folder, progress, spread or _one_by_one)
            _join(corpus, folder, shards)
    return _open(corpus, folder)


def make_shard(corpus: Corpus, sources: Sequence[Source]) -> Shard:
    """The pairs of some recordings: all waveforms in one array, and columns of facts of each pair."""
    waves: dict[str, list[np.ndarray]] = {name: [] for name in _WAVES}
    rows: dict[str, list[object]] = {name: [] for name in (*_FACTS, "splits", "left_out")}
    for source in sources:
        try:
            result = corpus.make(source)
        except UsageError as error:
            has_path = f"{source.path}" in f"{error}"
            rows["left_out"].append(f"{error}" if has_path else f"{source.path}: {error}")
            continue
        rows["left_out"].extend(result.left_out)
        for index, pair in enumerate(result.pairs):
            clean, corrupted = _scaled(pair)
            waves["clean"].append(clean)
            waves["corrupted"].append(corrupted)
            rows["lengths"].append(len(clean))
            rows["labels"].append(source.label)
            rows["numbers"].append(seed_of(source.key, index))
            rows["drawn"].append(pair.strength)
            rows["speakers"].append(source.speaker)
            rows["texts"].append(source.text)
            rows["splits"].append(SPLITS.index(source.split))
    kinds = {"drawn": np.float32, "speakers": str, "texts": str, "left_out": str}
    empty = np.zeros(0, np.int16)  # np.concatenate needs an array even where there are no pairs
    return {name: np.concatenate([*arrays, empty]) for name, arrays in waves.items()} | {
        name: np.array(values, dtype=kinds.get(name, np.int64)) for name, values in rows.items()
    }


def _scaled(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Clean and corrupted waveform as int16, divided by one number.

    The corrupted one reaches 1, or less where the clean one would exceed `LARGEST` otherwise.
    """
    loudest = max(float(pair.corrupted.abs().max()), float(pair.clean.abs().max()) / LARGEST)
    return quantised(pair.clean / loudest), quantised(pair.corrupted / loudest)


def _make_shards(corpus: Corpus, folder: Path, progress: Progress, spread: Spread) -> list[Path]:
    """Make the shards that are missing; returns the paths of all, in the order of the recordings."""
    size, total = corpus.per_shard, len(corpus.sources)
    chunks = [corpus.sources[start : start + size] for start in range(0, total, size)]
    paths = [folder / _SHARDS / f"{i:05d}.npz" for i in range(len(chunks))]
    missing = [i for i, path in enumerate(paths) if not path.is_file()]
    done = total - sum(len(chunks[i]) for i in missing)
    left_out = 0
    progress(done, total, f"building {corpus.name}")
    for i, shard in spread(partial(make_shard, corpus), [chunks[i] for i in missing]):
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **shard)
        write_whole(paths[missing[i]], file.getvalue())
        done += len(chunks[missing[i]])
        left_out += len(shard["left_out"])
        note = f", {left_out} left out" if left_out else ""
        progress(done, total, f"building {corpus.name}{note}")
    return paths


def _one_by_one(make: Make, chunks: Sequence[Sequence[Source]]) -> Iterator[tuple[int, Shard]]:
    """A `Spread` that makes the shards in this process, one after the other."""
    for index, chunk in enumerate(chunks):
        yield index, make(chunk)


def _join(corpus: Corpus, folder: Path, shards: list[Path]) -> None:
    """Join the shards to the arrays of the splits; the file that marks the build as done is written last."""
    columns = [_read(path) for path in shards]
    facts = {
        name: np.concatenate([shard[name] for shard in columns]) for name in (*_FACTS, "splits")
    }
    left_out = sorted({str(line) for shard in columns for line in shard["left_out"]})
    orders = {}
    for number, split in enumerate(SPLITS):
        rows = np.flatnonzero(facts["splits"] == number)
        if not len(rows):
            reason = f"; the first left out: {left_out[0]}" if left_out else ""
            raise UsageError(f"{corpus.name} has no usable recording for {split}{reason}")
        labels = torch.from_numpy(facts["labels"][rows])
        (order,) = stratified(labels, (len(rows),), _SHUFFLE_SEED)
        orders[split] = rows[order.numpy()]
    for kind in _WAVES:
        _write_waves(folder, kind, orders, facts["lengths"], shards)
    for split, rows in orders.items():
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **{name: facts[name][rows] for name in _FACTS})
        write_whole(folder / f"{split}.npz", file.getvalue())
    write_json(folder / _DONE, {"name": corpus.name, "left_out": left_out})
    shutil.rmtree(folder / _SHARDS)


def _write_waves(
    folder: Path, kind: str, orders: dict[str, np.ndarray], lengths: np.ndarray, shards: list[Path]
) -> None:
    """Write an (N, L) array of clean or corrupted waveforms for each split.

    Args:
        folder: the directory of the build.
        kind: "clean" or "corrupted".
        orders: the rows of each split, counted through all shards, in the order of the split.
        lengths: of all rows, in samples.
        shards: paths of all shards.
    """
    arrays, targets = [], {}
    for split, rows in orders.items():
        shape = (len(rows), int(lengths[rows].max()))
        path = folder / f"{split}-{kind}.npy"
        arrays.append(np.lib.format.open_memmap(path, "w+", np.int16, shape))
        targets.update({int(row): arrays[-1][i] for i, row in enumerate(rows)})
    first = 0
    for path in shards:
        with np.load(path, allow_pickle=False) as shard:
            sizes = shard["lengths"]
            waves = np.split(shard[kind], np.cumsum(sizes)[:-1]) if len(sizes) else []
        for row, wave in enumerate(waves, first):
            targets[row][: len(wave)] = wave
        first += len(waves)
    for array in arrays:
        array.flush()


def _read(path: Path) -> Shard:
    """The columns of a shard, without its waveforms."""
    with np.load(path, allow_pickle=False) as shard:
        return {name: shard[name] for name in (*_FACTS, "splits", "left_out")}


def _open(corpus: Corpus, folder: Path) -> SpeechDataset:
    """The dataset in the directory of a finished build."""
    splits = {split: _open_split(folder, split) for split in SPLITS}
    file = folder / _DONE
    left_out = tuple(json.loads(file.read_text())["left_out"])
    return SpeechDataset(
        corpus.name,
        corpus.rate,
        corpus.classes,
        left_out=left_out,
        left_out_file=file,
        **splits,
    )


def _open_split(folder: Path, split: str) -> SpeechSplit:
    """A split in the directory of a finished build."""
    with np.load(folder / f"{split}.npz", allow_pickle=False) as facts:
        columns = {name: facts[name] for name in _FACTS}
    # Mapped copy-on-write: all processes share the pages, and nothing is written back.
    clean, corrupted = (
        torch.from_numpy(np.load(folder / f"{split}-{kind}.npy", mmap_mode="c")) for kind in _WAVES
    )
    lengths, labels, numbers, strengths = (torch.from_numpy(columns[name]) for name in _FACTS[:4])
    return SpeechSplit(
        clean,
        corrupted,
        lengths,
        labels,
        numbers,
        strengths,
        columns["speakers"],
        columns["texts"],
    )
