"""What is predicted and told of trainings: calls as the engine counts them, Whisper's work, word errors."""

from platform.cli.flags import plan_of, sweep_parser
from platform.pipeline.prepare import _said
from platform.planning.forecast import _UPDATE, _Calls, _paper_cost, _training_seconds

import pytest
from speech_files import write_fsdd
from speech_task import write_whisper

from trainables.sampling.moves import Cost
from trainables.scoring.metric_names import BY_ACCURACY, MEASURES
from trainables.training import stages


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Plans of `nested` on images and on speech."""
    root = tmp_path_factory.mktemp("plans")
    write_fsdd(root / "fsdd")
    common = ["--preset", "quick", "--storage", str(root / "runs")]
    speech = ["--data-dir", str(root / "fsdd"), "--whisper", str(write_whisper(root / "w.pt"))]
    words = {"image": ["digits"], "speech": ["fsdd-babble", *speech]}
    return {
        k: plan_of(sweep_parser().parse_args(["nested", *w, *common])) for k, w in words.items()
    }


def test_calls_of_the_classifier_are_those_that_the_engine_counts(plans):
    """For speech it is asked for f(x_cor) too, where the logits start."""
    assert _paper_cost(plans["image"], "nested") == Cost(300, 50, 6)
    assert _paper_cost(plans["speech"], "nested") == Cost(600, 100, 7)
    assert _paper_cost(plans["speech"], "enhanced") == Cost(100, 0, 1)


def test_whisper_hears_all_utterances_once_and_each_sampled_signal(plans):
    plan = plans["speech"]
    recipe, dataset = plan.task.recipe, plan.places.dataset(plan.task)
    updates = sum(stages.load(kind).updates(recipe) for kind in stages.names()
                  if kind in plan.places.parts.missing(plan.kinds, plan.task))  # fmt: skip
    heard = 2 * (len(dataset.train) + min(recipe.validated, len(dataset.validation)))
    sampled = recipe.batch * recipe.updates.coupled / recipe.inner_updates
    seconds = _training_seconds(plan, dataset, _Calls(0, 0, 0, classifier=1.0), ())
    assert seconds == pytest.approx(heard + sampled + updates * _UPDATE, rel=1e-2)
    rest = _training_seconds(plan, dataset, _Calls(0, 0, 0, classifier=1.0), ("classifier",))
    assert rest == pytest.approx(seconds - heard, rel=1e-2)


def test_trainings_are_told_by_the_measure():
    report = {"loss": 0.5, "validation_loss": 0.25, "validation_accuracy": 0.9}
    assert _said(report, BY_ACCURACY) == "loss 0.500, on validation 0.250 (accuracy 90 %)"
    assert _said(report, MEASURES["speech"]) == "loss 0.500, on validation 0.250 (WER 10 %)"
