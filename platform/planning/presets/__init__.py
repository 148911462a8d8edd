"""Presets: how much is trained, searched and confirmed, in four sizes, one file a kind of data.

Their names are known without torch, which the recipes of networks import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.core.errors import unknown_name

if TYPE_CHECKING:
    from platform.planning.presets.definition import Preset

    from trainables.data.dataset import Facts

SMOKE = "smoke"
NAMES = (SMOKE, "quick", "standard", "paper")
USUAL = "quick"


def preset(name: str, facts: Facts) -> Preset:
    """The preset of this name for a dataset of these facts: `smoke` to see that everything works, `quick`
    for two CPU cores, `standard` for the paper's networks on one GPU in hours, `paper` for the paper's sizes
    and training loss on GPUs (D.1 to D.4, E.4, E.5). `standard` and `paper` are computed on paper: they have
    not been run.

    Raises:
        UsageError: there is none.
    """
    if name not in NAMES:
        raise unknown_name("preset", name, NAMES)
    from platform.planning.presets import images, sentences, words

    module = sentences if facts.sentences else words if facts.kind == "speech" else images
    value: Preset = module.PRESETS[name](facts)
    return value
