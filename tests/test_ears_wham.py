"""EARS under noises of WHAM!: loudness, mixing by it, both releases of the noises, what is refused."""

import io
import math
import shutil
from platform.backend.allocation import Node, allocation
from platform.cli.console import Console
from platform.pipeline.forecast import forecast, lines
from platform.pipeline.prepare import read
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import numpy as np
import pytest
import torch
from speech_files import (
    loud_spans,
    write,
    write_ears,
    write_high_resolution_wham,
    write_wham,
)
from speech_task import write_whisper

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data import datasets
from trainables.data.dataset import SPLITS
from trainables.data.datasets import ears_wham
from trainables.data.speech import builder, ears
from trainables.data.speech.corpus import key_of
from trainables.data.speech.noise_mixing import loudness, mixed_by_loudness, power_ratio
from trainables.data.speech.wham import HIGH_RESOLUTION, SEGMENTED, wham_noises

RATE = 48_000
LOW = ears_wham.Options(ears=ears.EarsOptions(rate=16_000))


def _sine(amplitude, frequency=997, seconds=3.0, rate=RATE):
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * math.pi * frequency * t)).float()


# Loudness


@pytest.mark.parametrize("rate", [16_000, RATE])
def test_a_full_sine_of_997_hz_has_the_loudness_that_bs_1770_states(rate):
    assert loudness(_sine(1.0, rate=rate), rate, "a sine") == pytest.approx(-3.01, abs=0.2)


def test_loudness_of_one_sound_at_two_levels_differs_as_power_does():
    loud, quiet = _sine(0.9, 3000), _sine(0.09, 3000)
    difference = loudness(loud, RATE, "loud") - loudness(quiet, RATE, "quiet")
    assert difference == pytest.approx(20.0, abs=1e-3)
    assert difference == pytest.approx(power_ratio(loud, quiet), abs=1e-3)


def test_gates_leave_out_silence_which_power_counts():
    wave = torch.randn(3 * RATE, generator=generator_of("noise")) * 0.1
    padded = torch.cat([wave, torch.zeros(9 * RATE)])
    difference = loudness(wave, RATE, "wave") - loudness(padded, RATE, "padded")
    # All that the gates let pass are 27 blocks of noise, and those at its end, of which 3, 2 and 1
    # quarters are noise.
    assert difference == pytest.approx(10 * math.log10(30 / 28.5), abs=0.05)
    assert power_ratio(wave, padded) == pytest.approx(10 * math.log10(4), abs=1e-4)


def test_frequencies_that_are_hardly_heard_count_less():
    low, high = _sine(0.1, 30), _sine(0.1, 3000)
    assert power_ratio(high, low) == pytest.approx(0, abs=1e-3)
    assert loudness(high, RATE, "high") - loudness(low, RATE, "low") > 10


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (
            _sine(0.5, seconds=0.39),
            r"a sine has no loudness \(0.39 s, peak 0.5\): it must last 0.4 s",
        ),
        (_sine(1e-5), r"a sine has no loudness \(3.00 s, peak 1e-05\): .* louder than -70 LUFS"),
        (torch.zeros(RATE), r"a sine has no loudness \(1.00 s, peak 0\)"),
    ],
)
def test_what_the_gates_let_nothing_pass_of_is_refused_in_one_line(wave, reason):
    with pytest.raises(UsageError, match=reason) as raised:
        loudness(wave, RATE, "a sine")
    assert "\n" not in str(raised.value)


# Mixing


@pytest.mark.parametrize("snr", [-2.5, 0.0, 17.5])
def test_a_mixture_has_the_loudness_difference_asked_for(snr):
    speech, noise = (torch.randn(2 * RATE, generator=generator_of(name)) for name in ("s", "n"))
    speech = torch.cat([0.02 * speech, torch.zeros(2 * RATE)])
    noise = noise.repeat(2)
    mixture, mixed_at = mixed_by_loudness(speech, noise, snr, RATE)
    added = mixture - speech
    assert mixed_at == snr
    difference = loudness(speech, RATE, "speech") - loudness(added, RATE, "noise")
    assert difference == pytest.approx(snr, abs=1e-3)
    # Half of the speech is silent, which power counts; by loudness 17 blocks and 6 quarters are averaged.
    silence = 10 * math.log10(0.5 / (18.5 / 20))
    assert power_ratio(speech, added) == pytest.approx(snr + silence, abs=0.05)
    torch.testing.assert_close(added / added.norm(), noise / noise.norm(), atol=1e-6, rtol=1e-3)


