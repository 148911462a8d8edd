"""Points measured on actors of a real Ray cluster."""

from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.cli.console import Console
from platform.planning.plan import Plan

import pytest
from helpers import DIGITS

from trainables.models.scale import LogitScale
from trainables.task import networks


@pytest.fixture
def plan(tmp_path):
    """A plan that asks for more test images than digits has; its classifier is untrained."""
    made = Plan(
        "nested",
        "digits",
        "gn30",
        "paper",
        1,
        0,
        0,
        0.0,
        str(tmp_path),
        f"sqlite:///{tmp_path}/m.db",
    )
    network = networks.new_classifier(DIGITS, made.task.recipe)
    scale = LogitScale(len(DIGITS.classes))
    weights = {"network": network.state_dict(), "scale": scale.state_dict()}
    made.places.parts.save("classifier", made.task, weights, {})
    return made


def test_one_point_is_cut_by_the_splits_length_not_by_a_limit_beyond_it(plan, capfd):
    """One run is cut into pieces for every actor: none of them may lie beyond the last image."""
    assert plan.budget.confirm_limit > 2 * len(DIGITS.test)
    with Cluster() as cluster:
        ((measured,),) = measure_all(plan, cluster, Console(), [Candidate("noisy", {})], "test", 1)
    assert len(measured.correct) == len(DIGITS.test) and measured.cost["nfe_classifier"] == 1
    assert "failed" not in capfd.readouterr().out
