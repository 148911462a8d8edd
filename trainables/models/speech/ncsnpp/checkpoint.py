"""Loads published SGMSE checkpoints (Lightning's `.ckpt`) into an NCSN++, strictly and safely.

Beside weights such a file has pickled references to classes, such as its data module. They are replaced
by empty stand-ins, so that no code of those classes is imported or run.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from trainables.core.errors import UsageError
from trainables.models.speech.ncsnpp.network import NCSNpp

_PREFIX = "dnn."
_CONDITION = "condition."  # weights of our network that published ones lack
_FREQUENCIES = "all_modules.0.W"  # of the embedded time, which are not trained


class _StandIn:
    """Stands for a class or function that a checkpoint names; it ignores its arguments and state."""

    def __init__(self, *arguments: object) -> None:
        del arguments

    def __setstate__(self, state: object) -> None:
        del state


def load_sgmse(path: Path, network: NCSNpp, average: bool = True) -> None:
    """Load the weights of a published checkpoint into a network of its size.

    The weights of the condition on logits stay as they are.

    Args:
        path: the `.ckpt` file, with `state_dict` (names begin with `dnn.`) and `ema`.
        network: its weights are replaced, or stay as they are if the file does not fit.
        average: whether to take the moving average of the weights, as SGMSE does to enhance speech,
            or those of the last training step.

    Raises:
        UsageError: the file is missing, broken or not such a checkpoint, or a weight's name or shape
            is not the network's; the first one is named.
    """
    network.load_state_dict(network.state_dict() | read_sgmse(path, network, average))


def read_sgmse(path: Path, network: NCSNpp, average: bool = True) -> dict[str, Tensor]:
    """The weights that `load_sgmse` would load, by their names in the network, which may be on the
    device "meta".

    Raises:
        UsageError: as `load_sgmse`.
    """
    checkpoint = _read(path)
    weights = _weights(path, checkpoint)
    expected = {
        name: value
        for name, value in network.state_dict().items()
        if not name.startswith(_CONDITION)
    }
    _compare(path, {name: value.shape for name, value in weights.items()}, expected)
    return _averaged(path, checkpoint.get("ema"), weights) if average else weights


def _read(path: Path) -> dict[str, object]:
    """The content of a checkpoint file.

    Raises:
        UsageError: the file is missing, broken, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name a checkpoint published by SGMSE (.ckpt)")
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        stand_ins: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
            (type(name, (_StandIn,), {}), name) for name in unknown
        ]
        with torch.serialization.safe_globals(stand_ins):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own text advises to load it unsafely
        raise UsageError(
            f"{path} cannot be read as a checkpoint safely (it holds more than tensors, numbers, text "
            "and stray classes): save its state_dict and ema alone"
        ) from error
    except Exception as error:  # whatever a malformed file makes torch raise
        reason = (str(error) or type(error).__name__).split("\n")[0]
        raise UsageError(
            f"{path} cannot be read as a checkpoint ({reason}): fetch it again from SGMSE"
        ) from error
    if not isinstance(checkpoint, dict):
        raise UsageError(
            f"{path} holds a {type(checkpoint).__name__}, but must be a checkpoint of SGMSE"
        )
    return checkpoint


def _weights(path: Path, checkpoint: dict[str, object]) -> dict[str, Tensor]:
    """The network's weights by their names in it, in the file's order."""
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict):
        raise UsageError(
            f"{path} has no state_dict, but {', '.join(map(str, list(checkpoint)[:5])) or 'nothing'}: "
            "name a checkpoint published by SGMSE (.ckpt)"
        )
    for name, value in state.items():
        if not str(name).startswith(_PREFIX) or not isinstance(value, Tensor):
            raise UsageError(
                f"{path} has {name!r} in its state_dict, but every name must begin with {_PREFIX!r}: "
                "name a checkpoint published by SGMSE for the OUVE process"
            )
    return {name.removeprefix(_PREFIX): value for name, value in state.items()}


def _compare(path: Path, shapes: dict[str, torch.Size], expected: dict[str, Tensor]) -> None:
    """Refuse weights whose names or shapes are not those of the network."""
    advice = "name one of this network's size (published at 16 kHz for words, 48 kHz for sentences)"
    for name, value in expected.items():
        if name not in shapes:
            raise UsageError(f"{path} lacks {name} {tuple(value.shape)}: {advice}")
        if shapes[name] != value.shape:
            raise UsageError(
                f"{path} has {name} of shape {tuple(shapes[name])}, but the network's is "
                f"{tuple(value.shape)}: {advice}"
            )
    extra = [name for name in shapes if name not in expected]
    if extra:
        raise UsageError(f"{path} has {extra[0]}, which the network lacks: {advice}")


def _averaged(path: Path, ema: object, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The moving averages of the weights; older files lack those that are not trained."""
    advice = "name one as SGMSE saved it, or load it with average=False"
    shadow = ema.get("shadow_params") if isinstance(ema, dict) else None
    if not isinstance(shadow, list):
        raise UsageError(f"{path} has no moving average (ema): {advice}")
    names = list(weights)
    if len(shadow) != len(names):
        names = [name for name in names if name != _FREQUENCIES]
    if len(shadow) != len(names):
        raise UsageError(
            f"{path} has {len(shadow)} moving averages for {len(weights)} weights: {advice}"
        )
    for name, value in zip(names, shadow, strict=True):
        if not isinstance(value, Tensor) or value.shape != weights[name].shape:
            raise UsageError(
                f"{path} has a moving average of {name} of another shape than the weight: {advice}"
            )
    return weights | dict(zip(names, shadow, strict=True))
