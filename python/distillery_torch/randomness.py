"""Seeded random numbers, bit for bit those of Distillery's own engines (``src/engine/random.ts``).

They depend on their keys alone, so that no number of processes changes the order of rows, what is masked or what is dropped.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MASK = 0xFFFFFFFF


def random_words(*keys: int) -> Callable[[], int]:
    """Give a stream of 32-bit words for integer keys such as seed, epoch and example.

    The keys are mixed as in MurmurHash3 (Austin Appleby), the stream is sfc32 (Chris Doty-Humphrey, PractRand).
    """
    a = _mix_keys(0x9E3779B9, keys)
    b = _mix_keys(0x243F6A88, keys)
    c = _mix_keys(0xB7E15162, keys)
    counter = 1

    def following() -> int:
        nonlocal a, b, c, counter
        result = (a + b + counter) & _MASK
        counter += 1
        a = b ^ (b >> 9)
        b = (c + (c << 3)) & _MASK
        c = ((((c << 21) | (c >> 11)) & _MASK) + result) & _MASK
        return result

    for _ in range(12):
        following()
    return following


def _mix_keys(start: int, keys: Sequence[int]) -> int:
    mixed = start
    for key in keys:
        k = ((key & _MASK) * 0xCC9E2D51) & _MASK
        k = ((k << 15) | (k >> 17)) & _MASK
        mixed ^= (k * 0x1B873593) & _MASK
        mixed = ((mixed << 13) | (mixed >> 19)) & _MASK
        mixed = (mixed * 5 + 0xE6546B64) & _MASK
    mixed ^= len(keys)
    mixed = ((mixed ^ (mixed >> 16)) * 0x85EBCA6B) & _MASK
    mixed = ((mixed ^ (mixed >> 13)) * 0xC2B2AE35) & _MASK
    return mixed ^ (mixed >> 16)


def random_stream(*keys: int) -> Callable[[], float]:
    """Give a stream of numbers in [0, 1) for integer keys."""
    following = random_words(*keys)
    return lambda: following() / 2**32


def shuffled(items: Sequence[int], random: Callable[[], float]) -> array[int]:
    """Give the items, of 32 bits each, in random order (Fisher and Yates)."""
    result = array("i", items)
    for i in range(len(result) - 1, 0, -1):
        j = math.floor(random() * (i + 1))
        result[i], result[j] = result[j], result[i]
    return result


def keep_mask(size: int, rate: float, key: tuple[int, int, int]) -> torch.Tensor:
    """Draw which of ``size`` elements dropout keeps, as ``src/engine/graph/dropout.ts`` draws them. bool [size].

    Not each element is drawn but the distance to the next that is dropped, which is geometrically distributed.
    """
    following = random_words(*key)
    scale = 1 / math.log1p(-rate)
    dropped: list[int] = []
    position = math.floor(math.log((following() + 1) / 2**32) * scale)
    while position < size:
        dropped.append(position)
        position += 1 + math.floor(math.log((following() + 1) / 2**32) * scale)
    mask = torch.ones(size, dtype=torch.bool)
    mask[torch.tensor(dropped, dtype=torch.int64)] = False
    return mask
