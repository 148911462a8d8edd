"""Crews that stay from one work to the next; no actor is started for it."""

from platform.backend.crew import Crew, KeptCrew

import pytest


def _new() -> Crew:
    return Crew(object, lambda: 1)


def test_a_crew_stays_for_work_of_its_kind_within_what_keeps_it():
    kept = KeptCrew()
    with kept.kept():
        crew = kept.take("digits", _new)
        kept.leave("digits", crew)
        assert kept.take("digits", _new) is crew
        assert kept.take("digits", _new) is not crew, "while it works it is nobody else's"
        kept.leave("digits", crew)
        assert kept.take("mnist", _new) is not crew
        assert kept.take("digits", _new) is not crew, "it has left for another kind"


def test_elsewhere_every_work_has_a_crew_of_its_own():
    kept = KeptCrew()
    crew = kept.take("digits", _new)
    kept.leave("digits", crew)
    assert kept.take("digits", _new) is not crew
    with pytest.raises(KeyboardInterrupt), kept.kept():
        kept.leave("digits", crew)
        raise KeyboardInterrupt
    assert kept.take("digits", _new) is not crew
