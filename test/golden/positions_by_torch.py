"""A step whose soft loss counts some positions alone, as transformers and PyTorch compute it: loss and gradient of the tiny GPT-2 pair in data/distillation/gpt2.

The texts are those of data/on-policy/texts.json; what follows a prompt counts. Of each text's counted positions the given part, rounded half up and one at least, is
chosen: those of the highest entropy of the student's or the teacher's distribution at T = 1, the first of equal ones. The soft loss is a mean over them, the hard loss over all that count.
Writes data/positions/losses.json and the gradient of each case: python test/golden/positions_by_torch.py
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

DATA = Path(__file__).parent / "data"
OUT = DATA / "positions"

CASES = {
    "student": {"by": "student-entropy", "fraction": 0.3, "divergence": "forward-kl", "temperature": 2.0, "alpha": 0.7},
    "student-alone": {"by": "student-entropy", "fraction": 0.2, "divergence": "reverse-kl", "temperature": 2.0, "alpha": 1.0},
    "teacher": {"by": "teacher-entropy", "fraction": 0.5, "divergence": "reverse-kl", "temperature": 1.0, "alpha": 0.4},
    "teacher-alone": {"by": "teacher-entropy", "fraction": 1 / 3, "divergence": "forward-kl", "temperature": 3.0, "alpha": 1.0},
}


def divergence(case, student, teacher):
    """[positions]: of logits."""
    s, q = (F.log_softmax(logits / case["temperature"], -1) for logits in (student, teacher))
    p, other = (q, s) if case["divergence"] == "forward-kl" else (s, q)
    return F.kl_div(other, p, reduction="none", log_target=True).sum(-1)


def chosen(case, logits, counted):
    """[rows, positions]: whether each is chosen."""
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    kept = torch.zeros_like(counted)
    for row in range(len(counted)):
        places = counted[row].nonzero()[:, 0]
        order = torch.sort(entropy[row, places], descending=True, stable=True).indices
        most = max(1, math.floor(len(places) * case["fraction"] + 0.5))
        kept[row, places[order[:most]]] = True
    return kept


def batch(texts):
    length = max(len(text["prompt"]) + len(text["written"]) for text in texts)
    ids, mask, labels = (torch.zeros(len(texts), length, dtype=torch.long) for _ in range(3))
    labels.fill_(-100)
    for row, text in enumerate(texts):
        given, end = len(text["prompt"]), len(text["prompt"]) + len(text["written"])
        ids[row, :end] = torch.tensor(text["prompt"] + text["written"])
        mask[row, :end] = 1
        labels[row, given:end] = torch.tensor(text["written"])
    return ids, mask, labels


def main():
    OUT.mkdir(exist_ok=True)
    ids, mask, labels = batch(json.loads((DATA / "on-policy" / "texts.json").read_text())["texts"])
    following = labels[:, 1:]
    counted = following != -100
    losses = {}
    for name, case in CASES.items():
        student, teacher = (
            AutoModelForCausalLM.from_pretrained(DATA / "distillation" / "gpt2" / who).double().eval() for who in ("student", "teacher")
        )
        with torch.no_grad():
            said = teacher(input_ids=ids, attention_mask=mask).logits[:, :-1]
        own = student(input_ids=ids, attention_mask=mask).logits[:, :-1]
        kept = chosen(case, (own if case["by"] == "student-entropy" else said).detach(), counted)
        soft = divergence(case, own[kept], said[kept]).mean()
        hard = F.cross_entropy(own[counted], following[counted])
        total = case["alpha"] * case["temperature"] ** 2 * soft + (1 - case["alpha"]) * hard
        total.backward()
        # The head is the embedding's own matrix.
        gradients = {key: value.grad.float() for key, value in student.named_parameters() if key != "lm_head.weight"}
        norm = torch.sqrt(sum((value.double() ** 2).sum() for value in gradients.values()))
        figures = {"soft": soft.item(), "hard": hard.item(), "total": total.item(), "gradientNorm": norm.item()}
        losses[name] = {**case, "chosen": [row.nonzero()[:, 0].tolist() for row in kept], **figures}
        save_file(gradients, OUT / f"{name}.safetensors")
    (OUT / "losses.json").write_text(json.dumps(losses, indent=1) + "\n")


main()
