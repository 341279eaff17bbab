"""What the teacher says is kept once, by all processes together, and read by all, whatever instant one of them is killed at."""

import contextlib
import json
import os
import sys
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from killed import is_killed_before
from safetensors.torch import save_file
from test_rows import LENGTHS, all_but_first, file_of
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from distillery_torch import answers
from distillery_torch.answers import Asking, Layout, StoppedError, Store
from distillery_torch.architecture import Architecture
from distillery_torch.data import Planned, Rows, collate
from distillery_torch.experiment import Answers, Cache, RecordPart
from distillery_torch.models import build
from distillery_torch.processes import Processes
from distillery_torch.step import NotFiniteError, Targets

ORDER = [3, 1, 6, 0, 4, 5, 2]
BLOCKS = [[8, 2, 0], [8, 2, 2], [8, 2, 4], [8, 2, 6]]
WIDTH = 8
RECORD = {"teacher": "small", "blocks": len(BLOCKS)}


def parts_of(values):
    prediction = RecordPart("prediction", "predictions", WIDTH, 2 if values == "float16" else 4)
    hidden = RecordPart("hidden.0", "tokens", WIDTH, 4 if values == "float32" else 2)
    return [prediction, hidden]


def job_of(folder, *kinds, record=RECORD):
    rows = Rows(file_of(folder, all_but_first), "causal-lm")
    save_file(
        {
            "rows": torch.tensor(ORDER, dtype=torch.int32),
            "predictions": torch.tensor([length - 1 for length in LENGTHS], dtype=torch.int32),
            "blocks": torch.tensor(BLOCKS, dtype=torch.int32),
        },
        folder / "answers.safetensors",
    )
    caches = [Cache(folder / values, parts_of(values), "torchrun", record) for values in kinds]
    job = SimpleNamespace(answers=Answers(folder / "answers.safetensors", caches), task="causal-lm", pad_id=0)
    return job, rows


def teacher_of(scale=1.0):
    torch.manual_seed(3)
    a = Architecture(
        family="gpt2",
        head="causal-lm",
        hidden_size=WIDTH,
        layers=2,
        heads=2,
        intermediate_size=16,
        vocabulary_size=60,
        max_positions=16,
        type_vocabulary_size=0,
        activation="gelu_new",
        layer_norm_epsilon=1e-5,
        dropout=0.0,
        attention_dropout=0.0,
        embedding_dropout=0.0,
        classifier_dropout=0.0,
        tie_word_embeddings=True,
    )
    teacher = build(a)
    weights = {name: scale * torch.randn(parameter.shape) for name, parameter in teacher.named_parameters()}
    teacher.load_state_dict(weights, assign=True)
    return teacher.requires_grad_(requires_grad=False).eval()


def alone():
    processes = Processes.__new__(Processes)
    processes.world, processes.rank, processes.is_first, processes.device = 1, 0, True, torch.device("cpu")
    return processes


def open_answers(job, rows, teacher, processes=None, goes_on=lambda: True):
    asking = Asking(job, processes or alone(), rows, teacher, autocast=contextlib.nullcontext, goes_on=goes_on)
    return asking.open()


def batch_of(rows, indices):
    planned = Planned(8, indices)
    batch, _ = collate(rows, planned, task="causal-lm", batch_size=5, pad_id=0, masking=None, rank=0, world=1)
    return batch


def differences(kept, rows, teacher):
    """How far what is kept is from what the teacher says of another batch: predictions, and hidden states."""
    batch = batch_of(rows, [2, 0, 5, 3])
    asked, read = Targets.asked(teacher, batch, ["hidden.0"]), kept.of(batch)
    counted, real = batch.counted.bool(), batch.attention_mask.bool()
    assert not read.prediction[~counted].any()
    assert not read.inside["hidden.0"][~real].any()
    part = slice(0, 10)
    logits = (read.logits_of(part) - asked.logits_of(part))[counted[part]].abs().max()
    states = (read.inside["hidden.0"] - asked.inside["hidden.0"])[real].abs().max()
    return float(logits), float(states)


