"""Speech datasets: broken sound files, mixing, splits, and builds that break off and go on."""

import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import asset
from speech_files import (
    loud_spans,
    tone,
    write,
    write_ears,
    write_fsdd,
    write_gsc,
    write_responses,
    write_wham,
)
from torchaudio.functional import resample

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.audio import RATE, read_audio, resampled
from trainables.data.dataset import SPLITS, Script
from trainables.data.datasets import (
    ears_reverb,
    ears_wham,
    fsdd_babble,
    fsdd_reverb,
    gsc_reverb,
)
from trainables.data.speech import builder as building
from trainables.data.speech import ears as ears_layout
from trainables.data.speech.corpus import Pair, Pairs, key_of, limited
from trainables.data.speech.noise_mixing import (
    babble,
    loudness,
    mixed_by_power,
    piece,
    power_ratio,
)
from trainables.data.speech.rooms import RoomOptions

QUICK = fsdd_reverb.Options(room=RoomOptions(rt60=(0.25, 0.3), floor=(4, 5)))


def _built(dataset, root, cache, *options):
    return building.build(dataset.corpus(root, *options), cache)


# Reading


def test_a_filter_is_made_once_and_is_torchaudios():
    wave = torch.randn(2, 480, generator=generator_of("wave"))
    for _ in range(2):
        assert torch.equal(resampled(wave, 48_000, RATE), resample(wave, 48_000, RATE))


def test_a_recording_is_read_at_another_rate(tmp_path):
    t = np.arange(8000) / 8000
    path = write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), 8000, "FLOAT")
    wave = read_audio(path)
    expected = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(RATE) / RATE)
    assert wave.shape == (RATE,) and wave.dtype == torch.float32
    torch.testing.assert_close(wave[100:-100], expected[100:-100], atol=5e-3, rtol=0)
    assert resampled(wave, RATE, RATE) is wave


def test_channels_are_averaged(tmp_path):
    left, right = np.full(100, 0.5), np.linspace(0, 0.25, 100)
    path = write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, "FLOAT")
    np.testing.assert_allclose(read_audio(path), (left + right) / 2, atol=1e-6)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "there is no file .*a.wav"),
        (lambda path: path.write_bytes(b""), "a.wav cannot be read as audio"),
        (lambda path: path.write_bytes(b"no sound" * 20), "a.wav cannot be read as audio"),
        (_cut, "a.wav is cut off: its header promises 16000 bytes of sound, it has 15000"),
        (lambda path: write(path, np.zeros(0), 8000), "a.wav is empty"),
        (lambda path: write(path, np.zeros(50), 8000), "a.wav is silent throughout"),
        (lambda path: write(path, np.full(50, np.nan), 8000, "FLOAT"), "a.wav has values that are"),
        (
            lambda path: write(path, np.ones(50), 44_100),
            "a.wav is at 44100 Hz, but must be at 8000",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path, spoil, reason):
    path = write(tmp_path / "a.wav", 0.1 * np.ones(8000), 8000)
    spoil(path)
    with pytest.raises(UsageError, match=reason) as raised:
        read_audio(path, only_rate=8000)
    assert "\n" not in str(raised.value)


# Mixing


@pytest.mark.parametrize("snr", [-5.0, 0.0, 12.5])
def test_a_mixture_has_the_ratio_of_powers_asked_for(snr):
    speech, noise = (torch.randn(4000, generator=generator_of(name)) for name in ("s", "n"))
    speech[:1000] = 0
    spoken = slice(1000, 4000)
    added = mixed_by_power(speech, 7 * noise, snr, spoken) - speech
    assert power_ratio(speech[spoken], added[spoken]) == pytest.approx(snr, abs=1e-4)
    torch.testing.assert_close(added / added.norm(), noise / noise.norm(), atol=1e-6, rtol=1e-4)
    with pytest.raises(UsageError, match=r"the noise to be mixed .* is silent"):
        mixed_by_power(speech, torch.zeros(4000), snr)


def test_every_voice_of_babble_is_as_loud():
    voices = [[torch.full((300,), 0.01)], [torch.full((200,), 5.0), torch.full((100,), 5.0)]]
    torch.testing.assert_close(babble(voices, 1000, generator_of(0)), torch.full((1000,), 2.0))


