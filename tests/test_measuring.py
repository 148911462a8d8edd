"""Points measured on actors of a real Ray cluster."""

from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import Session
from platform.cli.console import Console
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
from helpers import DIGITS

from trainables.models.scale import LogitScale
from trainables.task import networks


@pytest.fixture
def setup(tmp_path):
    """A setup that asks for more test images than digits has; its classifier is untrained."""
    plan = Plan(
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
    made = setup_of(plan)
    network = networks.new_classifier(DIGITS, made.task.recipe)
    scale = LogitScale(len(DIGITS.classes))
    weights = {"network": network.state_dict(), "scale": scale.state_dict()}
    made.storage.parts.save("classifier", made.task, weights, {})
    return made


def test_one_point_is_cut_by_the_splits_length_not_by_a_limit_beyond_it(setup, capfd):
    """One run is cut into pieces for every actor: none of them may lie beyond the last image."""
    assert setup.budget.confirm_limit > 2 * len(DIGITS.test)
    with Cluster() as cluster:
        session = Session(setup, cluster, Console())
        ((measured,),) = measure_all(session, [Candidate("noisy", {})], "test", 1)
    assert len(measured.correct) == len(DIGITS.test) and measured.cost["nfe_classifier"] == 1
    assert "failed" not in capfd.readouterr().out
