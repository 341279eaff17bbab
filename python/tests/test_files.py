"""Records and checkpoints as Distillery's own engines leave them, find them and go on with them."""

import json
import sys

import pytest
import torch
from killed import is_killed_before
from safetensors import safe_open
from safetensors.torch import load_file

from distillery_torch import checkpoint
from distillery_torch.checkpoint import (
    Position,
    open_last,
    read_position,
    save_best,
    save_last,
)
from distillery_torch.processes import Processes
from distillery_torch.records import Records
from distillery_torch.shards import shard_of


def lines(file):
    return [json.loads(line)["step"] for line in file.read_text().splitlines()]


def test_records_after_the_checkpoint_are_written_again(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step":0}\n{"step":1}\nnot JSON\n{"step":1}\n{"step":2}\n{"step":3}\n{"st')
    records = Records(file, 2)
    records.append({"step": 3, "loss": {"total": 0.5}})
    records.close()
    assert lines(file) == [0, 1, 2, 3]
    assert file.read_text().endswith('{"step":3,"loss":{"total":0.5}}\n')


def test_a_file_that_is_whole_stays_the_same_file(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step":0}\n{"step":1}\n')
    before = file.stat().st_ino
    Records(file, 1).close()
    assert file.stat().st_ino == before


def test_a_record_is_never_no_number(tmp_path):
    records = Records(tmp_path / "metrics.jsonl", -1)
    with pytest.raises(ValueError, match="JSON"):
        records.append({"step": 0, "loss": {"total": float("nan")}})


def find_last(output):
    found = checkpoint.find_last(output, Processes())
    return found and found.folder


def remove_damaged(output):
    return checkpoint.remove_damaged(checkpoint.find_last(output, Processes()))


def shards_of(value):
    return {name: shard_of(tensor) for name, tensor in value.items()}


def weights_of(step):
    return {
        "w": torch.full((2, 2), float(step)),
        "b": torch.tensor([], dtype=torch.float32),
        "projection.0": torch.ones(1, 2),
    }


def save(output, initial, step):
    position = Position(step, 10 * step, 1.0, {"step": 0, "metrics": {"loss": 1.0}}, 2)
    moments = {f"{kind}.{name}": value for kind in ("first", "second") for name, value in weights_of(step).items()}
    save_last(output, initial, position, shards_of(weights_of(step)), shards_of(moments), Processes())


def step_of(output):
    folder = find_last(output)
    step = read_position(folder).step
    assert open_last(folder).read("w", torch.device("cpu")).tolist() == [[step, step], [step, step]]
    return step


@pytest.fixture
def initial(tmp_path):
    folder = tmp_path / "initial"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_a_checkpoint_is_read_as_it_was_saved(tmp_path, initial):
    assert find_last(tmp_path) is None
    save(tmp_path, initial, 4)
    save(tmp_path, initial, 8)
    found = find_last(tmp_path)
    assert read_position(found) == Position(8, 80, 1, {"step": 0, "metrics": {"loss": 1.0}}, 2)
    assert step_of(tmp_path) == 8
    names = {one.name for one in found.iterdir()}
    assert names == {"config.json", "manifest.json", "model.safetensors", "optimizer.safetensors", "trainer.json"}


def test_its_files_are_those_of_safetensors_own_library(tmp_path, initial):
    save(tmp_path, initial, 3)
    folder = find_last(tmp_path)
    model = load_file(folder / "model.safetensors")
    assert {name: value.tolist() for name, value in model.items()} == {"w": [[3, 3], [3, 3]], "b": []}
    optimizer = load_file(folder / "optimizer.safetensors")
    assert sorted(optimizer) == [
        *("first.b", "first.projection.0", "first.w", "projection.0"),
        *("second.b", "second.projection.0", "second.w"),
    ]
    with safe_open(folder / "model.safetensors", "pt") as opened:
        assert opened.metadata() == {"format": "pt"}


def test_where_the_last_is_damaged_the_one_before_is_gone_on_from(tmp_path, initial):
    save(tmp_path, initial, 4)
    save(tmp_path, initial, 8)
    weights = tmp_path / "checkpoints" / "last" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert step_of(tmp_path) == 4
    # In its place it would be the next to be kept, over the whole one.
    assert remove_damaged(tmp_path) == weights.parent
    assert remove_damaged(tmp_path) is None
    save(tmp_path, initial, 6)
    assert step_of(tmp_path) == 6
    assert remove_damaged(tmp_path) is None


def test_what_an_interrupted_replacement_left_is_found_and_finished(tmp_path, initial):
    save_best(tmp_path, initial, 1, shards_of(weights_of(1)), Processes())
    save(tmp_path, initial, 4)
    folder = tmp_path / "checkpoints"
    (folder / "last").rename(folder / "last.new-abc")
    (folder / "last.tmp-def").mkdir()
    assert step_of(tmp_path) == 4
    save(tmp_path, initial, 8)
    assert sorted(one.name for one in folder.iterdir()) == ["best", "last", "previous"]


CALLS = ("open", "write", "fsync", "rename", "mkdir", "rmdir", "unlink")
"""What a process asks of the system while it saves; it is killed before one of them."""


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_at_any_instant_it_leaves_a_whole_checkpoint(tmp_path, initial):
    save(tmp_path, initial, 1)
    step, call, found = 1, 0, set()
    while True:
        killed = is_killed_before(call, CALLS, save, tmp_path, initial, step + 1)
        found.add(step_of(tmp_path) - step)
        if not killed:
            break
        step, call = step_of(tmp_path), call + 1
    assert found == {0, 1}
    assert call > 20
    assert sorted(one.name for one in (tmp_path / "checkpoints").iterdir()) == ["last", "previous"]