def test_a_piece_is_of_the_noise_itself():
    noise = torch.arange(100.0)
    starts = set()
    for i in range(50):
        taken = piece(noise, 90, generator_of(i))
        torch.testing.assert_close(taken, torch.arange(90.0) + taken[0])
        starts.add(int(taken[0]))
    assert starts == set(range(11))
    longer = piece(noise, 250, generator_of(0))
    torch.testing.assert_close(longer, (torch.arange(250.0) + longer[0]) % 100)


# Spoken digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    root = write_fsdd(tmp_path_factory.mktemp("fsdd"))
    return root, _built(fsdd_reverb, root, root / "cache", QUICK)


def test_no_speaker_of_the_test_is_trained_on(digits):
    _, dataset = digits
    speakers = {name: set(getattr(dataset, name).speakers.tolist()) for name in SPLITS}
    assert speakers["test"] == {"george", "yweweler"}
    assert speakers["train"] == speakers["validation"] == {"jackson", "lucas"}
    numbers = [set(getattr(dataset, name).numbers.tolist()) for name in SPLITS]
    assert [len(one) for one in numbers] == [8, 8, 16]
    assert len(set.union(*numbers)) == 32
    assert dataset.left_out == () and dataset.rate == RATE


def test_pairs_are_aligned_and_of_one_level(digits):
    root, dataset = digits
    split = dataset.test
    clean, corrupted = split.clean(), split.corrupted()
    assert clean.shape == corrupted.shape == (16, round(0.7 * RATE))
    torch.testing.assert_close(corrupted.abs().amax(1), torch.ones(16), atol=1e-3, rtol=0)
    assert clean.abs().max() <= 2
    rows = {text: int(np.flatnonzero(split.texts == text)[0]) for text in ("zero", "one")}
    assert all(split.labels[row] == label for label, row in enumerate(rows.values()))
    row = rows["zero"]
    word = next(wave for wave in _recordings(root, "0", str(split.speakers[row]))
                if _alike(wave, clean[row, 3200:8000]) > 0.999)  # fmt: skip
    assert len(word) == 4800
    assert not clean[row, :3100].any() and not clean[row, 8100:].any()
    # The room goes on sounding when the word is over, and the direct sound is where the word is.
    assert corrupted[row, 8100:9500].abs().max() > 1e-3
    assert _alike(clean[row], corrupted[row]) > _alike(clean[row], corrupted[row].roll(40))
    assert ((split.strengths >= 0.25) & (split.strengths <= 0.3)).all()


def _recordings(root, digit, speaker):
    return [read_audio(path) for path in (root / "recordings").glob(f"{digit}_{speaker}_*.wav")]


def _alike(a, b):
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def test_parts_keep_what_belongs_together(digits):
    split = digits[1].test
    rows = torch.tensor([5, 2])
    part = split.part(rows)
    assert part.numbers.tolist() == split.numbers[rows].tolist()
    assert part.speakers.tolist() == [split.speakers[5], split.speakers[2]]
    torch.testing.assert_close(part.clean(), split.clean(rows))


def _bits(dataset):
    return [
        tensor.numpy().tobytes()
        for name in SPLITS
        for tensor in vars(getattr(dataset, name)).values()
        if isinstance(tensor, torch.Tensor)
    ]


def test_a_broken_off_build_goes_on_to_the_same_bits(digits, tmp_path, monkeypatch):
    root, whole = digits
    monkeypatch.setattr(building, "write_whole", _stopping_after(2, building.write_whole))
    corpus = replace(fsdd_reverb.corpus(root, QUICK), per_shard=5)
    with pytest.raises(KeyboardInterrupt):
        building.build(corpus, tmp_path)
    monkeypatch.undo()
    shards = sorted(tmp_path.rglob("shards/*.npz"))
    assert [path.name for path in shards] == ["00000.npz", "00001.npz"]
    told = []
    made = _counting(monkeypatch)
    resumed = building.build(corpus, tmp_path, lambda *words: told.append(words))
    assert told[0] == (10, 32, "building fsdd-reverb") and told[-1][:2] == (32, 32)
    assert made == [5, 5, 5, 5, 2]
    assert _bits(resumed) == _bits(whole)
    assert not list(tmp_path.rglob("shards"))
    building.build(corpus, tmp_path)
    assert len(made) == 5  # found built


