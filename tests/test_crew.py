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


def test_the_actors_of_a_crew_that_leaves_are_killed(monkeypatch):
    import ray

    killed = []
    monkeypatch.setattr(ray, "kill", killed.append)
    kept, crews = KeptCrew(), [_new() for _ in range(4)]
    for name, crew in zip("abcd", crews, strict=True):
        crew.rest(name)
    kept.leave("digits", crews[0])
    assert killed == ["a"]
    with kept.kept():
        kept.leave("digits", crews[1])
        kept.leave("digits", crews[2])
        assert killed == ["a", "b"]
        assert kept.take("digits", _new) is crews[2]
        kept.leave("digits", crews[2])
        kept.take("mnist", _new)
        assert killed == ["a", "b", "c"]
        kept.leave("mnist", crews[3])
    assert killed == ["a", "b", "c", "d"]
    crews[3].end()
    assert killed == ["a", "b", "c", "d"]


def test_elsewhere_every_work_has_a_crew_of_its_own():
    kept = KeptCrew()
    crew = kept.take("digits", _new)
    kept.leave("digits", crew)
    assert kept.take("digits", _new) is not crew
    with pytest.raises(KeyboardInterrupt), kept.kept():
        kept.leave("digits", crew)
        raise KeyboardInterrupt
    assert kept.take("digits", _new) is not crew
