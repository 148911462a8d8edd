"""Loads published SGMSE checkpoints (Lightning's `.ckpt`) into an NCSN++, strictly and safely.

Beside its weights such a file holds pickled references to classes (its data module, for one). They
are replaced by empty stand-ins, so that no code of theirs is imported or run.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.core.errors import UsageError
from trainables.models.speech.ncsnpp.network import NCSNpp

_PREFIX = "dnn."
_BESIDE = "condition."  # of our network: not in published weights
_FIXED = ".W"  # the time's frequencies, which are not trained
_BROKEN = (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile)


class _StandIn:
    """In place of a class or function that a checkpoint names; what it is given is dropped."""

    def __init__(self, *given: object) -> None:
        del given

    def __setstate__(self, state: object) -> None:
        del state


def load_sgmse(path: Path, network: NCSNpp, average: bool = True) -> None:
    """Load the weights of a published checkpoint into a network of its size.

    The condition on logits stays as it is: at first it changes nothing.

    Args:
        path: the `.ckpt` file, with `state_dict` (names begin with `dnn.`) and `ema`.
        network: whose weights are replaced; as it was where the file does not fit.
        average: take the moving average of the weights, as SGMSE does to enhance; else those of the
            last training step.

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
    own = {
        name: value for name, value in network.state_dict().items() if not name.startswith(_BESIDE)
    }
    _compare(path, {name: value.shape for name, value in weights.items()}, own)
    return _averaged(path, checkpoint.get("ema"), weights) if average else weights


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name a checkpoint published by SGMSE (.ckpt)")
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        stand_ins: list[Any] = [(type(name, (_StandIn,), {}), name) for name in unknown]
        with torch.serialization.safe_globals(stand_ins):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own text advises to load it unsafely
        raise UsageError(
            f"{path} cannot be read as a checkpoint safely (it holds more than tensors, numbers, text "
            "and stray classes): save its state_dict and ema alone"
        ) from error
    except _BROKEN as error:
        reason = (str(error) or type(error).__name__).split("\n")[0]
        raise UsageError(
            f"{path} cannot be read as a checkpoint ({reason}): fetch it again from SGMSE"
        ) from error
    if not isinstance(checkpoint, dict):
        raise UsageError(
            f"{path} holds a {type(checkpoint).__name__}, but must be a checkpoint of SGMSE"
        )
    return checkpoint


def _weights(path: Path, checkpoint: dict[str, Any]) -> dict[str, Tensor]:
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


def _compare(path: Path, given: dict[str, torch.Size], own: dict[str, Tensor]) -> None:
    """Refuse other names or shapes than the network's own."""
    advice = "name one of this network's size (published at 16 kHz for words, 48 kHz for sentences)"
    for name, value in own.items():
        if name not in given:
            raise UsageError(f"{path} lacks {name} {tuple(value.shape)}: {advice}")
        if given[name] != value.shape:
            raise UsageError(
                f"{path} has {name} of shape {tuple(given[name])}, but the network's is "
                f"{tuple(value.shape)}: {advice}"
            )
    extra = [name for name in given if name not in own]
    if extra:
        raise UsageError(f"{path} has {extra[0]}, which the network lacks: {advice}")


def _averaged(path: Path, ema: object, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The moving averages, a list in the order of the weights; older files leave out the fixed ones."""
    advice = "name one as SGMSE saved it, or load it with average=False"
    shadow = ema.get("shadow_params") if isinstance(ema, dict) else None
    if not isinstance(shadow, list):
        raise UsageError(f"{path} has no moving average (ema): {advice}")
    names = list(weights)
    if len(shadow) != len(names):
        names = [name for name in names if name != f"all_modules.0{_FIXED}"]
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