def _stopping_after(times, original):
    calls = []

    def write_whole(path, content):
        if len(calls) == times:
            raise KeyboardInterrupt
        calls.append(path)
        original(path, content)

    return write_whole


def _counting(monkeypatch):
    made, original = [], building.make_shard
    monkeypatch.setattr(building, "make_shard", lambda r, s: made.append(len(s)) or original(r, s))
    return made


def test_what_determines_a_build_names_its_directory(digits, tmp_path):
    root, _ = digits
    key = key_of(fsdd_reverb.corpus(root, QUICK))
    assert key == key_of(fsdd_reverb.corpus(root, QUICK))
    others = {
        key_of(fsdd_reverb.corpus(root, replace(QUICK, seed=1))),
        key_of(fsdd_reverb.corpus(root, replace(QUICK, room=RoomOptions()))),
        key_of(fsdd_reverb.corpus(root, replace(QUICK, test_speakers=("george",)))),
        key_of(fsdd_babble.corpus(root)),
    }
    copy = shutil.copytree(root / "recordings", tmp_path / "recordings").parent
    assert key_of(fsdd_reverb.corpus(copy, QUICK)) == key
    write(copy / "recordings" / "0_george_0.wav", tone("longer", seconds=0.4), 8000)
    others.add(key_of(fsdd_reverb.corpus(copy, QUICK)))
    assert len(others | {key}) == 6


def test_a_broken_recording_is_named_and_the_others_are_as_they_were(digits, tmp_path):
    root, whole = digits
    copy = shutil.copytree(root / "recordings", tmp_path / "recordings").parent
    (copy / "recordings" / "0_george_1.wav").write_bytes(b"broken")
    write(copy / "recordings" / "1_lucas_10.wav", tone("high", rate=16_000), 16_000)
    dataset = _built(fsdd_reverb, copy, tmp_path / "cache", QUICK)
    assert len(dataset.left_out) == 2
    assert "0_george_1.wav cannot be read as audio" in dataset.left_out[0]
    assert "1_lucas_10.wav is at 16000 Hz" in dataset.left_out[1]
    assert json.loads(dataset.left_out_file.read_text())["left_out"] == [*dataset.left_out]
    assert (len(dataset.test), len(dataset.train), len(dataset.validation)) == (15, 7, 8)
    ours = {
        int(n): row for n, row in zip(dataset.test.numbers, dataset.test.corrupted(), strict=True)
    }
    theirs = {
        int(n): row for n, row in zip(whole.test.numbers, whole.test.corrupted(), strict=True)
    }
    assert len(ours.keys() & theirs.keys()) == 15
    assert all(torch.equal(row, theirs[number]) for number, row in ours.items())


def test_a_split_without_recordings_is_refused(tmp_path):
    root = write_fsdd(tmp_path, digits=1, indices=(10,))
    with pytest.raises(UsageError, match="fsdd-reverb has no usable recording for validation"):
        _built(fsdd_reverb, root, tmp_path / "cache", QUICK)


def test_a_word_or_a_room_that_cannot_be_is_left_out(tmp_path):
    root = write_fsdd(tmp_path, digits=1)
    write(root / "recordings" / "0_lucas_10.wav", tone("long", seconds=1.1), 8000)
    halls = RoomOptions(rt60=(0.1, 0.1), floor=(30, 30), height=(20, 20), attempts=2)
    shard = building.make_shard(
        fsdd_reverb.corpus(root, replace(QUICK, room=halls)),
        [one for one in fsdd_reverb.corpus(root).sources if one.speaker == "lucas"],
    )
    assert len(shard["lengths"]) == 0 and len(shard["left_out"]) == 4
    assert "cannot have an RT60 of 0.10 s" in shard["left_out"][0]
    assert all(f"{root / 'recordings'}/0_lucas_" in line for line in shard["left_out"])
    assert any("is 1.10 s long, but words may be 1 s" in line for line in shard["left_out"])


