"""The file of a sweep's samples: the same bytes for the same samples, what is read is what was written, and
nothing that somebody else may have put there does harm.
"""

import io
import json
import pickle
import wave
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dashboards.comparison.array_file import UnreadableFileError, packed, unpacked
from dashboards.comparison.gallery_file import gallery_of
from dashboards.comparison.sheet import SampleSheet, SheetFrames, SheetPoint, Signals
from dashboards.comparison.sheet_file import sheet_of, to_bytes

COUNT, SHOWN = 4, 2
LEVELS = (1.0, 0.5, 0.25)
LIKELY = (("<3>", 0.7), ("8", 0.3))


def _signals(start, kind="image", colors=()):
    """Signals whose every number tells which they are."""
    shape = COUNT, 3, 5, *colors
    pictures = (np.arange(np.prod(shape)) + start).astype(np.uint8).reshape(shape)
    sounds = (np.arange(COUNT * 7) * 100 - start).astype(np.int16).reshape(COUNT, 7)
    return Signals(pictures, sounds if kind == "speech" else None)


def _point(label, strategy, start, kind, colors, frames=True):
    signals = None if strategy == "card" else _signals(start, kind, colors)
    pictures = np.arange(SHOWN * 3 * 15 * (3 if colors else 1), dtype=np.uint8)
    pictures = pictures.reshape(SHOWN, 3, 3, 5, *colors)
    likely = LIKELY if kind == "image" else ()
    moments = SheetFrames(LEVELS, None if signals is None else pictures, ((likely,) * 3,) * SHOWN)
    return SheetPoint(
        label,
        strategy,
        signals,
        tuple("a<b>é8"[i : i + 1] for i in range(COUNT)),
        (0.5, 1.0, 0.0, 0.25) if kind == "image" else (),
        (True, False, True, True),
        moments if frames else None,
    )


def _sheet(strategy="nested", kind="image", colors=()):
    own = _point(f"{strategy} #4", strategy, 90, kind, colors)
    card = _point("card (best)", "card", 0, kind, colors)
    retrained = _point("retrained", "retrained", 0, kind, colors, frames=False)
    return SampleSheet(
        kind,
        16_000 if kind == "speech" else 0,
        tuple(range(COUNT)),
        ("a", "<", "b", "9"),
        _signals(0, kind, colors),
        _signals(50, kind, colors),
        (card, retrained, own),
    )