@pytest.mark.parametrize(
    ("values", "logits", "states"), [("float32", 1e-4, 1e-5), ("auto", 1e-4, 0.02), ("float16", 0.1, 0.02)]
)
def test_what_is_kept_is_what_it_says(tmp_path, monkeypatch, capsys, values, logits, states):
    job, rows = job_of(tmp_path, values)
    teacher = teacher_of()
    found = differences(open_answers(job, rows, teacher), rows, teacher)
    assert found[0] < logits
    assert found[1] < states
    if values == "float16":
        assert found[0] > 1e-4
    assert json.loads((tmp_path / values / "cache.json").read_text()) == RECORD

    asked = Targets.asked
    monkeypatch.setattr(Targets, "asked", None)
    again = open_answers(job, rows, teacher)
    monkeypatch.setattr(Targets, "asked", asked)
    assert differences(again, rows, teacher) == found
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("state") for one in events if one["distillery"] == "answers"] == ["asking", "known"]


def test_asked_to_stop_it_goes_on_later_where_it_was(tmp_path):
    job, rows = job_of(tmp_path, "float32")
    wishes = iter([True, True, False])
    with pytest.raises(StoppedError):
        open_answers(job, rows, teacher_of(), goes_on=lambda: next(wishes))
    rounds = []
    kept = open_answers(job, rows, teacher_of(), goes_on=lambda: rounds.append(1) or True)
    assert len(rounds) == len(BLOCKS) - 2
    assert differences(kept, rows, teacher_of())[0] < 1e-4


def test_a_damaged_block_is_asked_about_again(tmp_path):
    job, rows = job_of(tmp_path, "float32")
    open_answers(job, rows, teacher_of())
    values = tmp_path / "float32" / "values.bin"
    content = values.read_bytes()
    values.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    rounds = []
    open_answers(job, rows, teacher_of(), goes_on=lambda: rounds.append(1) or True)
    assert len(rounds) == 1
    assert values.read_bytes() == content


def test_hidden_states_that_are_too_large_are_kept_in_float32(tmp_path):
    job, rows = job_of(tmp_path, "auto", "float32")
    teacher = teacher_of()
    with torch.no_grad():
        for parameter in teacher.blocks()[0].parameters():
            parameter.mul_(400)
    kept = open_answers(job, rows, teacher)
    assert kept is not None
    assert not (tmp_path / "auto" / "filled.log").exists()
    assert len((tmp_path / "float32" / "filled.log").read_text().splitlines()) == len(BLOCKS)


def test_where_they_cannot_be_kept_the_teacher_is_asked(tmp_path, capsys):
    job, rows = job_of(tmp_path, "float32")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "float32").mkdir()
    (tmp_path / "float32" / "values.bin").symlink_to(tmp_path / "elsewhere" / "values.bin")
    assert open_answers(job, rows, teacher_of()) is None
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert '"state": "asked"' in capsys.readouterr().out


def test_the_cache_of_another_engine_is_read_and_never_filled(tmp_path):
    job, rows = job_of(tmp_path, "float32", record=None)
    assert open_answers(job, rows, teacher_of()) is None
    assert not (tmp_path / "float32").exists()
    own, _ = job_of(tmp_path, "float32")
    open_answers(own, rows, teacher_of())
    assert differences(open_answers(job, rows, teacher_of()), rows, teacher_of())[0] < 1e-4


def test_what_is_no_number_is_not_kept(tmp_path):
    job, rows = job_of(tmp_path, "float32")
    with pytest.raises(NotFiniteError):
        open_answers(job, rows, teacher_of(float("inf")))
    assert not (tmp_path / "float32" / "filled.log").exists()


def test_cut_off_it_is_not_read(tmp_path):
    job, rows = job_of(tmp_path, "float32")
    kept = open_answers(job, rows, teacher_of())
    os.truncate(tmp_path / "float32" / "values.bin", 100)
    with pytest.raises(OSError, match="cut off"):
        kept.of(batch_of(rows, [2]))


CALLS = ("open", "write", "fsync", "lseek", "close")
"""What a process asks of the system while it fills a cache; it is killed before one of them."""


