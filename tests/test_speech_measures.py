"""What speech is judged by: word error rates beside accuracy, signal measures, the paper's Table 2."""

import csv
import io
from platform import reproduce
from platform.cli.console import Console
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.reproduction import paper_tables
from platform.reproduction.report import tables
from platform.reproduction.results import Result, corrected, percent_of, save

import pytest
import torch
from speech_task import COARSE, load_digits, speech_task, train, write_whisper

from dashboards.figure_files import figure_files
from dashboards.front import front_figure
from dashboards.page import TrialPoint, front_page
from dashboards.pareto import Reference, shared_reference
from dashboards.points import ReportedPoint, difference, percent, rows, signal_rows, to_csv
from trainables.core.noise import generator_of
from trainables.data.audio import resampled
from trainables.data.spectrogram import SPECTROGRAM_48K, Sound, Spectrogram, peak
from trainables.evaluation import listening
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.listening import means, quality_of
from trainables.evaluation.measurement import Sampling, joined, measurement_of
from trainables.evaluation.records import Measurement
from trainables.evaluation.storage import Storage
from trainables.evaluation.summary import summary
from trainables.sampling.cost import cost
from trainables.scoring.metric_names import BY_ACCURACY, METRIC_OF_KIND
from trainables.scoring.word_error import errors, wer
from trainables.strategies import schedule_of

SPEECH = METRIC_OF_KIND["speech"]
WORDS = ("zero", "one", "two")


def _measured(correct, **cost):
    return Measurement({"correct": correct}, {}, correct, {"nfe": 4.0, **cost})


def test_the_word_error_rate_of_single_words_is_one_less_accuracy():
    """By jiwer on the words themselves, every answer being one of the closed set."""
    labels = torch.randint(3, (60,), generator=generator_of("labels")).tolist()
    answers = torch.randint(3, (60,), generator=generator_of("answers")).tolist()
    found = wer(*errors([WORDS[n] for n in labels], [WORDS[n] for n in answers]))
    pairs = zip(labels, answers, strict=True)
    values = summary([_measured("".join("01"[a == b] for a, b in pairs))], SPEECH)
    assert 0.3 < found < 0.9 and values["wer"] == pytest.approx(found, abs=1e-12)
    assert values["wer_low"] == pytest.approx(1 - values["accuracy_high"])
    assert values["wer_high"] == pytest.approx(1 - values["accuracy_low"])
    assert values["wer_low"] < values["wer"] < values["wer_high"]


def test_images_are_shown_by_accuracy_speech_by_errors():
    runs = [_measured("1110")]
    assert not any(name.startswith("wer") for name in summary(runs))
    for metric, value, gained in ((BY_ACCURACY, "75.0 [", "+5.0"), (SPEECH, "25.0 [", "-5.0")):
        values = summary(runs, metric)
        assert percent(values, metric).startswith(value)
        assert difference({"difference": 0.05, "p_value": 0.5}, metric) == f"{gained} (p=0.5)"
    assert difference({"difference": 0.0, "p_value": 1.0}, SPEECH) == "+0.0 (p=1)"
    assert percent({"wer": 0.0503}, SPEECH) == "5.0"


def _shown(label, role, correct, **cost):
    values = summary([_measured(correct, **cost)], SPEECH)
    return ReportedPoint(label, "nested", role, {"steps": 3}, validation=values, test=values)


def test_tables_and_figures_show_the_errors_of_speech():
    heard = {"si_sdr": 4.5, "si_sdr_utterances": 8.0, "pesq": 1.5, "pesq_utterances": 7.0}
    points = [_shown("a", "front", "1110", **heard), _shown("b", "baseline", "1000", nfe=0.0)]
    assert [row[4][:4] for row in rows(points, SPEECH)] == ["25.0", "75.0"]
    assert signal_rows(points) == [["a", "4.50 (8)", "1.50 (7)", "–"]]
    table = list(csv.DictReader(io.StringIO(to_csv(points))))
    assert table[0]["test_wer"] == "0.25" and table[1]["test_pesq"] == ""
    assert "test_estoi" not in table[0] and "test_gflops" not in table[0]
    figure = front_figure(
        "t", [(0.75, 4.0)], points, {"a": "best"}, Reference(0.1, 40), 0.5, SPEECH
    )
    assert figure_files("front", figure)["front.png"].startswith(b"\x89PNG")
    trials = [TrialPoint(0.75, 4.0, {"steps": 3})]
    page = front_page("t", trials, points, {"a": "best"}, SPEECH)
    assert "WER, % (lower is better)" in page and '"y":[25.0]' in page.replace(" ", "")


def test_the_hypervolume_of_speech_takes_in_the_papers_dearest_point():
    for kind, table in (("image", paper_tables.table1(50)), ("speech", paper_tables.table2(50))):
        dearest = max(cost(schedule_of(m.strategy, m.point(50))).nfe for m in table.methods)
        assert shared_reference(10, 50, kind) == Reference(0.1, float(dearest))


