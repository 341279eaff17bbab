"""Processes that train together."""

from __future__ import annotations

import os
from typing import TypeVar, cast

import torch
import torch.distributed as dist

T = TypeVar("T")


class Processes:
    """This process among those that train together; ``torchrun`` names them in the environment, without it there is one.

    Hosts either have a folder in common, or each its own, in which all is kept.
    """

    folders = 1
    """How many folders there are."""
    folder = 0
    """Which of them is this process's."""

    def __init__(self, *, shares_folder: bool = True) -> None:
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.local = local = int(os.environ.get("LOCAL_RANK", "0"))
        self.local_world = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if not shares_folder:
            self.folders, self.folder = int(os.environ["GROUP_WORLD_SIZE"]), int(os.environ["GROUP_RANK"])
        self.device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if "WORLD_SIZE" in os.environ:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        self.is_first = self.rank == 0
        """Whether it tells what happens."""

    @property
    def place(self) -> int:
        """Its number among the processes of its folder."""
        return self.rank if self.folders == 1 else self.local

    @property
    def places(self) -> int:
        """How many processes its folder has."""
        return self.world if self.folders == 1 else self.local_world

    @property
    def keeps(self) -> bool:
        """Whether it writes what is written once into a folder."""
        return self.place == 0

    def sum(self, values: list[float]) -> list[float]:
        """Add up over all processes, in float64."""
        if self.world == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        summed: list[float] = tensor.tolist()
        return summed

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        """Give those of each process, [processes, …], int64 on the host."""
        every = torch.zeros((self.world, *values.shape), dtype=torch.int64, device=self.device)
        every[self.rank] = values
        if self.world > 1:
            dist.all_reduce(every)
        return every.cpu()

    def share(self, value: T | None) -> T:
        """Give what the first process has; what the others say does not matter."""
        shared = [value]
        if self.world > 1:
            dist.broadcast_object_list(shared, device=self.device)
        return cast("T", shared[0])

    def share_in_folder(self, value: T | None) -> T:
        """Give what the process has that keeps this one's folder."""
        if self.folders == 1:
            return self.share(value)
        every = self.collect((self.folder, self.keeps, value))
        return cast("T", next(one for folder, keeps, one in every if keeps and folder == self.folder))

    def collect_in_folder(self, value: T) -> list[T]:
        """Give what each process of this one's folder has."""
        return [one for folder, one in self.collect((self.folder, value)) if folder == self.folder]

    def collect(self, value: T) -> list[T]:
        """Give what each process has."""
        every = [value] * self.world
        if self.world > 1:
            dist.all_gather_object(every, value)
        return every

    def wait(self) -> None:
        """Wait for all."""
        if self.world > 1:
            dist.barrier()

    def close(self) -> None:
        """End what joined them."""
        if dist.is_initialized():
            dist.destroy_process_group()
