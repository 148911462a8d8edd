"""What a confirmed point's run in MLflow has: its answers, for tests to come, and how to replay it."""

import json
from dataclasses import replace
from platform.backend.confirmed_run import ANSWERS, Answers, answers_of, answers_text
from platform.backend.tracking import Tracker
from platform.cli.next_commands import recorded_command
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

from dashboards.points import ReportedPoint
from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement

CONFIG = {"strategy": "nested", "split": "test", "limit": 4, "seed": 0}
COST = {"nfe": 3.0, "seconds_per_sample": 0.1}
POINT = {"outer_steps": 1, "eta": 0.5}
ANSWERS_OF_IMAGES = Answers(
    (Measurement(CONFIG, POINT, "0111", COST, top5="1111"),),
    (Measurement(CONFIG, POINT, "0101", COST), Measurement(CONFIG, POINT, "1101", COST)),
)
SENTENCES = Answers((), (Measurement(CONFIG, POINT, "01", COST, (3, 0), (2, 4)),))
METRICS = {"accuracy": 0.1 + 0.2, "accuracy_low": 0.2, "accuracy_high": 0.4, "nfe": 3.0}
BEST = ReportedPoint("nested #1", "nested", "front", POINT, METRICS, METRICS)
NOISY = ReportedPoint("noisy", "noisy", "baseline", {}, METRICS, METRICS)


@pytest.mark.parametrize("answers", [ANSWERS_OF_IMAGES, SENTENCES, Answers()])
def test_answers_are_read_as_they_were_written(answers):
    assert answers_of(answers_text(answers)) == answers


def _changed(**changes):
    record = json.loads(answers_text(SENTENCES))["test"][0] | changes
    return json.dumps({"validation": [], "test": [record]})


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "[" * 100_000, "{}", '{"validation": [], "test": {}}', b"\xff",
        '{"validation": [], "test": [1]}', _changed(correct="0x"), _changed(correct=""),
        _changed(errors=[1]), _changed(words=[]), _changed(errors=["1", "2"]), _changed(top5="1"),
        _changed(cost={"nfe": "many"}), _changed(cost={"nfe": float("nan")}), _changed(other=1),
        answers_text(ANSWERS_OF_IMAGES).replace('"0111"', '"011"'),
        answers_text(ANSWERS_OF_IMAGES).replace('"0101"', '"01"'),
    ],
)  # fmt: skip
def test_damaged_answers_are_refused(text):
    with pytest.raises(UsageError):
        answers_of(text)


def test_a_command_of_a_store_is_made_anew_or_none(monkeypatch):
    made = recorded_command("platform.evaluate", "/there/python -m platform.evaluate nested 'a b'")
    assert made.endswith(" -m platform.evaluate nested 'a b'") and "/there" not in made
    secret = recorded_command(
        "platform.evaluate", 'python -m platform.evaluate x --tracking-uri "$MLFLOW_TRACKING_URI"'
    )
    assert secret.endswith('x --tracking-uri "$MLFLOW_TRACKING_URI"')
    assert recorded_command("platform.evaluate", "p -m platform.evaluate x; rm -r").endswith(
        "'x;' rm -r"
    )
    for text in ("", "rm -rf /", "p -m platform.sweep x", "p -m platform.evaluate 'x",
                 "p -m platform.evaluate 'a\nb'"):  # fmt: skip
        assert recorded_command("platform.evaluate", text) == ""


def test_a_run_has_its_answers_and_the_command_that_replays_it(tmp_path, store_uri):
    """A sweep that is run again keeps runs that say the same, and makes those anew that say more."""
    from mlflow import MlflowClient

    places = str(tmp_path), store_uri
    setup = setup_of(Plan("nested", "digits", "gn30", "smoke", 4, 3, 1, 0.0, *places))
    tracker, client = Tracker(setup), MlflowClient(store_uri)
    tracker.begin()
    without = tracker.confirmation([BEST])
    both = tracker.confirmation([BEST, NOISY], {BEST.label: ANSWERS_OF_IMAGES})
    assert both[BEST.label] != without[BEST.label]
    folder = client.download_artifacts(both[BEST.label], ANSWERS, str(tmp_path))
    with open(folder) as file:
        assert answers_of(file.read()) == ANSWERS_OF_IMAGES
    assert client.list_artifacts(both[NOISY.label]) == []
    tags = client.get_run(both[NOISY.label]).data.tags
    where = f"--preset smoke --seed 3 --workers 1 --gpus-per-trial 0 --storage {tmp_path}"
    command = f"-m platform.evaluate noisy digits {where} --run {both[NOISY.label]}"
    assert tags["replay"].endswith(command)
    assert (tags["signal.kind"], tags["signal.classes"], tags["T"]) == ("image", "10", "10")
    client.set_tag(both[NOISY.label], "replay", "as it was at another place")
    assert tracker.confirmation([BEST, NOISY], {BEST.label: ANSWERS_OF_IMAGES}) == both
    assert client.get_run(both[NOISY.label]).data.tags["replay"] == tags["replay"]
    other = replace(ANSWERS_OF_IMAGES, test=ANSWERS_OF_IMAGES.test[::-1])
    again = tracker.confirmation([BEST, NOISY], {BEST.label: other})
    assert again[BEST.label] != both[BEST.label] and again[NOISY.label] == both[NOISY.label]
