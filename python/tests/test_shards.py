"""Models in shards: each of two processes reads and writes its own rows, and none gathers a whole tensor."""

import os
import shutil

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from distillery_torch import checkpoint
from distillery_torch.checkpoint import Position, find_last, open_last, save_last
from distillery_torch.processes import Processes
from distillery_torch.shards import Files, shard_of

SHAPES = {"0.weight": (5, 3), "0.bias": (5,), "1.weight": (1, 5), "1.bias": (1,)}
"""Rows that two do not divide, and one that only one of them gets."""

OTHERS = ("optimizer.safetensors", "trainer.json")


def model_in_shards(stored):
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 1))
    fully_shard(model)
    device = torch.device("cpu")
    weights = {name: stored.read_as(name, parameter, device) for name, parameter in model.named_parameters()}
    model.load_state_dict(weights, assign=True)
    return model


def random_weights(folder):
    """What the training begins with, in `initial`."""
    (folder / "initial").mkdir()
    (folder / "initial" / "config.json").write_text("{}")
    weights = {name: torch.rand(shape) for name, shape in SHAPES.items()}
    save_file(weights, folder / "initial" / "model.safetensors")
    return weights


def one_of_two(rank, folder):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1"}
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    processes = Processes.__new__(Processes)
    processes.world, processes.rank, processes.is_first, processes.device = 2, rank, rank == 0, torch.device("cpu")
    model = model_in_shards(Files(folder / "initial" / "model.safetensors"))
    whole = model(torch.eye(3)).detach()
    model.reshard()

    def gathered(self, **_):
        raise AssertionError("a tensor was gathered")

    DTensor.full_tensor = gathered
    weights = {name: shard_of(parameter) for name, parameter in model.named_parameters()}
    assert sum(len(one.value) for one in weights.values()) < sum(shape[0] for shape in SHAPES.values())
    moments = {f"first.{name}": shard for name, shard in weights.items()}
    save_last(folder, folder / "initial", Position(7, 1, 1.0, None, 0), weights, moments, processes)
    processes.wait()
    read = []
    digest = checkpoint._digest
    checkpoint._digest = lambda file: read.append(file.name) or digest(file)
    found = find_last(folder, processes)
    assert found.damaged is None
    # Each of the two reads some of the files, so that none waits for all.
    assert len(read) == 2
    assert set.union(*map(set, processes.collect(read))) == {"config.json", "model.safetensors", *OTHERS}
    again = model_in_shards(open_last(found.folder))
    assert torch.equal(again(torch.eye(3)), whole)
    dist.destroy_process_group()


def test_two_processes_write_one_checkpoint(tmp_path):
    weights = random_weights(tmp_path)
    mp.start_processes(one_of_two, (tmp_path,), nprocs=2, start_method="spawn")
    last = tmp_path / "checkpoints" / "last"
    stored = load_file(last / "model.safetensors")
    moments = load_file(last / "optimizer.safetensors")
    for name, value in weights.items():
        assert torch.equal(stored[name], value)
        assert torch.equal(moments[f"first.{name}"], value)


def one_of_two_hosts(rank, folder):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"LOCAL_WORLD_SIZE": "1", "GROUP_RANK": str(rank), "GROUP_WORLD_SIZE": "2"}
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    del os.environ["WORLD_SIZE"]
    processes = Processes(shares_folder=False)
    processes.world = 2
    model = model_in_shards(Files(folder / "initial" / "model.safetensors"))
    weights = {name: shard_of(parameter) for name, parameter in model.named_parameters()}
    own = folder / f"host-{rank}"
    own.mkdir()

    def save(step):
        moments = {f"first.{name}": shard for name, shard in weights.items()}
        save_last(own, folder / "initial", Position(step, 1, 1.0, None, 0), weights, moments, processes)

    assert find_last(own, processes) is None
    save(7)
    save(7)
    last, previous = (own / "checkpoints" / name for name in ("last", "previous"))
    found = find_last(own, processes)
    assert (found.folder, found.damaged) == (last, None)
    save(9)
    found = find_last(own, processes)
    assert (found.folder, found.damaged) == (last, None)
    # One is cut off before its last, the other's is whole: both go on from what both have.
    if rank == 1:
        shutil.rmtree(last)
    found = find_last(own, processes)
    assert (found.folder, found.damaged) == (previous, last if rank == 0 else None)
    checkpoint.remove_damaged(found)
    save(11)
    if rank == 0:
        with (last / "model.safetensors").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x55")
    found = find_last(own, processes)
    assert (found.folder, found.damaged) == (previous, last)
    dist.destroy_process_group()


def test_two_hosts_with_folders_of_their_own_write_a_whole_checkpoint_each(tmp_path):
    weights = random_weights(tmp_path)
    mp.start_processes(one_of_two_hosts, (tmp_path,), nprocs=2, start_method="spawn")
    for host in range(2):
        previous = tmp_path / f"host-{host}" / "checkpoints" / "previous"
        stored = load_file(previous / "model.safetensors")
        moments = load_file(previous / "optimizer.safetensors")
        for name, value in weights.items():
            assert torch.equal(stored[name], value)
            assert torch.equal(moments[f"first.{name}"], value)
