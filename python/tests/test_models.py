"""Each family against what Python transformers computed of the same weights: logits, hidden states, loss, every gradient."""

from dataclasses import replace

import pytest
import torch
from golden import DATA, architecture_of
from safetensors.torch import load_file

from distillery_torch.data import Batch
from distillery_torch.losses import hard_loss
from distillery_torch.models import build
from distillery_torch.transformer import DrawnDropout

CASES = sorted(
    folder
    for folder in (DATA / "models").iterdir()
    if (folder / "case.json").exists()
    and (folder / "model.safetensors").exists()
    and folder.name not in ("gpt2-bf16", "gpt2-fp16")
    and not folder.name.endswith("-sentence-embedding")  # the engines here alone train them
)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_computes_what_transformers_computes(folder):
    a = architecture_of(folder)
    model = build(a)
    model.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
    model.requires_grad_()
    expected = load_file(folder / "expected.safetensors")
    ids, mask = expected["input_ids"].long(), expected["attention_mask"].float()
    rows, length = ids.shape
    labels = expected["labels"]
    if a.predicts_tokens:
        shift = 1 if a.head == "causal-lm" else 0
        targets = torch.full((rows, length), -100, dtype=torch.int64)
        targets[:, : length - shift] = labels[:, shift:].long()
        targets = targets.flatten()
        positions = torch.arange(rows * length)
    else:
        targets = labels.long() if a.problem_type == "single-label" else labels.float().view(rows, -1)
        positions = torch.arange(rows)
    types = expected.get("token_type_ids")
    counted = torch.ones(len(positions))
    batch = Batch(
        ids,
        torch.zeros_like(ids) if types is None else types.long(),
        mask,
        positions,
        targets,
        counted,
        counted,
        rows,
        len(positions),
        torch.arange(rows),
        positions,
        False,
    )
    prediction, states = model.predict(batch, reads=[f"hidden.{a.layers - 1}"])
    if a.predicts_tokens:
        if a.is_language_model:
            prediction = model.vocabulary().logits(prediction)
        known = targets != -100
        prediction_loss = hard_loss("single-label", prediction[known], targets[known]).mean()
        real = mask.bool().flatten()
        wanted = expected["logits"].flatten(0, 1)
        assert (prediction[real] - wanted[real]).abs().max() < 1e-4
    else:
        prediction_loss = hard_loss(a.problem_type, prediction, targets).mean()
        assert (prediction - expected["logits"]).abs().max() < 1e-4
    for index, state in enumerate(states.hidden):
        assert ((state - expected["hidden_states"][index]) * mask[:, :, None]).abs().max() < 1e-4
    assert abs(float(prediction_loss) - float(expected["loss"])) < 1e-4
    prediction_loss.backward()
    gradients = load_file(folder / "gradients.safetensors")
    for name, parameter in model.named_parameters():
        assert (parameter.grad - gradients[name]).abs().max() < 1e-4, name


def test_rows_chosen_early_change_nothing():
    """The last block may compute the rows that predict alone."""
    folder = DATA / "models" / "bert-sequence-classification"
    a = architecture_of(folder)
    model = build(a)
    model.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
    expected = load_file(folder / "expected.safetensors")
    ids = expected["input_ids"].long()
    rows = torch.arange(len(ids))
    ones = torch.ones(len(ids))
    types, mask = expected["token_type_ids"].long(), expected["attention_mask"].float()
    batch = Batch(ids, types, mask, rows, rows, ones, ones, len(ids), len(ids), rows, rows, True)
    early, states = model.predict(batch)
    late, _ = model.predict(batch, reads=[f"hidden.{a.layers - 1}"])
    assert len(states.hidden) == a.layers
    assert (early - late).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["llama", "modernbert-masked-lm"])
def test_blocks_computed_again_keep_little_and_change_nothing(name):
    folder = DATA / "models" / name
    a = replace(architecture_of(folder), dropout=0.2, attention_dropout=0.1)
    expected = load_file(folder / "expected.safetensors")
    ids, mask = expected["input_ids"].long(), expected["attention_mask"].float()
    rows, length = ids.shape
    places = torch.arange(rows * length)
    ones, types = torch.ones(len(places)), torch.zeros_like(ids)
    batch = Batch(ids, types, mask, places, places, ones, ones, rows, len(places), torch.arange(rows), places, False)
    gradients, kept = [], []

    def keep(tensor):
        kept[-1] += tensor.nbytes
        return tensor

    for recomputes in (False, True):
        model = build(a)
        model.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
        model.requires_grad_()
        model.recomputes = recomputes
        kept.append(0)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            prediction, _ = model.predict(batch, DrawnDropout(batch, (1, 2), exact=True))
        prediction.square().sum().backward()
        gradients.append({of: one.grad for of, one in model.named_parameters() if one.grad is not None})
    assert kept[1] < kept[0] / 3
    for of, wanted in gradients[0].items():
        assert torch.allclose(gradients[1][of], wanted, rtol=1e-5, atol=1e-6), of