def test_babble_is_of_the_splits_other_speakers_alone(tmp_path, monkeypatch):
    root = write_fsdd(tmp_path)
    corpus = fsdd_babble.corpus(root, fsdd_babble.Options(voices=2, words=2))
    read = []
    original = fsdd_babble.read_audio
    monkeypatch.setattr(
        fsdd_babble, "read_audio", lambda path, *rates: read.append(path) or original(path, *rates)
    )
    by_path = {one.path: one for one in corpus.sources}
    for source in corpus.sources:
        read.clear()
        corpus.make(source)
        assert len(read) == 4
        assert all(by_path[path].split == source.split for path in read)
        assert all(by_path[path].speaker != source.speaker for path in read)
    alone = fsdd_babble.corpus(root, fsdd_babble.Options(test_speakers=("george",)))
    with pytest.raises(
        UsageError, match=r"0_george_0.wav is of the only speaker of the test split"
    ):
        alone.make(alone.sources[0])


def test_babble_is_as_loud_as_was_drawn(tmp_path):
    root = write_fsdd(tmp_path, digits=1)
    (root / "recordings" / "0_yweweler_1.wav").write_bytes(b"broken")
    dataset = _built(fsdd_babble, root, tmp_path / "cache")
    split, spoken = dataset.test, slice(3200, 8000)
    assert len(split) == 7 and len(dataset.left_out) == 1
    for clean, corrupted, snr in zip(
        split.clean(), split.corrupted(), split.strengths, strict=True
    ):
        measured = power_ratio(clean[spoken], (corrupted - clean)[spoken])
        assert measured == pytest.approx(float(snr), abs=0.05)
    assert split.strengths.min() >= 5 and split.strengths.max() < 15 and split.strengths.std() > 0.5


@pytest.mark.parametrize(
    ("speakers", "reason"),
    [
        (("theo",), "no recordings of the test speaker 'theo'; speakers there: george, jackson"),
        (("george", "jackson", "lucas", "yweweler"), "has no speaker but the test speakers"),
    ],
)
def test_test_speakers_must_be_there(tmp_path, speakers, reason):
    root = write_fsdd(tmp_path, digits=1)
    with pytest.raises(UsageError, match=reason):
        fsdd_reverb.corpus(root, fsdd_reverb.Options(test_speakers=speakers))


def test_no_recordings_at_all(tmp_path):
    with pytest.raises(
        UsageError, match=r"which has recordings/\{digit\}_\{speaker\}_\{index\}.wav"
    ):
        fsdd_babble.corpus(tmp_path)


# Speech Commands


def test_speech_commands_by_their_official_lists(tmp_path):
    root = write_gsc(tmp_path)
    options = gsc_reverb.Options(room=QUICK.room)
    dataset = _built(gsc_reverb, root, tmp_path / "cache", options)
    speakers = [set(getattr(dataset, name).speakers.tolist()) for name in SPLITS]
    assert speakers == [{"aa"}, {"bb"}, {"cc"}]
    assert all(
        sorted(getattr(dataset, name).texts) == ["no", "no", "yes", "yes"] for name in SPLITS
    )
    assert dataset.classes[int(dataset.test.labels[0])] == dataset.test.texts[0]
    assert dataset.test.clean().shape == (4, RATE)
    fewer = gsc_reverb.corpus(root, replace(options, most=1))
    assert [one.split for one in fewer.sources] == ["train", "validation", "test"]


def test_speech_commands_that_are_packed_are_unpacked_whole_or_not_at_all(tmp_path):
    """As the published archive is laid out: the words' folders and the lists at its top."""
    folder = write_gsc(tmp_path / "written") / "SpeechCommands" / "speech_commands_v0.02"
    root = tmp_path / "root"
    root.mkdir()
    packed = root / "speech_commands_v0.02.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, ".")
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"gsc-reverb cannot be unpacked \(.*\): put speech_comm"):
        gsc_reverb.corpus(root)
    assert list(root.iterdir()) == [packed]
    packed.write_bytes(whole)
    corpus = gsc_reverb.corpus(root)
    assert {one.key for one in corpus.sources} == {
        f"{word}/{speaker}_nohash_{i}.wav"
        for word in ("yes", "no") for speaker in ("aa", "bb", "cc") for i in (0, 1)
    }  # fmt: skip
    assert corpus.sources == gsc_reverb.corpus(root).sources
    assert {path.name for path in root.iterdir()} == {packed.name, "SpeechCommands"}


