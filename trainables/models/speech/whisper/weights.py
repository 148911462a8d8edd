"""Loading Whisper's weights: by the name of a size, or from a checkpoint file that is checked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
import whisper
from whisper.model import ModelDimensions, Whisper

from trainables.core.errors import UsageError, check_choice
from trainables.models.speech.whisper.config import ANY_SIZE, SIZES

_VOCABULARY = 51865  # tokens of the multilingual models
_HEAD_WIDTH = 64
_MOST_LAYERS, _LARGEST = 1000, 10**6  # that a checkpoint may ask for


def load_whisper(size: str, checkpoint: str | Path | None = None) -> Whisper:
    """Whisper in float32 on the CPU.

    Args:
        size: one of `SIZES`, downloaded (and kept in ~/.cache/whisper) where no checkpoint is given;
            "any" takes a checkpoint of any size.
        checkpoint: a file in openai-whisper's layout, {"dims": ..., "model_state_dict": ...}.

    Raises:
        UsageError: the size is unknown, it cannot be downloaded, or the file is missing, broken or
            of another size.
    """
    check_choice("Whisper's size", size, [*SIZES, ANY_SIZE])
    if checkpoint is not None:
        return _from_file(Path(checkpoint), size)
    if size == ANY_SIZE:
        raise UsageError(
            f"Whisper of size {ANY_SIZE!r} needs a checkpoint file: give one, or name a size "
            f"({', '.join(SIZES)})"
        )
    try:
        return whisper.load_model(size, device="cpu")
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"Whisper {size!r} cannot be downloaded ({_first_line(error)}): give its checkpoint file"
        ) from error


def untrained_whisper(size: str) -> Whisper:
    """Whisper of a published size with random weights.

    Raises:
        UsageError: the size is unknown.
    """
    check_choice("Whisper's size", size, list(SIZES))
    mels, width, audio_layers, text_layers = SIZES[size]
    words = _VOCABULARY - size.endswith(".en") + (mels == 128)  # the newest have one language more
    heads = width // _HEAD_WIDTH
    return Whisper(
        ModelDimensions(
            n_mels=mels,
            n_audio_ctx=1500,
            n_audio_state=width,
            n_audio_head=heads,
            n_audio_layer=audio_layers,
            n_vocab=words,
            n_text_ctx=448,
            n_text_state=width,
            n_text_head=heads,
            n_text_layer=text_layers,
        )
    )


def _from_file(path: Path, size: str) -> Whisper:
    """Whisper from a checkpoint file.

    Raises:
        UsageError: the file is missing, broken or of another size.
    """
    if not path.is_file():
        raise UsageError(f"there is no Whisper checkpoint {path}: give an existing file")
    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a malformed file makes torch raise
        raise _not_whisper(path, _first_line(error)) from error
    if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= set(content):
        raise _not_whisper(path, "it has no 'dims' and 'model_state_dict'")
    dims = _dimensions(path, content["dims"])
    _check_size(path, dims, size)
    try:
        _check_shapes(path, dims, content["model_state_dict"])
        network = Whisper(dims)
        network.load_state_dict(content["model_state_dict"])
    except UsageError:
        raise
    except Exception as error:
        raise _not_whisper(path, _first_line(error)) from error
    return network


def _dimensions(path: Path, given: object) -> ModelDimensions:
    """The dimensions in a checkpoint.

    Raises:
        UsageError: they are none of a Whisper.
    """
    names = [field.name for field in dataclasses.fields(ModelDimensions)]
    if not isinstance(given, dict) or set(given) != set(names):
        raise _not_whisper(path, f"its dims are not {', '.join(names)}")
    for name, value in given.items():
        largest = _MOST_LAYERS if name.endswith("_layer") else _LARGEST
        if type(value) is not int or not 1 <= value <= largest:
            raise _not_whisper(path, f"its {name} is {ascii(value)[:40]}")
    return ModelDimensions(**given)


def _check_shapes(path: Path, dims: ModelDimensions, weights: object) -> None:
    """Refuse dimensions that the weights have not, before a network of these is allocated.

    Raises:
        UsageError: a weight is missing, or of another shape.
    """
    audio, text = dims.n_audio_state, dims.n_text_state
    expected = {
        "encoder.conv1.weight": (audio, dims.n_mels, 3),
        "encoder.positional_embedding": (dims.n_audio_ctx, audio),
        f"encoder.blocks.{dims.n_audio_layer - 1}.mlp.0.weight": (4 * audio, audio),
        "decoder.token_embedding.weight": (dims.n_vocab, text),
        "decoder.positional_embedding": (dims.n_text_ctx, text),
        f"decoder.blocks.{dims.n_text_layer - 1}.mlp.0.weight": (4 * text, text),
    }
    for name, shape in expected.items():
        given = weights.get(name) if isinstance(weights, dict) else None
        if not isinstance(given, torch.Tensor) or given.shape != shape:
            raise _not_whisper(path, f"its {name} is not of shape {shape}")


def _check_size(path: Path, dims: ModelDimensions, size: str) -> None:
    """Refuse dimensions that are not those of the published `size`."""
    sizes = (dims.n_mels, dims.n_audio_state, dims.n_audio_layer, dims.n_text_layer)
    english = dims.n_vocab < _VOCABULARY  # whisper's own rule
    if size == ANY_SIZE or (sizes == SIZES[size] and english == size.endswith(".en")):
        return
    names = [
        name for name in SIZES if SIZES[name] == sizes and english == name.endswith(".en")
    ] or ["unpublished"]
    raise UsageError(
        f"{path} is a Whisper of size {' or '.join(names)} (mel bands, width, audio and text layers "
        f"{sizes}), but {size!r} was asked for {SIZES[size]}: name its size, or give another file"
    )


def _not_whisper(path: Path, reason: str) -> UsageError:
    """The error for a file that is not a Whisper checkpoint."""
    return UsageError(
        f"{path} cannot be read as a Whisper checkpoint ({reason}): give a file in openai-whisper's "
        "layout"
    )


def _first_line(error: Exception) -> str:
    """The first sentence of an error's message: those of torch have several paragraphs."""
    return (str(error) or type(error).__name__).strip().split("\n")[0].split(". ")[0].rstrip(".")
