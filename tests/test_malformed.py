"""Whatever a user gives that is malformed is refused in words: properties, over made-up cases.

`COUPLED_EXAMPLES` says how many cases each property gets; few by default, thousands in the suite of faults.
"""

import argparse
import io
import json
import os
import pickle
import tempfile
from contextlib import suppress
from pathlib import Path
from platform import evaluate
from platform.cli.flags import parser
from platform.planning.locations import tracking_uri

import numpy as np
import pytest
import torch
from helpers import tiny_task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from whisper.model import ModelDimensions, Whisper

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.data.datasets import folder
from trainables.models.speech.ncsnpp.checkpoint import read_sgmse
from trainables.models.speech.whisper.weights import load_whisper
from trainables.training.part_store import PartStore

cases = settings(
    max_examples=int(os.environ.get("COUPLED_EXAMPLES", "60")),
    deadline=None,
    derandomize="COUPLED_EXAMPLES"
    not in os.environ,  # the same cases in every run, but in the suite
    database=None,
    suppress_health_check=list(HealthCheck),
)
TINY = ModelDimensions(4, 4, 8, 1, 1, 51865, 4, 8, 1, 1)
SIGNALS = ("nested", "parallel", "card", "guided", "didicm-cl", "noisy")
NUMBERS = st.integers() | st.floats() | st.integers(10**300, 10**400)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["y", "x", "1e999"])
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=5
)


def _point_of(strategy: str, text: str) -> None:
    evaluate._written_point(argparse.Namespace(point=text, strategy=strategy))


@cases
@given(st.data())
def test_points(data):
    """A point is one of the strategy's, or refused."""
    strategy = data.draw(st.sampled_from(SIGNALS))
    names = list(strategies.load(strategy).Parameters.__dataclass_fields__) or ["steps"]
    keys = st.sampled_from(names) | st.text()
    texts = st.dictionaries(keys, VALUES).map(json.dumps) | VALUES.map(json.dumps) | st.text()
    with suppress(UsageError):
        _point_of(strategy, data.draw(texts))


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"steps":' * 100_000, '{"steps": ' + "9" * 5_000 + "}", "\udcff", '{"eta": 1e999}',
     '{"eta": ' + "9" * 4_000 + "}", '{"eta": NaN}', '{"steps": 1e9}', '{"\\ud800": 1}', ""],
)  # fmt: skip
def test_a_point_that_is_none_is_one_line(text, capfd):
    assert evaluate.main(["parallel", "digits", "--point", text]) == 2
    said = capfd.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1


@cases
@given(
    st.text() | st.lists(st.integers()).map(lambda n: ",".join(map(str, n))) | st.just("9" * 5000)
)
def test_seeds(text):
    """Seeds are numbers, or refused."""
    with suppress(UsageError):
        words = parser("x", "", "", several_seeds=True).parse_args(
            ["nested", "digits", f"--seed={text}"]
        )
        assert all(isinstance(seed, int) for seed in words.training_seeds)


@cases
@given(
    st.sampled_from(["sqlite:///", "sqlite:", "sqlite+x:///", "http://", "https://", "file://", ""]),
    st.text() | st.sampled_from(["", "/", "a:b", "h:99999", "[::1", "u:p@h", "x" * 300, "/tmp", ":memory:"]),
)  # fmt: skip
def test_uris(start, rest):
    """A tracking URI is one that MLflow can record to, or refused; nothing is made for it."""
    with tempfile.TemporaryDirectory() as empty:
        before = set(os.listdir())
        with suppress(UsageError):
            tracking_uri(start + rest or "?", Path(empty) / "runs", {})
        assert not os.listdir(empty) and set(os.listdir()) == before


def test_a_directory_that_was_not_meant_is_not_made(tmp_path, capfd):
    from platform import sweep

    uri = f"sqlite:///{tmp_path}/typo/mlflow.db"
    words = ["nested", "digits", "--storage", str(tmp_path / "runs"), "--tracking-uri"]
    assert sweep.main([*words, uri]) == 2 and "no directory: make it" in capfd.readouterr().err
    assert sweep.main([*words, f"sqlite:///{tmp_path}"]) == 2
    assert "is a directory" in capfd.readouterr().err
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000, "\udcff"])
@pytest.mark.parametrize(
    "flag", ["--storage", "--data-dir", "--json", "--sgmse", "--whisper", "--point"]
)
def test_names_that_no_file_can_have(name, flag, capfd):
    assert evaluate.main(["nested", "digits", flag, name]) == 2
    said = capfd.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1