def _equal(one, other):
    """Whether two values are equal, arrays in them by what they have."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return all(_equal(getattr(one, k), getattr(other, k)) for k in one.__dataclass_fields__)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(("kind", "colors"), [("image", ()), ("image", (3,)), ("speech", ())])
def test_what_is_read_is_what_was_written_and_written_the_same_again(kind, colors):
    sheet = _sheet("nested", kind, colors)
    content = to_bytes(sheet)
    assert _equal(sheet_of(content), sheet)
    assert to_bytes(sheet_of(content)) == content
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:  # numpy's own reader reads it
        assert np.array_equal(arrays["clean.pictures"], sheet.clean.pictures)


def test_a_gallery_shows_what_is_in_the_files():
    gallery = gallery_of({"nested": to_bytes(_sheet()), "parallel": to_bytes(_sheet("parallel"))})
    labels = ["card (best)", "retrained", "nested #4", "parallel #4"]
    assert list(gallery.restored) == labels and not gallery.notes
    assert gallery.strategies == dict(
        zip(labels, ("card", "retrained", "nested", "parallel"), strict=True)
    )
    assert gallery.numbers == (0, 1, 2, 3) and gallery.truths == ("a", "<", "b", "9")
    picture = Image.open(io.BytesIO(gallery.restored["nested #4"].pictures[2]))
    assert picture.mode == "L"
    assert np.array_equal(np.asarray(picture), _signals(90).pictures[2])
    card, nested = gallery.restored["card (best)"], gallery.restored["nested #4"]
    assert card.pictures == gallery.corrupted.pictures != gallery.clean.pictures
    assert nested.confidences == (0.5, 1.0, 0.0, 0.25) and nested.right[:2] == (True, False)
    assert gallery.restored["retrained"].trajectories == ()
    assert len(nested.trajectories) == len(card.trajectories) == SHOWN
    frame = nested.trajectories[1][2]
    expected = np.arange(90, dtype=np.uint8).reshape(SHOWN, 3, 3, 5)[1, 2]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(frame.picture))), expected)
    assert frame.level == 0.25 and frame.classes == LIKELY
    assert card.trajectories[0][0].picture is None


def test_colours_and_speech_are_encoded():
    coloured = gallery_of({"nested": to_bytes(_sheet(colors=(3,)))})
    picture = Image.open(io.BytesIO(coloured.clean.pictures[1]))
    assert picture.mode == "RGB"
    assert np.array_equal(np.asarray(picture), _signals(0, colors=(3,)).pictures[1])
    spoken = gallery_of({"nested": to_bytes(_sheet(kind="speech"))})
    shown = spoken.restored["nested #4"]
    spectrogram = Image.open(io.BytesIO(shown.pictures[0]))
    assert spectrogram.mode == "P"
    assert np.array_equal(np.asarray(spectrogram), _signals(90).pictures[0])
    with wave.open(io.BytesIO(shown.sounds[3])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(sound.readframes(99), "<i2")
    assert np.array_equal(samples, _signals(90, "speech").sounds[3])
    assert shown.confidences == () and shown.trajectories[0][0].classes == ()


def test_only_samples_that_all_have_are_shown_and_the_first_trajectories_of_these():
    whole, part = _sheet(), _sheet("parallel")
    rows = [2, 1]
    cut = [Signals(one.pictures[rows]) for one in (part.clean, part.corrupted)]
    points = tuple(_rows_of(point, rows) for point in part.points)
    part = replace(
        part, numbers=(2, 1), truths=("b", "<"), clean=cut[0], corrupted=cut[1], points=points
    )
    gallery = gallery_of({"nested": to_bytes(whole), "parallel": to_bytes(part)})
    assert gallery.numbers == (1, 2) and gallery.truths == ("<", "b")
    assert gallery.restored["parallel #4"].pictures == gallery.restored["nested #4"].pictures
    assert len(gallery.restored["nested #4"].trajectories) == 1  # of sample 1; 2 has none
    assert len(gallery.restored["parallel #4"].trajectories) == 2


def _rows_of(point, rows):
    """A point of some of its rows, with the same frames."""
    return replace(
        point,
        signals=point.signals and Signals(point.signals.pictures[rows]),
        answers=tuple(point.answers[row] for row in rows),
        confidences=tuple(point.confidences[row] for row in rows),
        right=tuple(point.right[row] for row in rows),
    )


@pytest.mark.parametrize("odd_first", [False, True])
def test_a_file_of_other_samples_is_left_out_with_a_reason(odd_first):
    odd = replace(_sheet("guided"), corrupted=_signals(51))
    sheets = {"nested": _sheet(), "parallel": _sheet("parallel")}
    sheets = {"guided": odd, **sheets} if odd_first else {**sheets, "guided": odd}
    gallery = gallery_of({name: to_bytes(sheet) for name, sheet in sheets.items()})
    assert {"nested #4", "parallel #4"} < set(gallery.restored) and len(gallery.restored) == 4
    (note,) = gallery.notes
    assert note.startswith("the samples of guided are left out") and "nested, parallel" in note


def _with_texts(**changes):
    """A file whose texts are changed."""
    arrays = unpacked(to_bytes(_sheet()))
    texts = json.loads(arrays["texts"].tobytes()) | changes
    return packed({**arrays, "texts": _bytes(json.dumps(texts).encode())})


def _bytes(content):
    return np.frombuffer(content, np.uint8)


def _with_member(name, content, kind=zipfile.ZIP_DEFLATED, stated=None):
    """A file with a member in the place of another, or one more; its size may be stated wrongly."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(to_bytes(_sheet()))) as old, zipfile.ZipFile(file, "w") as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content, kind)
        new.getinfo(name).file_size = len(content) if stated is None else stated
    return file.getvalue()