def _tones():
    """A tone of 500 Hz with pauses, and one that is too short for ESTOI, (2, 22400)."""
    t = torch.arange(22_400) / 16_000
    tone = 0.3 * torch.sin(2 * torch.pi * 500 * t) * (1 + torch.sin(2 * torch.pi * 3 * t))
    return torch.stack([tone, torch.where(t < 0.2, tone, torch.zeros(()))])


def _with_noise(waves, decibel):
    """White noise so many dB below each."""
    noise = torch.randn(waves.shape, generator=generator_of("noise"))
    power = waves.square().mean(dim=1, keepdim=True) / noise.square().mean(dim=1, keepdim=True)
    return waves + noise * (power * 10 ** (-decibel / 10)).sqrt()


WIDE = Spectrogram(n_fft=126, hop=63, multiple=8)  # with all frequencies


def test_signals_are_measured_against_clean_waveforms():
    sound, waves = Sound(WIDE, 22_400), _tones()
    found = quality_of(sound, sound.states(_with_noise(waves, 10)), list(waves))
    assert found["si_sdr"] == pytest.approx([10, 10], abs=0.5)
    assert [len(found[name]) for name in ("si_sdr", "pesq", "estoi")] == [2, 2, 1]
    values = means([found, {"si_sdr": [1.0]}, {}])
    assert values["si_sdr"] == pytest.approx((sum(found["si_sdr"]) + 1) / 3)
    assert (values["si_sdr_utterances"], values["estoi_utterances"]) == (3, 1)
    assert means([{}]) == {}


def test_what_a_spectrogram_loses_counts_what_was_padded_does_not():
    """A tone above what the bands keep is distortion; noise behind a word's end is not."""
    tone = _tones()[:1]
    t = torch.arange(22_400) / 16_000
    high = 0.1 * torch.sin(2 * torch.pi * 6000 * t) * tone.abs() / 0.3
    clean = tone + high
    narrow, wide = Sound(COARSE, 22_400), Sound(WIDE, 22_400)
    lost = 10 * torch.log10(tone.square().sum() / high.square().sum())
    (found,) = quality_of(narrow, narrow.states(clean), list(clean))["si_sdr"]
    assert found == pytest.approx(float(lost), abs=0.3)
    (whole,) = quality_of(wide, wide.states(clean), list(clean))["si_sdr"]
    assert whole > 60
    behind = torch.where(t > 1.1, _with_noise(tone, 0), clean)
    (cut,) = quality_of(wide, wide.states(behind), [clean[0, :16_000]])["si_sdr"]
    assert cut > 40


def test_other_rates_are_measured_at_16_khz():
    """48 kHz, as EARS has it: as near as the same at 16 kHz, but for what resampling takes of the noise."""
    waves = _tones()[:1]
    fine = resampled(waves, 16_000, 48_000)
    at_48 = Sound(SPECTROGRAM_48K, fine.shape[1])
    at_16 = Sound(WIDE, waves.shape[1])
    noisy = _with_noise(waves, 10)
    want = quality_of(at_16, at_16.states(noisy), list(waves))
    found = quality_of(at_48, at_48.states(resampled(noisy, 16_000, 48_000)), list(fine))
    for name, near in (("si_sdr", 0.5), ("pesq", 0.1), ("estoi", 0.02)):
        assert found[name] == pytest.approx(want[name], abs=near)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """An evaluator of `noisy` on spoken digits."""
    root = tmp_path_factory.mktemp("judge")
    dataset = load_digits(root)
    task = speech_task(write_whisper(root / "whisper.pt"))
    storage = Storage(str(root / "runs"), str(root / "fsdd"))
    storage.parts.save("classifier", task, train("classifier", task, dataset, {}), {})
    return Evaluator(task, "noisy", storage, 2, torch.device("cpu"), dataset=dataset)


def test_the_first_test_utterances_are_listened_to_whatever_the_pieces(judge, monkeypatch):
    monkeypatch.setattr(listening, "LISTENED", 3)
    sampling = Sampling("test", 6, 0)
    whole = judge.tally({}, sampling)
    pieces = [judge.tally({}, sampling, slice(first, first + 2)) for first in (0, 2, 4)]
    assert len(whole.quality["si_sdr"]) == 3
    assert [len(piece.quality.get("si_sdr", [])) for piece in pieces] == [2, 1, 0]
    judge.storage.partials.save({}, pieces)
    kept = judge.storage.partials.find({})
    assert [piece.quality for piece in kept] == [piece.quality for piece in pieces]
    ways = [whole], pieces, [joined(kept)]
    costs = [measurement_of({}, {}, tallies).cost for tallies in ways]
    for name in ("si_sdr", "si_sdr_utterances", "pesq"):
        assert costs[1][name] == costs[2][name] == pytest.approx(costs[0][name], rel=1e-5)
    assert judge.tally({}, Sampling("validation", 4, 0)).quality == {}
    split = judge.dataset.test.first(3)
    x_cor = split.corrupted(split.clean(), slice(None), "babble", None)
    speech = split.speech
    clean = speech.clean() / peak(speech.corrupted())
    assert clean.shape[1] < judge.dataset.sound.samples  # signals are padded
    clean = [wave[:length] for wave, length in zip(clean, speech.lengths.tolist(), strict=True)]
    by_hand = quality_of(judge.dataset.sound, x_cor, clean)
    assert whole.quality["si_sdr"] == pytest.approx(by_hand["si_sdr"], rel=1e-4)