def fill(folder):
    job, rows = job_of(folder, "float32")
    open_answers(job, rows, teacher_of())


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_at_any_instant_it_leaves_nothing_that_is_read_by_mistake(tmp_path):
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    job, rows = job_of(wanted, "float32")
    open_answers(job, rows, teacher_of())
    content = (wanted / "float32" / "values.bin").read_bytes()
    layout = Layout(job.answers.layout, rows.lengths, parts_of("float32"))
    seen, call = set(), 0
    while True:
        folder = tmp_path / str(call)
        folder.mkdir()
        killed = is_killed_before(call, CALLS, fill, folder)
        store = Store(folder / "float32", layout)
        whole = store.whole(range(len(layout)))
        for block in whole:
            start, end = layout.bounds(block)
            assert store.read(start, end - start) == content[start:end]
        store.close()
        seen.add(len(whole))
        if not killed:
            break
        own, _ = job_of(folder, "float32")
        open_answers(own, rows, teacher_of())
        assert (folder / "float32" / "values.bin").read_bytes() == content
        call += 1
    assert seen == {0, 1, 2, 3, 4}
    assert call > 20


def one_of_two(rank, folder, divided, hosts):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1"}
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    processes = alone()
    processes.world, processes.rank, processes.is_first = 2, rank, rank == 0
    if hosts == 2:
        processes.folders, processes.folder, processes.local, processes.local_world = 2, rank, 0, 1
    teacher, whole = teacher_of(), teacher_of()
    if divided:
        for block in teacher.blocks():
            fully_shard(block)
        fully_shard(teacher, reshard_after_forward=False)
        register_fsdp_forward_method(teacher, "predict")
    job, _ = job_of(folder / str(rank), "float32")
    place = folder if hosts == 1 else folder / f"host-{rank}"
    job.answers.caches[0] = Cache(place / "float32", parts_of("float32"), "torchrun", RECORD)
    rows = Rows(folder / str(rank) / "rows.safetensors", "causal-lm")
    asked = []
    ask = Asking._ask
    Asking._ask = lambda self, layout, planned, size: asked.append(planned.indices) or ask(self, layout, planned, size)
    kept = open_answers(job, rows, teacher, processes)
    assert asked == [
        [ORDER[4 * turn + 2 * rank + i] for i in range(2) if 4 * turn + 2 * rank + i < 7] for turn in range(2)
    ]
    # One forward pass of a teacher in shards is enough for its head to be whole: here none is done before it is read.
    assert differences(kept, rows, whole)[0] < 1e-4
    assert differences(open_answers(job, rows, teacher, processes), rows, whole)[1] < 1e-5
    dist.destroy_process_group()


@pytest.mark.parametrize(("divided", "hosts"), [(False, 1), (True, 1), (True, 2)])
def test_two_processes_fill_one_cache_of_each_folder(tmp_path, divided, hosts):
    for name in ("0", "1", "alone"):
        (tmp_path / name).mkdir()
    mp.start_processes(one_of_two, (tmp_path, divided, hosts), nprocs=2, start_method="spawn")
    job, rows = job_of(tmp_path / "alone", "float32")
    open_answers(job, rows, teacher_of())
    place = tmp_path if hosts == 1 else tmp_path / "host-0"
    own, theirs = ((folder / "float32" / "values.bin").read_bytes() for folder in (tmp_path / "alone", place))
    if hosts == 2:
        for name in ("values.bin", "filled.log"):
            assert (place / "float32" / name).read_bytes() == (tmp_path / "host-1" / "float32" / name).read_bytes()
    if divided:
        values = [torch.frombuffer(bytearray(one), dtype=torch.float32) for one in (own, theirs)]
        assert torch.allclose(*values, atol=1e-5)
    else:
        assert own == theirs
    log = (place / "float32" / "filled.log").read_text().splitlines()
    assert sorted(line.split()[0] for line in log) == ["0", "1", "2", "3"]
    assert answers.zlib.crc32(
        theirs[: Layout(job.answers.layout, rows.lengths, parts_of("float32")).bounds(0)[1]]
    ) == int(next(line.split()[1] for line in log if line.startswith("0 ")), 16)