def _npy(shape, content=b"", descr="|u1"):
    """An array in numpy's format that says this of itself."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


class _Harmful:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def _object_array():
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([_Harmful()], dtype=object), allow_pickle=True)
    return file.getvalue()


def _changed_point(**changes):
    texts = json.loads(unpacked(to_bytes(_sheet()))["texts"].tobytes())
    return _with_texts(points=[*texts["points"][:2], {**texts["points"][2], **changes}])


GOOD = to_bytes(_sheet())
PICTURES = "clean.pictures.npy"
HOSTILE = {
    "nothing": b"",
    "no zip": b"<html>" * 100,
    "cut off": GOOD[:-100],
    "cut off early": GOOD[:100],
    "a pickle": pickle.dumps(_Harmful()),
    "a pickled array": _with_member(PICTURES, _object_array()),
    "another type": _with_member(PICTURES, _npy((COUNT, 3, 5), bytes(480), "<f8")),
    "a type of int16": _with_member(PICTURES, _npy((COUNT, 3, 5), bytes(120), "<i2")),
    "a huge shape": _with_member(PICTURES, _npy((999_999_999, 999_999_999, 999_999_999), b"\0" * 60)),
    "no shape": _with_member(PICTURES, _npy((), b"\0")),
    "less than it says": _with_member(PICTURES, _npy((COUNT, 3, 5), bytes(59))),
    "code as a header": _with_member(PICTURES, _npy("__import__('os').abort()", bytes(60))),
    "brackets": _with_member(PICTURES, b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535),
    "a bomb": _with_member("bomb.npy", bytes(99), stated=2**29),
    "a bomb that hides": _with_member(PICTURES, _npy((COUNT, 3, 5), bytes(2**20)), stated=150),
    "another method": _with_member(PICTURES, _npy((COUNT, 3, 5), bytes(60)), zipfile.ZIP_LZMA),
    "no array": _with_member("readme.txt", b"hello"),
    "one more array": _with_member("more.npy", _npy((1,), b"\0")),
    "many arrays": packed({str(n): np.zeros(1, np.uint8) for n in range(300)}),
    "no texts": _with_member("texts.npy", _npy((2,), b"{}")),
    "deep texts": _with_member("texts.npy", _npy((200_000,), b"[" * 200_000)),
    "texts of no language": _with_member("texts.npy", _npy((2,), b"\xff\xfe")),
    "another format": _with_texts(format=2),
    "another kind": _with_texts(kind="video"),
    "too many samples": _with_texts(numbers=list(range(5))),
    "a sample twice": _with_texts(numbers=[0, 1, 1, 2]),
    "samples without numbers": _with_texts(numbers=["0", "1", "2", "3"]),
    "truths of another number": _with_texts(truths=["a"]),
    "truths that are a text": _with_texts(truths="abcd"),
    "a long text": _with_texts(truths=["a" * 10_000] * 4),
    "points that are none": _with_texts(points=[1]),
    "a rate of images": _with_texts(rate=16_000),
    "no number": _changed_point(confidences=[float("nan")] * 4),
    "a probability of 2": _changed_point(confidences=[2] * 4),
    "levels that rise": _changed_point(levels=[0, 0.5, 1]),
    "frames of more samples": _changed_point(classes=[[[]] * 3] * 5),
    "classes without probabilities": _changed_point(classes=[[[["3"]]] * 3] * 2),
    "marks that are texts": _changed_point(right=["yes"] * 4),
    "labels that are numbers": _changed_point(label=3),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_none_is_refused_in_a_sentence(name):
    with pytest.raises(UnreadableFileError) as refusal:
        sheet_of(HOSTILE[name])
    assert str(refusal.value).startswith("it") and "\n" not in str(refusal.value)
    with pytest.raises(UnreadableFileError, match="the samples of nested are left out"):
        gallery_of({"nested": HOSTILE[name]})
    gallery = gallery_of({"parallel": HOSTILE[name], "nested": GOOD})
    assert list(gallery.strategies.values()).count("nested") == 1
    (note,) = gallery.notes
    assert note.startswith("the samples of parallel are left out") and len(note) < 400


def test_a_file_with_any_byte_changed_is_read_or_refused():
    """Whatever is wrong, it is told by the one error."""
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(GOOD), 400):
        content = bytearray(GOOD)
        content[place] ^= int(rng.integers(1, 256))
        try:
            sheet_of(bytes(content))
        except UnreadableFileError:
            refused += 1
    assert refused > 200


def test_no_files_are_no_gallery():
    with pytest.raises(UnreadableFileError, match="no sweep attached any"):
        gallery_of({})