def test_speech_commands_that_cannot_be_had_name_the_archive(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):  # nobody listens there
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        UsageError, match=r"cannot be downloaded \(.*refused.*\): put speech_comm"
    ) as raised:
        gsc_reverb.corpus(tmp_path)
    assert "--data-dir" in str(raised.value) and "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())
    root = write_gsc(tmp_path)
    (root / "SpeechCommands" / "speech_commands_v0.02" / "testing_list.txt").unlink()
    with pytest.raises(UsageError, match=r"there is no file .*testing_list.txt"):
        gsc_reverb.corpus(root)


def test_a_listed_command_that_is_missing_or_broken_is_left_out(tmp_path):
    root = write_gsc(tmp_path)
    folder = root / "SpeechCommands" / "speech_commands_v0.02"
    (folder / "yes" / "cc_nohash_0.wav").unlink()
    (folder / "no" / "bb_nohash_0.wav").write_bytes(b"")
    write(folder / "no" / "aa_nohash_0.wav", tone("fast", rate=8000), 8000)
    dataset = _built(gsc_reverb, root, tmp_path / "cache", gsc_reverb.Options(room=QUICK.room))
    assert [len(getattr(dataset, name)) for name in SPLITS] == [3, 3, 3]
    for line, told in zip(dataset.left_out, (
        "aa_nohash_0.wav is at 8000 Hz, but must be at 16000 Hz",
        "bb_nohash_0.wav cannot be read as audio",
        f"there is no file {folder / 'yes' / 'cc_nohash_0.wav'}",
    ), strict=True):  # fmt: skip
        assert told in line


# EARS


@pytest.fixture(scope="module")
def ears(tmp_path_factory):
    root = tmp_path_factory.mktemp("ears")
    return write_responses(write_wham(write_ears(root)))


@pytest.fixture
def _loud_is_speech(monkeypatch):
    monkeypatch.setattr(ears_layout, "speech_spans", loud_spans)


@pytest.mark.usefixtures("_loud_is_speech")
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_noisy_sentences(ears, tmp_path, rate):
    options = ears_wham.Options(ears=ears_layout.EarsOptions(rate=rate))
    dataset = _built(ears_wham, ears, tmp_path, options)
    assert dataset.rate == rate and dataset.classes == ()
    assert set(dataset.train.speakers) == {"p001"} and set(dataset.validation.speakers) == {"p100"}
    assert set(dataset.test.speakers) == {"p102", "p103"}
    assert set(dataset.test.texts) == {"One two.", "I'm so mad."}
    assert (dataset.test.labels == -1).all()
    assert len(dataset.test) == 8  # 7.2 s make two pieces
    assert dataset.test.lengths.float().mean() / rate == pytest.approx(3.6, abs=0.4)
    for row, length in enumerate(dataset.test.lengths.tolist()):
        clean, noisy = dataset.test.clean()[row, :length], dataset.test.corrupted()[row, :length]
        snr = float(dataset.test.strengths[row])
        assert -2.5 <= snr <= 17.5
        added = noisy - clean
        difference = loudness(clean, rate, "clean") - loudness(added, rate, "added")
        assert difference == pytest.approx(snr, abs=0.05)


@pytest.mark.usefixtures("_loud_is_speech")
def test_reverberant_sentences_in_rooms_of_moderate_rt60(ears, tmp_path):
    options = ears_reverb.Options(ears_layout.EarsOptions(rate=16_000, most=1), longest_rt60=0.7)
    dataset = _built(ears_reverb, ears, tmp_path, options)
    for name, rt60 in (("train", 0.3), ("validation", 0.4), ("test", 0.5)):
        split = getattr(dataset, name)
        np.testing.assert_allclose(split.strengths, rt60, rtol=0.15)  # never the church
        power = split.clean().square().sum(1) / split.corrupted().square().sum(1)
        torch.testing.assert_close(power, torch.ones(len(split)), atol=0.01, rtol=0)
        assert int(_response_between(split.clean()[0], split.corrupted()[0]).abs().argmax()) == 0
    corpus = ears_reverb.corpus(ears, replace(options, longest_rt60=0.1))
    with pytest.raises(UsageError, match="none of 2 files drawn can be used: they do not suit"):
        corpus.make(corpus.sources[0])


