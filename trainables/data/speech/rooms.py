"""Simulated shoebox rooms (pyroomacoustics, image sources), each drawn from a seed.

Sabine's formula gives the absorption of walls for an RT60, but image sources in an empty box decay up to
a third slower or faster. So each room is simulated twice: the RT60 measured in the first response
corrects the absorption, as the decay rate is proportional to -ln(1 - absorption), the loss of a
reflection. The ratio of the measured RT60 (T20) to the intended one was 1.01 on average over 30 rooms,
0.98 to 1.06.

Only the image sources that the first `decay` dB need are simulated. Their number grows with the cube
of the time covered: 40 dB instead of 60 is 0.3 of the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from trainables.core.errors import UsageError, check_range
from trainables.data.audio import RATE
from trainables.data.speech.responses import Response, measured_rt60

_PLACEMENTS = 50  # attempts to place source and microphone in one room
_MOST_ABSORPTION = 0.99


@dataclass(frozen=True)
class RoomOptions:
    """The ranges that rooms are drawn from uniformly, in metres and, for RT60, seconds (paper, E.2).

    Args:
        rt60, floor, height: ranges of RT60, of the two sides of the floor, of the height.
        distance: range of the distance from source to microphone.
        wall: the smallest distance of source and microphone from every wall.
        decay: dB of decay that are simulated.
        attempts: rooms that are drawn until one can have the RT60 drawn for it.
    """

    rt60: tuple[float, float] = (0.25, 0.8)
    floor: tuple[float, float] = (3.0, 8.0)
    height: tuple[float, float] = (2.4, 3.5)
    distance: tuple[float, float] = (1.0, 2.5)
    wall: float = 0.4
    decay: float = 40.0
    attempts: int = 20

    def __post_init__(self) -> None:
        for name, low, high in (
            ("rt60", 0.05, 5),
            ("floor", 1, 50),
            ("height", 1, 50),
            ("distance", 0.05, 50),
        ):
            least, most = getattr(self, name)
            check_range(f"the least {name} of a room", least, low, high)
            check_range(f"the largest {name} of a room", most, least, high)
        check_range("a room's wall distance", self.wall, 0.01, 10)
        check_range("a room's simulated decay in dB", self.decay, 30, 60)
        check_range("attempts to draw a room", self.attempts, 1, 1000)


@dataclass(frozen=True)
class Room:
    """A box of `size` metres with a source and a microphone, whose RT60 in seconds is to be simulated."""

    size: tuple[float, float, float]
    source: tuple[float, float, float]
    microphone: tuple[float, float, float]
    rt60: float
    decay: float = 40.0


def draw_response(
    options: RoomOptions, generator: torch.Generator, rate: int = RATE
) -> tuple[Room, Response]:
    """Draw a room that can have the RT60 drawn for it; also its response at `rate` Hz.

    Raises:
        UsageError: none of `options.attempts` rooms can have it.
    """
    reason = ""
    for _ in range(options.attempts):
        try:
            room = draw_room(options, generator, rate)
            return room, simulated(room, rate)
        except _ImpossibleRoom as error:
            reason = str(error)
    raise UsageError(
        f"none of {options.attempts} rooms drawn can be simulated; of the last, {reason}: allow a "
        "longer rt60, smaller rooms or a shorter distance"
    )


def draw_room(options: RoomOptions, generator: torch.Generator, rate: int = RATE) -> Room:
    """Draw a room, with a source and a microphone placed in it.

    The distance is a whole number of samples of sound's way, so that the direct path needs no
    fractional delay and clean speech is aligned with it exactly.

    Raises:
        UsageError: source and microphone do not fit in the room.
    """
    import pyroomacoustics

    def uniform(*ranges: tuple[float, float]) -> list[float]:
        """A number drawn uniformly from each range."""
        numbers = torch.rand(len(ranges), generator=generator, dtype=torch.float64).tolist()
        return [low + (high - low) * u for (low, high), u in zip(ranges, numbers, strict=True)]

    rt60, *size = uniform(options.rt60, options.floor, options.floor, options.height)
    inside = [(options.wall, side - options.wall) for side in size]
    shortest = pyroomacoustics.constants.get("c") / rate  # metres a sample
    for _ in range(_PLACEMENTS):
        source = np.array(uniform(*inside))
        (length,) = uniform(options.distance)
        distance = max(1, round(length / shortest)) * shortest
        direction = torch.randn(3, generator=generator, dtype=torch.float64).numpy()
        microphone = source + distance * direction / np.linalg.norm(direction)
        if all(
            low <= x <= high
            for place in (source, microphone)
            for x, (low, high) in zip(place, inside, strict=True)
        ):
            return Room(_triple(size), _triple(source), _triple(microphone), rt60, options.decay)
    raise _ImpossibleRoom(
        f"a room of {_metres(size)} has no place for a source and a microphone "
        f"{options.distance[0]:g} to {options.distance[1]:g} m apart and {options.wall:g} m from the "
        "walls"
    )


def simulated(room: Room, rate: int = RATE) -> Response:
    """The room's impulse response at `rate` Hz: the same bits for the same room.

    Raises:
        UsageError: a room of this size cannot have this RT60.
    """
    import pyroomacoustics

    try:
        absorption, order = pyroomacoustics.inverse_sabine(room.rt60, room.size)
    except ValueError as error:
        raise _ImpossibleRoom(
            f"a room of {_metres(room.size)} cannot have an RT60 of {room.rt60:.2f} s, not even "
            "with walls that swallow all sound"
        ) from error
    taps, lead = _image_sources(room, absorption, order, rate)
    absorption = 1 - (1 - absorption) ** (measured_rt60(taps[lead:], rate) / room.rt60)
    if absorption > _MOST_ABSORPTION:
        raise _ImpossibleRoom(
            f"a room of {_metres(room.size)} cannot have an RT60 of {room.rt60:.2f} s: its walls "
            f"would have to swallow {absorption:.1%} of the sound"
        )
    taps, lead = _image_sources(room, absorption, order, rate)
    return Response(taps, lead, measured_rt60(taps[lead:], rate))


class _ImpossibleRoom(UsageError):
    """A room cannot be simulated; another one may be possible."""


def _image_sources(room: Room, absorption: float, order: int, rate: int) -> tuple[np.ndarray, int]:
    """Taps of the first `room.decay` dB, the direct path 1, and the number of taps before it.

    `order` is the largest order of reflections that the whole RT60 needs.
    """
    import pyroomacoustics

    share = room.decay / 60
    box = pyroomacoustics.ShoeBox(
        room.size,
        fs=rate,
        materials=pyroomacoustics.Material(absorption),
        max_order=max(1, math.ceil((order + 1) * share) - 1),
    )
    box.add_source(list(room.source))
    box.add_microphone(list(room.microphone))
    with _one_thread():
        box.compute_rir()
    distance = math.dist(room.source, room.microphone)
    lead = pyroomacoustics.constants.get("frac_delay_length") // 2
    start = round(distance / pyroomacoustics.constants.get("c") * rate)
    end = lead + start + math.ceil(share * room.rt60 * rate)
    # The taps fall as 1 / distance; the filter's front reaches `lead` taps ahead.
    return np.asarray(box.rir[0][0])[start:end] * distance, lead


@contextmanager
def _one_thread() -> Iterator[None]:
    """A context in which pyroomacoustics uses one thread.

    Several threads add up image sources in another order, which changes the last bits.
    """
    import pyroomacoustics

    threads = pyroomacoustics.constants.get("num_threads")
    pyroomacoustics.constants.set("num_threads", 1)
    try:
        yield
    finally:
        pyroomacoustics.constants.set("num_threads", threads)


def _triple(values: Iterable[float]) -> tuple[float, float, float]:
    """Three numbers as a tuple of Python floats."""
    x, y, z = (float(value) for value in values)
    return x, y, z


def _metres(size: Iterable[float]) -> str:
    """The size of a room as text."""
    return " × ".join(f"{side:.1f}" for side in _triple(size)) + " m"
