"""Which batch each update of a training draws, and after which rounds is reported."""

from itertools import pairwise

from trainables.training.rounds import reporting_rounds, rounds_of


def test_a_pool_is_used_up_evenly_and_in_random_order():
    rounds = rounds_of(updates=1000, uses=30, pool=8, seed=0, kind="nested")
    assert [one.first_batch for one in rounds] == [0, 8, 16, 24, 32]
    assert [one.first_update for one in rounds] == [0, 240, 480, 720, 960]
    assert [one.batches for one in rounds] == [8, 8, 8, 8, 2]
    for one in rounds[:-1]:
        assert sorted(one.order) == sorted(list(range(8)) * 30)
    assert rounds[0].order != rounds[1].order
    repeats = sum(a == b for a, b in pairwise(rounds[0].order))
    assert repeats < 30  # an eighth would be by chance, all but 8 of 240 if batches took turns
    assert len(rounds[-1].order) == 40 and set(rounds[-1].order) == {0, 1}


def test_without_reuse_every_update_has_its_own_batch():
    rounds = rounds_of(updates=5, uses=1, pool=1, seed=0, kind="card")
    assert [(one.first_batch, one.first_update, one.order) for one in rounds] == [
        (number, number, [0]) for number in range(5)
    ]


def test_reports_are_even_and_at_the_ends_of_epochs():
    assert reporting_rounds([1] * 10, epoch=4.0, least=2) == {3, 4, 7, 9}
    assert reporting_rounds([4, 4, 2], epoch=100.0, least=20) == {0, 1, 2}


def test_epochs_that_are_shorter_than_a_part_of_the_training_are_not_reported_one_by_one():
    assert reporting_rounds([1] * 900, epoch=9.4, least=20) == set(range(44, 900, 45))
    assert reporting_rounds([16] * 38, epoch=9.4, least=2) == {18, 37}
    assert reporting_rounds([1] * 10, epoch=3.0, least=2) == {4, 9}