def test_the_snr_of_a_mixture_that_would_clip_is_raised_by_whole_decibels():
    sine = _sine(0.5)
    # Of equal loudness the sum would reach 1 + 10^(-snr/20) times 0.5: below 1 above 0 dB only.
    mixture, snr = mixed_by_loudness(sine, sine, -2.5, RATE)
    assert snr == 0.5
    assert float(mixture.abs().max()) == pytest.approx(0.5 + 0.5 * 10 ** (-0.5 / 20), abs=1e-4)
    with pytest.raises(UsageError, match="the speech to be mixed reaches ±1"):
        mixed_by_loudness(sine / sine.abs().max(), sine, 0.0, RATE)


# The dataset


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A directory with EARS and both releases of the noises."""
    root = write_ears(tmp_path_factory.mktemp("ears"))
    return write_high_resolution_wham(write_wham(root))


@pytest.fixture(autouse=True)
def _loud_is_speech(monkeypatch):
    monkeypatch.setattr(ears, "speech_spans", loud_spans)


@pytest.fixture
def without(root, tmp_path):
    """A copy of the directory that lacks something."""

    def copy(*names):
        there = shutil.copytree(root, tmp_path / "copy")
        for name in names:
            (there / name).rename(tmp_path / name.replace("/", "-"))
        return there

    return copy


def test_noises_of_48_khz_are_taken_where_both_are_there_and_it_is_said(root, without):
    both = wham_noises(root)
    assert (both.release, both.rate) == (HIGH_RESOLUTION, RATE)
    assert (
        f"{root / 'WHAM48kHz' / 'high_res_wham'} (48 kHz), not of {root / 'wham_noise'}"
        in both.note
    )
    assert datasets.facts("ears-wham", root).note == both.note
    alone = wham_noises(without("WHAM48kHz"))
    assert (alone.release, alone.rate, alone.note) == (SEGMENTED, 16_000, "")
    assert [len(alone.files[split]) for split in SPLITS] == [2, 2, 2]


def test_a_verb_says_which_noises_it_reads(root, tmp_path):
    whisper = str(write_whisper(tmp_path / "w.pt"))
    places = str(tmp_path), f"sqlite:///{tmp_path}/x.db", str(root)
    plan = Plan("nested", "ears-wham", "wham", "smoke", 3, 0, 0, 0.0, *places, whisper=whisper)
    setup, stream = setup_of(plan), io.StringIO()
    read(setup, Console(stream))
    assert wham_noises(root).note in stream.getvalue()
    shares = allocation(setup, [Node(2)])
    assert f"data: {wham_noises(root).note}" in lines(
        setup, shares, forecast(setup, shares, own=True)
    )


def test_48_khz_noises_alone_may_lie_in_the_directory_itself(without):
    there = without("wham_noise")
    (there / "WHAM48kHz" / "high_res_wham").rename(there / "high_res_wham")
    noises = wham_noises(there)
    assert noises.release == HIGH_RESOLUTION and noises.note == ""


def test_splits_of_48_khz_noises_are_those_of_the_metadata(root):
    names = {split: [path.name for path in paths]
             for split, paths in wham_noises(root).files.items()}  # fmt: skip
    assert names == {
        "train": ["Train_0.wav", "Train_1.wav"],
        "validation": ["Valid_0.wav", "Valid_1.wav"],
        "test": ["Test_0.wav", "Test_1.wav"],
    }


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (("WHAM48kHz", "wham_noise"), r"no noises of WHAM! .* high_res_wham.zip .* wham_noise.zip"),
        (("WHAM48kHz/high_res_wham/high_res_metadata.csv",), "no file .*high_res_metadata.csv"),
        (
            ("WHAM48kHz/high_res_wham/audio/Valid_0.wav", "WHAM48kHz/high_res_wham/audio/Valid_1.wav"),
            r"no noises of the validation split in .*audio",
        ),
        (("WHAM48kHz", "wham_noise/tt"), r"no noises in .*tt: unpack WHAM!'s wham_noise.zip"),
    ],
)  # fmt: skip
def test_what_is_missing_of_the_noises_is_named_in_one_line(without, missing, reason):
    with pytest.raises(UsageError, match=reason) as raised:
        ears_wham.corpus(without(*missing))
    assert "\n" not in str(raised.value)


def test_metadata_without_splits_are_refused(without):
    there = without()
    metadata = there / "WHAM48kHz" / "high_res_wham" / "high_res_metadata.csv"
    metadata.write_text("Filename,Length\nTrain_0.wav,10\n")
    with pytest.raises(UsageError, match=r"high_res_metadata.csv has no column 'WHAM! Split'"):
        wham_noises(there)


@pytest.mark.parametrize("names", [(), ("WHAM48kHz",)])
@pytest.mark.parametrize("rate", [16_000, RATE])
def test_pieces_are_under_noise_of_their_split_as_loud_as_was_drawn(
    without, monkeypatch, names, rate
):
    read, original = [], ears_wham.read_channels
    monkeypatch.setattr(
        ears_wham, "read_channels", lambda path, *rates: read.append(path) or original(path, *rates)
    )
    options = ears_wham.Options(ears=ears.EarsOptions(rate=rate))
    corpus = ears_wham.corpus(without(*names), options)
    for source in corpus.sources:
        read.clear()
        pairs = corpus.make(source).pairs
        assert len(pairs) == 2 and set(read) <= set(corpus.noises.files[source.split])
        # Training and validation: the recording is mixed once. Test: each piece by itself.
        assert len(read) == (2 if source.split == "test" else 1)
        assert len({pair.strength for pair in pairs}) == len(read)
        for pair in pairs:
            assert -2.5 <= pair.strength <= 17.5 and float(pair.corrupted.abs().max()) < 1
            if source.split == "test":
                assert _difference(pair, rate) == pytest.approx(pair.strength, abs=1e-3)


def test_a_whole_recording_of_training_is_as_loud_as_was_drawn(root, monkeypatch):
    monkeypatch.setattr(ears, "cuts", lambda spans, seconds, options: [(0.0, seconds)])
    corpus = ears_wham.corpus(root, LOW)
    (pair,) = corpus.make(corpus.sources[0]).pairs
    assert corpus.sources[0].split == "train" and len(pair.clean) == round(7.2 * 16_000)
    assert _difference(pair, 16_000) == pytest.approx(pair.strength, abs=1e-3)


def _difference(pair, rate):
    """The loudness of the clean part of a mixture over that of the rest, in dB."""
    noise = pair.corrupted - pair.clean
    return loudness(pair.clean, rate, "clean") - loudness(noise, rate, "noise")


def test_both_channels_of_a_noise_are_drawn(root):
    corpus = ears_wham.corpus(root, LOW)
    path = corpus.noises.files["train"][0]
    channels = ears_wham.read_channels(path, 16_000)
    drawn_channels = set()
    for number in range(20):
        stretch = corpus._noise(path, channels.shape[1], generator_of(number))
        drawn_channels.add([torch.equal(stretch, channel) for channel in channels].index(True))
    assert drawn_channels == {0, 1}


def test_a_silent_noise_is_named_and_another_is_taken(without):
    there = without()
    silent = there / "WHAM48kHz" / "high_res_wham" / "audio" / "Train_0.wav"
    write(silent, np.full((480_000, 2), 1e-6), RATE, "FLOAT")
    lines = []
    for seed in range(5):
        options = ears_wham.Options(ears=ears.EarsOptions(rate=16_000, seed=seed))
        corpus = ears_wham.corpus(there, options)
        sources = [one for one in corpus.sources if one.split == "train"]
        shard = builder.make_shard(corpus, sources)
        assert len(shard["lengths"]) == 4
        lines += list(shard["left_out"])
    assert lines and all(f"a stretch of {silent} has no loudness" in line for line in lines)


def test_how_it_is_mixed_and_of_which_noises_names_the_build(root, without, monkeypatch):
    corpus = ears_wham.corpus(root)
    keys = {key_of(corpus), key_of(ears_wham.corpus(without("WHAM48kHz")))}
    for name, value in (("mixed_by", "power"), ("pyloudnorm", "0.1.0")):
        assert corpus.settings[name] != value
        former = ears_wham.corpus(root)
        former.settings[name] = value
        keys.add(key_of(former))
    assert len(keys) == 4