def _response_between(clean, corrupted):
    """The impulse response that makes one of the other, by division of spectra."""
    x, y = (torch.fft.rfft(wave, 2**18) for wave in (clean, corrupted))
    return torch.fft.irfft(y * x.conj() / (x.abs() ** 2 + 1e-3))


@pytest.mark.usefixtures("_loud_is_speech")
def test_a_broken_noise_is_named_and_another_is_taken(ears, tmp_path):
    root = shutil.copytree(ears, tmp_path / "ears")
    (root / "wham_noise" / "tr" / "0.wav").write_bytes(b"broken")
    corpus = ears_wham.corpus(root, ears_wham.Options(ears=ears_layout.EarsOptions(rate=16_000)))
    shard = building.make_shard(corpus, [one for one in corpus.sources if one.split == "train"])
    assert len(shard["lengths"]) == 4
    assert shard["left_out"].size and all("tr/0.wav cannot be read" in s for s in shard["left_out"])


@pytest.mark.parametrize(
    ("missing", "module", "reason"),
    [
        ("EARS/transcripts.json", ears_wham, "there is no file .*transcripts.json"),
        ("wham_noise/cv", ears_wham, r"no noises in .*cv: unpack WHAM!'s wham_noise.zip"),
        ("responses/test", ears_reverb, "no room responses for the test split .* ACE-Challenge"),
    ],
)
def test_what_is_missing_is_named(ears, tmp_path, missing, module, reason):
    root = shutil.copytree(ears, tmp_path / "ears")
    (root / missing).rename(tmp_path / "gone")
    with pytest.raises(UsageError, match=reason):
        module.corpus(root)


def test_the_script_is_of_all_known_sentences_and_names_the_build(ears, tmp_path):
    assert ears_layout.script(ears) == Script(("I'm so mad.", "One two."))
    root = shutil.copytree(ears, tmp_path / "ears")
    keys = [key_of(ears_wham.corpus(root))]
    known = ears_layout.transcripts(root) | {"of nobody here": "Three\n four."}
    (root / "EARS" / "transcripts.json").write_text(json.dumps(known))
    assert ears_layout.script(root).texts[-1] == "Three four."
    keys.append(key_of(ears_wham.corpus(root)))
    assert keys[0] != keys[1]
    with pytest.raises(UsageError, match="one or more sentences"):
        Script((" ",))


def test_a_limit_draws_by_its_seed(ears):
    options = ears_layout.EarsOptions()
    every = ears_layout.sources(ears, options)
    assert len(every) == 8
    picked = {limited(every, 1, seed)[0].key for seed in range(20)}
    assert picked == {one.key for one in every if one.split == "train"}


# Ray and real recordings


class Numbers:
    """A corpus of plain numbers: no sound, no files."""

    name, rate, classes, per_shard, settings = "numbers", RATE, ("a",), 2, {}

    def __init__(self, sources):
        self.sources = sources

    def make(self, source):
        wave = torch.rand(50, generator=generator_of(source.key))
        return Pairs([Pair(wave, wave + 0.1, 0.1)])


@pytest.mark.slow
def test_over_ray_the_bits_are_the_same(digits, tmp_path):
    import ray

    from trainables.workers.spread import over_cluster

    root, _ = digits
    corpus = Numbers(fsdd_reverb.corpus(root, QUICK).sources)
    here = building.build(corpus, tmp_path / "here")
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": path}})
    try:
        there = building.build(corpus, tmp_path / "there", spread=over_cluster)
    finally:
        ray.shutdown()
    assert _bits(there) == _bits(here)


@pytest.mark.assets
def test_real_digits():
    root = asset("COUPLED_DATA", "fsdd")
    corpus = fsdd_reverb.corpus(root)
    counts = {name: sum(one.split == name for one in corpus.sources) for name in SPLITS}
    assert counts == {"train": 1200, "validation": 300, "test": 1000}
    shard = building.make_shard(corpus, corpus.sources[:6])
    assert len(shard["lengths"]) == 6 and not len(shard["left_out"])
    own = soundfile.info(corpus.sources[0].path)
    assert shard["lengths"][0] == 2 * own.frames + 2 * 3200
    assert np.abs(shard["corrupted"]).max() <= 16384