def test_means_of_seeds_take_only_what_all_of_them_have():
    values = summary([_measured("11", pesq=2.0), _measured("10", pesq=3.0, estoi=0.5)], SPEECH)
    assert values["pesq"] == 2.5 and "estoi" not in values


def test_table_2_is_the_papers():
    table = paper_tables.table2(50)
    assert table.metric is SPEECH and table.datasets == ("fsdd-reverb",)
    assert [m.label for m in table.methods] == [m.label for m in paper_tables.table1(50).methods]
    nested, enhanced = [m.label for m in table.methods].index("nested, f(x_hat)"), 1
    assert table.percentage("ears-reverb", "reverb", nested) == 3.83
    assert table.percentage("ears-wham", "wham", enhanced) == 10.04
    # Spoken digits are not the paper's: its words stand beside them, named.
    assert table.percentage("fsdd-reverb", "reverb", nested) == 4.85
    assert table.source("fsdd-reverb", "reverb") == "gsc-reverb"
    assert table.source("fsdd-babble", "babble") == ""
    assert table.percentage("fsdd-babble", "babble", nested) is None
    assert paper_tables.table1(50).source("mnist", "gn30") == "mnist"
    assert all(m.point(50).get("corrections", 1) == 1 for m in table.methods)


def test_a_number_of_the_paper_without_images_has_no_interval(tmp_path):
    reported = percent_of(4.85, 0, SPEECH)
    assert reported == {"wer": pytest.approx(0.0485)}
    ours = summary([_measured("1110")], SPEECH)
    result = Result("fsdd-reverb", "reverb", "nested", "nested", 0, {}, ours, 4, 1, reported, 0,
                    None, "gsc-reverb")  # fmt: skip
    stream = io.StringIO()
    tables(Console(stream, 200), "Table 2", [result], SPEECH, "")
    row = stream.getvalue().strip().split("\n")[-1]
    assert row.startswith("nested") and "25.0 [" in row and f"  {4.85:.1f}  " in row
    assert "gsc-reverb, not told" in row
    (line,) = csv.DictReader(save([result], tmp_path, SPEECH)["table"].open())
    assert float(line["wer"]) == 0.25 and float(line["paper_wer"]) == pytest.approx(0.0485)
    assert line["paper_wer_low"] == "" and line["paper_dataset"] == "gsc-reverb"


def test_tests_of_a_table_are_corrected_for_all_that_are_printed():
    def result(p_value):
        test = None if p_value is None else {"difference": 0.1, "p_value": p_value}
        return Result("d", "c", "m", "m", 0, {}, {}, 4, 1, None, 0, test)

    first = corrected([result(0.01), result(None)])
    assert first[0].test["p_holm"] == 0.01 and first[1].test is None
    both = corrected([*first, result(0.03)])
    assert [both[0].test["p_holm"], both[2].test["p_holm"]] == [0.02, 0.03]
    assert difference(both[0].test, SPEECH) == "-10.0 (p=0.02)"


def test_a_table_of_speech_refuses_images_and_the_other_way_round(tmp_path, capfd):
    load_digits(tmp_path)
    words = ["--preset", "smoke", "--storage", str(tmp_path / "runs")]
    data = ["--data-dir", str(tmp_path / "fsdd")]
    assert reproduce.main(["table2", "--datasets", "digits", *words]) == 2
    assert reproduce.main(["table1", "--datasets", "fsdd-babble", "--corruptions", "babble",
                           *words, *data]) == 2  # fmt: skip
    assert reproduce.main(["figure3", "--datasets", "fsdd-babble", "--corruptions", "babble",
                           *words, *data]) == 2  # fmt: skip
    speech, images, samples = capfd.readouterr().err.strip().split("\n")
    assert "table2 is of speech" in speech and "table1 is of image" in images
    assert "figure3 is of images, but fsdd-babble is of speech: choose another dataset" in samples


def test_speech_is_shown_by_errors_images_by_accuracy(tmp_path):
    load_digits(tmp_path)
    common = ("smoke", 3, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    speech = Plan("nested", "fsdd-babble", "babble", *common, data_dir=str(tmp_path / "fsdd"))
    images = Plan("nested", "digits", "gn30", *common)
    assert (setup_of(speech).metric, setup_of(images).metric) == (SPEECH, BY_ACCURACY)
