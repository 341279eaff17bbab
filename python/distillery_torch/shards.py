"""Tensors that lie divided among processes, by rows, and files of them: each process reads and writes its own rows.

Files are of the safetensors format (https://github.com/huggingface/safetensors#format), where a tensor's rows lie one after the other: what a
process has of it is one range of bytes.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from torch.distributed.tensor import DTensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Shard:
    """What this process has of a tensor: all of it, or some of its rows."""

    shape: tuple[int, ...]
    """Of the whole."""
    first: int
    """Its first row."""
    value: torch.Tensor
    is_divided: bool
    tensor: torch.Tensor
    """All processes', where it is divided."""


def shard_of(tensor: torch.Tensor) -> Shard:
    """Look at a tensor, or at one that FSDP2 has divided: by rows, as ``torch.chunk`` does."""
    shape = tuple(tensor.shape)
    if not isinstance(tensor, DTensor):
        return Shard(shape, 0, tensor.detach(), is_divided=False, tensor=tensor)
    first, _ = _rows_of(tensor)
    return Shard(shape, first, tensor.to_local().detach(), is_divided=True, tensor=tensor)


def _rows_of(tensor: DTensor) -> tuple[int, int]:
    """Rows from … to … that this process has."""
    rows, mesh = tensor.shape[0], tensor.device_mesh
    share = math.ceil(rows / mesh.size())
    first = min(rows, mesh.get_local_rank() * share)
    return first, min(rows, first + share)


class Files:
    """Tensors of some files, read one by one as float32: whole, or the rows that this process has of it."""

    def __init__(self, *files: Path) -> None:
        self._places: dict[str, Any] = {}
        for file in files:
            opened: Any = safe_open(file, framework="pt")
            self._places |= dict.fromkeys(opened.keys(), opened)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str, device: torch.device) -> torch.Tensor:
        """Read a whole tensor onto a device."""
        tensor: torch.Tensor = self._places[name].get_tensor(name)
        return tensor.to(device, torch.float32, copy=True)

    def read_as(self, name: str, parameter: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Read onto a device as much of a tensor as this process has of a parameter, and lay it out like that."""
        if not isinstance(parameter, DTensor):
            return self.read(name, device)
        first, end = _rows_of(parameter)
        rows = self._places[name].get_slice(name)[first:end].to(device, torch.float32)
        return DTensor.from_local(
            rows,
            parameter.device_mesh,
            parameter.placements,
            run_check=False,
            shape=parameter.shape,
            stride=parameter.stride(),
        )


Shards = dict[str, Shard]


def create(file: Path, tensors: Mapping[str, Shard], metadata: dict[str, str] | None = None) -> None:
    """Make a file of float32 tensors whose values are still to be written."""
    header = _header(tensors, metadata)
    with file.open("xb") as opened:
        opened.write(header)
        opened.truncate(len(header) + sum(map(_bytes_of, tensors.values())))


def write(file: Path, tensors: Mapping[str, Shard], metadata: dict[str, str] | None = None, *, is_first: bool) -> None:
    """Write what this process has, one tensor after the other, and put it on disk. What is not divided the first process writes."""
    own = {name: one for name, one in tensors.items() if one.is_divided or is_first}
    if not own:
        return
    place = len(_header(tensors, metadata))
    # Not for reading: a page that two hosts have a part of is then no page that one of them has read, and writes back whole.
    descriptor = os.open(file, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        for name, shard in tensors.items():
            if name in own and shard.value.numel() > 0:
                value = shard.value.to("cpu", torch.float32).contiguous()
                _write(descriptor, place + shard.first * _bytes_of(shard) // shard.shape[0], value)
            place += _bytes_of(shard)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(
    file: Path, tensors: Mapping[str, Shard], metadata: dict[str, str] | None = None, *, keeps: bool
) -> None:
    """Write all tensors whole, on the process that keeps its host's folder. All take part: what is divided is gathered, tensor by tensor."""
    descriptor = os.open(file, os.O_WRONLY | getattr(os, "O_BINARY", 0)) if keeps else None
    try:
        place = len(_header(tensors, metadata))
        for shard in tensors.values():
            value = shard.tensor.full_tensor().detach() if isinstance(shard.tensor, DTensor) else shard.value
            if descriptor is not None and value.numel() > 0:
                _write(descriptor, place, value.to("cpu", torch.float32).contiguous())
            place += _bytes_of(shard)
        if descriptor is not None:
            os.fsync(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _write(descriptor: int, place: int, value: torch.Tensor) -> None:
    size = value.numel() * value.element_size()
    view = memoryview((ctypes.c_char * size).from_address(value.data_ptr())).cast("B")
    os.lseek(descriptor, place, os.SEEK_SET)
    while view:
        view = view[os.write(descriptor, view) :]


def _bytes_of(shard: Shard) -> int:
    return 4 * math.prod(shard.shape)


def _header(tensors: Mapping[str, Shard], metadata: dict[str, str] | None) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, shard in tensors.items():
        end = offset + _bytes_of(shard)
        header[name] = {"dtype": "F32", "shape": list(shard.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text
