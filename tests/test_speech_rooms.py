"""Impulse responses against closed forms; simulated rooms: RT60, distances, the same bits always."""

import math

import numpy as np
import pyroomacoustics
import pytest
import soundfile
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.speech.responses import Response, measured_rt60, read_response, reverberated
from trainables.data.speech.rooms import Room, RoomOptions, draw_response, draw_room, simulated

RATE = 16_000
SMALL = RoomOptions(rt60=(0.25, 0.4), floor=(4.0, 6.0))


def _decaying(rt60, seconds=1.0, rate=RATE):
    """The power of this falls by 60 dB in `rt60` seconds."""
    t = np.arange(round(seconds * rate)) / rate
    return np.exp(-3 * math.log(10) * t / rt60)


@pytest.mark.parametrize("rt60", [0.25, 0.5, 0.8])
def test_rt60_of_an_exponential_decay_is_its_own(rt60):
    assert measured_rt60(_decaying(rt60, 2.0), RATE) == pytest.approx(rt60, rel=0.01)


def test_an_echo_by_hand():
    wave = torch.randn(500, generator=generator_of("wave"))
    taps = np.zeros(60)
    taps[7], taps[7 + 40] = 1.0, -0.5
    heard = reverberated(wave, Response(taps, 7, 0.3))
    expected = wave.clone()
    expected[40:] -= 0.5 * wave[:-40]
    torch.testing.assert_close(heard, expected, atol=1e-5, rtol=1e-5)


def test_where_walls_swallow_all_sound_speech_stays_where_and_as_loud_as_it_is():
    room = Room((6.0, 5.0, 3.0), (1.0, 1.0, 1.5), (1.0 + 343 * 100 / RATE, 1.0, 1.5), 0.3)
    from trainables.data.speech.rooms import _image_sources

    taps, lead = _image_sources(room, 1 - 1e-12, 10, RATE)
    t = torch.arange(RATE) / RATE
    wave = torch.sin(2 * math.pi * 440 * t) + torch.sin(2 * math.pi * 3000 * t)
    heard = reverberated(wave, Response(taps, lead, 0.3))
    middle = slice(1000, -1000)
    torch.testing.assert_close(heard[middle], wave[middle], atol=0.03, rtol=0)


def test_simulated_rooms_have_the_rt60_drawn_for_them():
    for i in range(5):
        room, response = draw_response(SMALL, generator_of("rt60", i))
        assert SMALL.rt60[0] <= room.rt60 <= SMALL.rt60[1]
        assert response.rt60 == pytest.approx(room.rt60, rel=0.1)
        # Measured anew and over another stretch of the decay: not what the simulation steers by.
        other = measured_rt60(response.taps[response.lead :], RATE, decay=15.0)
        assert other == pytest.approx(room.rt60, rel=0.15)
        assert response.taps[response.lead] == pytest.approx(1, abs=0.05)
        assert np.abs(response.taps[: response.lead - 1]).max() < 0.3


def test_places_keep_their_distances():
    options = RoomOptions()
    distances = []
    for i in range(200):
        room = draw_room(options, generator_of("places", i))
        distance = math.dist(room.source, room.microphone)
        distances.append(distance)
        samples = distance / 343 * RATE
        assert samples == pytest.approx(round(samples), abs=1e-6)
        for place in (room.source, room.microphone):
            for x, side in zip(place, room.size, strict=True):
                assert options.wall - 1e-9 <= x <= side - options.wall + 1e-9
        assert all(3 <= side <= 8 for side in room.size[:2]) and 2.4 <= room.size[2] <= 3.5
        assert 0.25 <= room.rt60 <= 0.8
    shortest = 343 / RATE
    assert min(distances) >= 1 - shortest and max(distances) <= 2.5 + shortest
    assert max(distances) - min(distances) > 1


def test_a_seed_means_the_same_bits_whatever_else_was_drawn():
    room, first = draw_response(SMALL, generator_of("room", 3))
    np.random.seed(7)
    np.random.rand(5)
    torch.manual_seed(11)
    pyroomacoustics.random.seed(5)
    threads = pyroomacoustics.constants.get("num_threads")
    pyroomacoustics.constants.set("num_threads", 3)
    try:
        again, second = draw_response(SMALL, generator_of("room", 3))
        assert pyroomacoustics.constants.get("num_threads") == 3
    finally:
        pyroomacoustics.constants.set("num_threads", threads)
    assert again == room
    assert second.taps.tobytes() == first.taps.tobytes() and second.lead == first.lead
    other, _ = draw_response(SMALL, generator_of("room", 4))
    assert other != room


def test_a_room_that_cannot_have_the_rt60_is_refused_in_one_line():
    hall = Room((30.0, 30.0, 20.0), (5.0, 5.0, 1.5), (7.0, 5.0, 1.5), 0.1)
    with pytest.raises(UsageError, match=r"30.0 × 30.0 × 20.0 m cannot have an RT60 of 0.10 s"):
        simulated(hall)
    halls = RoomOptions(rt60=(0.1, 0.1), floor=(30, 30), height=(20, 20), attempts=3)
    with pytest.raises(UsageError, match=r"none of 3 rooms drawn can be .* allow a longer rt60"):
        draw_response(halls, generator_of("halls"))
    far = RoomOptions(distance=(9, 9), floor=(3, 4), attempts=2)
    with pytest.raises(UsageError, match="no place for a source and a microphone 9 to 9 m apart"):
        draw_response(far, generator_of("far"))


def test_a_room_that_cannot_be_is_drawn_again():
    options = RoomOptions(rt60=(0.12, 0.12), floor=(3.0, 12.0), height=(2.4, 6.0))
    kept = [draw_room(options, generator_of("again", i)) for i in range(8)]
    drawn = [draw_response(options, generator_of("again", i)) for i in range(8)]
    redrawn = [old != new for old, (new, _) in zip(kept, drawn, strict=True)]
    assert any(redrawn) and not all(redrawn)
    for _, response in drawn:
        assert response.rt60 == pytest.approx(0.12, rel=0.35)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rt60": (0.8, 0.25)}, "the largest rt60 of a room is 0.25, but must be from 0.8"),
        ({"distance": (0.0, 1.0)}, "the least distance of a room is 0.0"),
        ({"decay": 10.0}, "simulated decay in dB is 10.0, but must be from 30 to 60"),
    ],
)
def test_options_are_checked(changes, reason):
    with pytest.raises(UsageError, match=reason):
        RoomOptions(**changes)


def test_a_measured_response_begins_with_its_direct_path(tmp_path):
    decay = np.random.default_rng(0).standard_normal(24_000) * _decaying(0.4, 0.5, 48_000)
    decay[0] = 5.0
    delayed = np.concatenate([np.zeros(480), 0.1 * decay])
    path = tmp_path / "room.wav"
    soundfile.write(path, np.stack([delayed, 0.5 * delayed], 1), 48_000, subtype="FLOAT")
    first = read_response(path, 48_000, draw=0.0)
    np.testing.assert_allclose(first.taps, decay / 5, atol=1e-5)
    assert first.rt60 == pytest.approx(0.4, rel=0.1) and first.lead == 0
    second = read_response(path, 48_000, draw=0.99)
    np.testing.assert_allclose(second.taps, decay / 5, atol=1e-5)
    assert read_response(path, RATE, draw=0.0).rt60 == pytest.approx(0.4, rel=0.1)
