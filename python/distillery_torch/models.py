"""Transformer families as modules whose ``state_dict`` is the Hugging Face checkpoint, name by name.

What each computes is in ``src/model/computations/`` under the same family's name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from distillery_torch.decoders import DECODERS, Gpt2, Llama
from distillery_torch.encoders import ENCODERS

if TYPE_CHECKING:
    from distillery_torch.architecture import Architecture
    from distillery_torch.transformer import Model

FAMILIES: dict[str, type[Model]] = {
    **ENCODERS,
    "gpt2": Gpt2,
    **dict.fromkeys(DECODERS, Llama),
}
"""By ``model_type``: all that ``src/model/layouts/families.ts`` has."""


def sight_of(a: Architecture, block: int) -> tuple[float, float]:
    """How many keys before its own, and after it, a query of a block may see: as ``src/model/sight.ts``."""
    window = a.sliding_window if a.sliding_layers and a.sliding_layers[block] else None
    if FAMILIES[a.family].sees_both_sides:
        reach = math.inf if window is None else window // 2
        return reach, reach
    return (math.inf if window is None else window - 1), 0


def build(a: Architecture) -> Model:
    """Make a model without values; ``load_state_dict(…, assign=True)`` gives it some."""
    with torch.device("meta"):
        return FAMILIES[a.family](a)
