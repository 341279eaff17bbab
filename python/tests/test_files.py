"""Records and checkpoints as Distillery's own engines leave them, find them and go on with them."""

import json

import pytest
import torch

from distillery_torch.checkpoint import State, load_last, remove_damaged, save_best, save_last
from distillery_torch.records import Records


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


def state_of(step):
    def tensors():
        return {"w": torch.full((2, 2), float(step)), "projection.0": torch.ones(1, 2)}

    return State(step, 10 * step, 1.0, tensors(), tensors(), tensors(), {"step": 0, "metrics": {"loss": 1.0}}, 2)


@pytest.fixture
def initial(tmp_path):
    folder = tmp_path / "initial"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_a_checkpoint_is_read_as_it_was_saved(tmp_path, initial):
    assert load_last(tmp_path) is None
    save_last(tmp_path, initial, state_of(4))
    save_last(tmp_path, initial, state_of(8))
    found = load_last(tmp_path)
    assert (found.step, found.tokens, found.waited, found.best) == (8, 80, 2, {"step": 0, "metrics": {"loss": 1.0}})
    assert found.parameters["w"].tolist() == [[8.0, 8.0], [8.0, 8.0]]
    assert sorted(found.first) == ["projection.0", "w"]
    names = {one.name for one in (tmp_path / "checkpoints" / "last").iterdir()}
    assert names == {"config.json", "manifest.json", "model.safetensors", "optimizer.safetensors", "trainer.json"}


def test_where_the_last_is_damaged_the_one_before_is_gone_on_from(tmp_path, initial):
    save_last(tmp_path, initial, state_of(4))
    save_last(tmp_path, initial, state_of(8))
    weights = tmp_path / "checkpoints" / "last" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert load_last(tmp_path).step == 4
    # In its place it would be the next to be kept, over the whole one.
    assert remove_damaged(tmp_path) == weights.parent
    assert remove_damaged(tmp_path) is None
    save_last(tmp_path, initial, state_of(6))
    assert load_last(tmp_path).step == 6
    assert remove_damaged(tmp_path) is None


def test_what_an_interrupted_replacement_left_is_found_and_finished(tmp_path, initial):
    save_best(tmp_path, initial, state_of(1).parameters)
    save_last(tmp_path, initial, state_of(4))
    folder = tmp_path / "checkpoints"
    (folder / "last").rename(folder / "last.new-abc")
    (folder / "last.tmp-def").mkdir()
    assert load_last(tmp_path).step == 4
    save_last(tmp_path, initial, state_of(8))
    assert sorted(one.name for one in folder.iterdir()) == ["best", "last", "previous"]