def _png(side: int = 8) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((side, side), 7, dtype=np.uint8)).save(content, "PNG")
    return content.getvalue()


@st.composite
def _damaged(draw, content: bytes) -> bytes:
    """The content with a few bytes changed, cut off, or put before it; or anything."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        changed[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    cut = bytes(changed[: draw(st.integers(0, len(content)))])
    return draw(
        st.sampled_from(
            [bytes(changed), cut, draw(st.binary(max_size=20)) + bytes(changed), b"hello"]
        )
    )


@cases
@given(_damaged(_png()), st.sampled_from(["train", "test"]))
def test_folders(content, where):
    """A folder of images is a dataset, or refused."""
    with tempfile.TemporaryDirectory() as directory:
        for which in ("train", "test"):
            for name in "ab":
                place = Path(directory, which, name)
                place.mkdir(parents=True)
                for number in range(3):
                    (place / f"{number}.png").write_bytes(_png())
        Path(directory, where, "a", "1.png").write_bytes(content)
        with suppress(UsageError):
            folder.facts(Path(directory))
            folder.load(Path(directory))


def test_an_image_of_another_format_is_not_opened(tmp_path):
    for which in ("train", "test"):
        for name in "ab":
            (tmp_path / which / name).mkdir(parents=True)
            text = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
            (tmp_path / which / name / "0.png").write_text(text)
    with pytest.raises(UsageError, match="cannot be read as an image"):
        folder.facts(tmp_path)


def _saved(values: object) -> bytes:
    content = io.BytesIO()
    torch.save(values, content)
    return content.getvalue()


TENSORS = st.sampled_from([torch.zeros(2), torch.zeros(0), torch.tensor(float("nan"))])
CONTENTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | TENSORS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(
        st.sampled_from(["dims", "model_state_dict", "state_dict", "ema", "shadow_params", "dnn.weight"])
        | st.integers(), one, max_size=4,
    ),
    max_leaves=6,
)  # fmt: skip
WHISPER = {"dims": TINY.__dict__, "model_state_dict": Whisper(TINY).state_dict()}
DIMENSIONS = st.fixed_dictionaries(
    {name: st.integers(-1, 9) | st.integers() | st.none() | st.text() for name in TINY.__dict__}
)
SGMSE = {
    "state_dict": {"dnn.weight": torch.zeros(2, 2)},
    "ema": {"shadow_params": [torch.zeros(2, 2)]},
}


@cases
@given(
    CONTENTS.map(_saved)
    | DIMENSIONS.map(lambda dims: _saved({**WHISPER, "dims": dims}))
    | _damaged(_saved({"dims": TINY.__dict__, "model_state_dict": {}}))
    | CONTENTS.map(lambda one: pickle.dumps(one))
)
def test_checkpoints_of_whisper(content):
    """A checkpoint is a Whisper, or refused."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        with suppress(UsageError):
            load_whisper("any", file.name)


@cases
@given(CONTENTS.map(_saved) | _damaged(_saved(SGMSE)) | CONTENTS.map(lambda one: pickle.dumps(one)))
def test_checkpoints_of_sgmse(content):
    """A checkpoint is SGMSE's, or refused."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        with suppress(UsageError):
            read_sgmse(Path(file.name), nn.Linear(2, 2, bias=False))


@cases
@given(_damaged(_saved({"a": {"w": torch.arange(3.0)}})), st.booleans())
def test_weights_of_parts(content, described):
    """What is read of a part is what was written, or refused; also where it has no checksum."""
    weights, task = {"a": {"w": torch.arange(3.0)}}, tiny_task()
    with tempfile.TemporaryDirectory() as directory:
        store = PartStore(Path(directory))
        place = store.save("classifier", task, weights, {"metrics": {}, "seconds": 0.0})
        whole = (place / "weights.pt").read_bytes()
        (place / "weights.pt").write_bytes(content)
        if not described:
            description = json.loads((place / "part.json").read_text())
            plain = {k: v for k, v in description.items() if k not in ("sha256", "checksum")}
            (place / "part.json").write_text(json.dumps(plain))
        with suppress(UsageError):
            store.load("classifier", task)
            assert content == whole or not described
