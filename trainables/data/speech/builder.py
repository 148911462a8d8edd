"""Builds a speech dataset once and keeps it on disk: resumable, in parallel where that is asked for.

A build's directory is named by the hash of everything it depends on. Recordings are made in shards,
each written whole or not at all, so that a broken-off build goes on where it was; the shards then
become one array a split, which is mapped into memory, not read. A broken recording is left out and
named, the others are still built; once it is mended, remove the directory to build it again.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainables.core.errors import UsageError
from trainables.core.files import locked, write_json, write_whole
from trainables.core.noise import seed_of
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import SPLITS, stratified
from trainables.data.speech.corpus import Corpus, Pair, Source, key_of
from trainables.data.speech.waveforms import LARGEST, SpeechDataset, SpeechSplit, stored

Shard = dict[str, np.ndarray]
Make = Callable[[Sequence[Source]], Shard]
Spread = Callable[[Make, Sequence[Sequence[Source]]], Iterator[tuple[int, Shard]]]
"""Calls a function, which can be pickled, with each of some recordings: gives what it made of them as
it is made, with their place.
"""

_SHUFFLE_SEED = 0
_DONE, _SHARDS = "done.json", "shards"
_FACTS = ("lengths", "labels", "numbers", "drawn", "speakers", "texts")
_WAVES = ("clean", "corrupted")


def build(
    corpus: Corpus, cache: Path, progress: Progress = quiet, spread: Spread | None = None
) -> SpeechDataset:
    """The dataset of a corpus, from the cache if it was built before.

    Args:
        corpus: what to build.
        cache: a directory for all builds; made where it is missing.
        progress: told (recordings done, recordings in all, what is going on).
        spread: makes shards, each of some recordings; here, one after the other, if None.

    Raises:
        UsageError: a split has no usable recording.
    """
    folder = cache / f"{corpus.name}-{key_of(corpus)}"
    with locked(folder):
        if not (folder / _DONE).is_file():
            shards = _make_shards(corpus, folder, progress, spread or _one_by_one)
            _join(corpus, folder, shards)
    return _opened(corpus, folder)


def make_shard(corpus: Corpus, sources: Sequence[Source]) -> Shard:
    """All pairs of some recordings: waveforms one after the other, and what is known of each."""
    rows: dict[str, list[Any]] = {name: [] for name in (*_WAVES, *_FACTS, "splits", "left_out")}
    for source in sources:
        try:
            made = corpus.make(source)
        except UsageError as error:
            named = f"{source.path}" in f"{error}"
            rows["left_out"].append(f"{error}" if named else f"{source.path}: {error}")
            continue
        rows["left_out"].extend(made.left_out)
        for index, pair in enumerate(made.pairs):
            clean, corrupted = _levelled(pair)
            rows["clean"].append(clean)
            rows["corrupted"].append(corrupted)
            rows["lengths"].append(len(clean))
            rows["labels"].append(source.label)
            rows["numbers"].append(seed_of(source.key, index))
            rows["drawn"].append(pair.drawn)
            rows["speakers"].append(source.speaker)
            rows["texts"].append(source.text)
            rows["splits"].append(SPLITS.index(source.split))
    kinds = {"drawn": np.float32, "speakers": str, "texts": str, "left_out": str}
    return {
        name: np.concatenate([*values, np.zeros(0, np.int16)])
        if name in _WAVES
        else np.array(values, dtype=kinds.get(name, np.int64))
        for name, values in rows.items()
    }


def _levelled(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Both by one factor, so that the corrupted reaches 1 and the clean one fits, as int16."""
    loudest = max(float(pair.corrupted.abs().max()), float(pair.clean.abs().max()) / LARGEST)
    return stored(pair.clean / loudest), stored(pair.corrupted / loudest)


def _make_shards(corpus: Corpus, folder: Path, progress: Progress, spread: Spread) -> list[Path]:
    """Makes those that are missing, and gives the paths of all, in the order of the recordings."""
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
    """Makes the shards here, one after the other."""
    for place, chunk in enumerate(chunks):
        yield place, make(chunk)


def _join(corpus: Corpus, folder: Path, shards: list[Path]) -> None:
    """Writes the splits' arrays, what was left out, and last the file that says that all is there."""
    known = [_read(path) for path in shards]
    facts = {name: np.concatenate([one[name] for one in known]) for name in (*_FACTS, "splits")}
    left_out = sorted({str(line) for one in known for line in one["left_out"]})
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
    """One (N, L) array a split of clean or of corrupted waveforms; `orders` are rows of all shards."""
    arrays, places = [], {}
    for split, rows in orders.items():
        shape = (len(rows), int(lengths[rows].max()))
        path = folder / f"{split}-{kind}.npy"
        arrays.append(np.lib.format.open_memmap(path, "w+", np.int16, shape))
        places.update({int(row): arrays[-1][i] for i, row in enumerate(rows)})
    first = 0
    for path in shards:
        with np.load(path, allow_pickle=False) as shard:
            sizes = shard["lengths"]
            waves = np.split(shard[kind], np.cumsum(sizes)[:-1]) if len(sizes) else []
        for row, wave in enumerate(waves, first):
            places[row][: len(wave)] = wave
        first += len(waves)
    for array in arrays:
        array.flush()


def _read(path: Path) -> Shard:
    """All of a shard but its waveforms."""
    with np.load(path, allow_pickle=False) as shard:
        return {name: shard[name] for name in (*_FACTS, "splits", "left_out")}


def _opened(corpus: Corpus, folder: Path) -> SpeechDataset:
    splits = {split: _opened_split(folder, split) for split in SPLITS}
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


def _opened_split(folder: Path, split: str) -> SpeechSplit:
    with np.load(folder / f"{split}.npz", allow_pickle=False) as facts:
        known = {name: facts[name] for name in _FACTS}
    # Mapped copy-on-write: what is read is shared by all processes, nothing is written back.
    clean, corrupted = (
        torch.from_numpy(np.load(folder / f"{split}-{kind}.npy", mmap_mode="c")) for kind in _WAVES
    )
    lengths, labels, numbers, drawn = (torch.from_numpy(known[name]) for name in _FACTS[:4])
    return SpeechSplit(
        clean, corrupted, lengths, labels, numbers, drawn, known["speakers"], known["texts"]
    )
