"""Steps that imitate attention or relations, beside those of PyTorch and transformers (test/golden/data), and what is seen of masks."""

import json
import math

import pytest
import torch
from golden import DATA, architecture_of
from safetensors.torch import load_file
from test_trajectories import batches_of

from distillery_torch.data import Counts
from distillery_torch.experiment import Objective, Scheduled
from distillery_torch.imitation import IMITATION_LOSSES, read_of_teacher
from distillery_torch.models import build
from distillery_torch.step import Distiller, StepValues, Targets
from distillery_torch.transformer import common_sight, seen_pairs

GOLDEN = {kind: json.loads((DATA / kind / "losses.json").read_text()) for kind in ("attention", "relations")}
CASES = [(kind, name) for kind, golden in GOLDEN.items() for name in golden["cases"]]


def model(folder):
    found = build(architecture_of(folder))
    found.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
    return found


@pytest.mark.parametrize("recomputes", [False, True])
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_step(kind, name, recomputes):
    case, settings = GOLDEN[kind]["cases"][name], GOLDEN[kind]["settings"]
    temperature, alpha, weight = settings["temperature"], settings["alpha"], settings["weight"]
    layers = [tuple(pair) for pair in case["layers"]]
    own = {name: case[name] for name in ("loss", "of", "heads") if name in case}
    imitations = {kind: IMITATION_LOSSES[kind].settings(layers=layers, weight=weight, **own)}
    scheduled = Scheduled(temperature, temperature), Scheduled(alpha, alpha)
    objective = Objective(*scheduled, "forward-kl", 0.5, True, imitations)
    teacher, student = model(DATA / case["teacher"]), model(DATA / case["student"])
    student.recomputes = recomputes
    readings = IMITATION_LOSSES[kind].reads(imitations[kind])
    distiller = Distiller(
        student, teacher.a, objective, [f"{reading}.{block}" for _, block in layers for reading in readings]
    )
    batch, counts = next(batches_of(DATA / "distillation" / case["batches"], case["batches"] == "bert"))
    targets = Targets.asked(teacher, batch, read_of_teacher(imitations))
    counts = Counts(counts.predictions, counts.labelled, counts.tokens, tuple(distiller.compared(batch)))
    losses = distiller(batch, targets, StepValues(temperature, alpha, counts))
    losses["total"].backward()
    for component in ("soft", "hard", kind, "total"):
        assert losses[component].item() == pytest.approx(case[component], rel=1e-5, abs=1e-5), component
    norm = math.sqrt(sum(p.grad.double().square().sum() for p in student.parameters() if p.grad is not None))
    assert norm == pytest.approx(case["gradientNorm"], rel=1e-4)
    stored = DATA / kind / f"{name.replace(' ', '-')}.safetensors"
    if stored.exists():
        named = dict(student.named_parameters())
        for key, expected in load_file(stored).items():
            assert (named[key].grad - expected).abs().max() < 1e-4, key


def test_what_is_seen():
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]).float()
    assert int(seen_pairs(mask, (math.inf, math.inf)).sum()) == 9 + 16
    assert int(seen_pairs(mask, (math.inf, 0)).sum()) == 6 + 10
    assert int(seen_pairs(mask, common_sight((math.inf, 0), (1, 1))).sum()) == 5 + 7
