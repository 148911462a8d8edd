"""A study in its files: whatever happens to the journal, no finished trial is lost or another."""

import random
import warnings
from platform.pipeline.stored_study import forget, open_stored, read_stored
from platform.pipeline.trial_log import TrialLog, same
from platform.planning.study_names import JOURNAL, TRIALS

import optuna
import pytest
from optuna.trial import TrialState

from trainables.core.errors import DamageWarning

_NAME = "a study"
optuna.logging.set_verbosity(optuna.logging.WARNING)


def _search(study, log, count):
    """Trials with numbers and names; every third fails."""
    for _ in range(count):
        trial = study.ask()
        steps = trial.suggest_int("steps", 1, 50)
        eta = trial.suggest_float("eta", 0, 1)
        trial.suggest_categorical("answer", ["x", "y", "mean"])
        trial.set_user_attr("point", {"steps": steps, "eta": eta})
        if trial.number % 3 == 2:
            log.add(study.tell(trial, state=TrialState.FAIL))
        else:
            log.add(study.tell(trial, (eta, float(steps))))


@pytest.fixture
def made(tmp_path):
    """A folder with a study of seven trials, and these."""
    _search(open_stored(tmp_path, _NAME), TrialLog(tmp_path / TRIALS), 7)
    return tmp_path, open_stored(tmp_path, _NAME).trials


def _assert_kept(folder, trials):
    found = open_stored(folder, _NAME).trials
    assert len(found) == len(trials)
    for one, other in zip(found, trials, strict=True):
        assert same(one, other)


def _flipped(content, generator):
    place = generator.randrange(8 * len(content))
    damaged = bytearray(content)
    damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def test_a_journal_that_is_whole_is_left_as_it_is(made):
    folder, trials = made
    before = (folder / JOURNAL).read_bytes()
    _assert_kept(folder, trials)
    assert (folder / JOURNAL).read_bytes() == before
    assert len((folder / TRIALS).read_text().splitlines()) == 7
    assert not list(folder.glob("*.damaged-*"))


def test_damaged_journals_are_made_again(made):
    """100 flips and 100 cuts at random places, the whole journal, and none."""
    folder, trials = made
    content, generator = (folder / JOURNAL).read_bytes(), random.Random(5)
    flips = [_flipped(content, generator) for _ in range(100)]
    cuts = [content[: generator.randrange(len(content))] for _ in range(100)]
    for damaged in [*flips, *cuts, b"", b"\xff" * 99]:
        (folder / JOURNAL).write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)
            _assert_kept(folder, trials)
            _assert_kept(folder, trials)
        for aside in folder.glob("*.damaged-*"):
            aside.unlink()
    (folder / JOURNAL).unlink()
    _assert_kept(folder, trials)
    _search(open_stored(folder, _NAME), TrialLog(folder / TRIALS), 1)
    assert len(open_stored(folder, _NAME).trials) == 8


@pytest.mark.parametrize("torn", [b'{"op_code":4,"wor', b'{"op_code":4,"wor\n'])
def test_a_journal_whose_last_line_is_torn_can_be_gone_on_with(made, torn):
    """Optuna reads past such a line, and fails when more has been appended to it."""
    folder, trials = made
    with (folder / JOURNAL).open("ab") as file:
        file.write(torn)
    with pytest.warns(DamageWarning, match="is damaged"):
        study = open_stored(folder, _NAME)
    _search(study, TrialLog(folder / TRIALS), 1)
    assert len(open_stored(folder, _NAME).trials) == len(trials) + 1


def test_it_says_which_file_and_what_becomes_of_it(made):
    folder, trials = made
    (folder / JOURNAL).write_text("{")
    with pytest.warns(DamageWarning, match=rf"{JOURNAL} is damaged .* made again of {TRIALS}"):
        _assert_kept(folder, trials)
    assert (folder / f"{JOURNAL}.damaged-1").read_text() == "{"


def test_a_damaged_line_of_the_log_costs_nothing_while_the_journal_is_whole(made):
    folder, trials = made
    content, generator = (folder / TRIALS).read_bytes(), random.Random(6)
    for _ in range(40):
        (folder / TRIALS).write_bytes(_flipped(content, generator))
        _assert_kept(folder, trials)
        assert len(TrialLog(folder / TRIALS).trials()) == 7  # the line is written again


def test_a_line_that_was_torn_off_does_not_spoil_the_next(made):
    folder, trials = made
    content = (folder / TRIALS).read_bytes()
    (folder / TRIALS).write_bytes(content[:-20])
    _assert_kept(folder, trials)
    assert sorted(TrialLog(folder / TRIALS).trials()) == list(range(7))


def test_both_damaged_lose_the_trials_of_damaged_lines_alone(made):
    folder, trials = made
    lines = (folder / TRIALS).read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"COMPLETE", b"COMPLETF")
    (folder / TRIALS).write_bytes(b"\n".join(lines))
    (folder / JOURNAL).write_text("{")
    with pytest.warns(DamageWarning):
        found = open_stored(folder, _NAME).trials
    assert [n for n in range(7) if not same(found[n], trials[n])] == [3]
    assert found[3].state is TrialState.FAIL and len(found) == 7


def test_reading_changes_no_file(made):
    folder, trials = made
    assert read_stored(folder / "none", _NAME) is None
    (folder / JOURNAL).write_text("{")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    study = read_stored(folder, _NAME)
    assert all(map(same, study.trials, trials))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_forgotten_is_kept_aside(made):
    folder, _ = made
    forget(folder)
    assert open_stored(folder, _NAME).trials == []
    assert (folder / "study.1.journal").exists() and (folder / "trials.1.jsonl").exists()
