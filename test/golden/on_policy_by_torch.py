"""Steps on texts that a student has written, as transformers and PyTorch compute them: loss and gradient of the tiny GPT-2 pair in data/distillation/gpt2.

The texts are in data/on-policy/texts.json, as the student wrote them (on-policy.test.ts writes them again). The divergence is TRL's generalized_jsd_loss (GKDTrainer.compute_loss:
logits from the prompt's last token on, shifted labels, a mean over the positions whose label is not -100), written anew from its definition; alpha and T^2 are ours.
Writes data/on-policy/losses.json and the gradient of each case: python test/golden/on_policy_by_torch.py
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

DATA = Path(__file__).parent / "data"
OUT = DATA / "on-policy"

# As tested, and as TRL has them if nothing is said: temperature 0.9, beta 0.5, no alpha and no T^2.
CASES = {
    "forward-kl": {"divergence": "forward-kl", "beta": 0.5, "temperature": 2.0, "alpha": 0.7, "scaleByTemperatureSquared": True},
    "jsd": {"divergence": "jsd", "beta": 0.5, "temperature": 0.9, "alpha": 1.0, "scaleByTemperatureSquared": False},
    "reverse-kl": {"divergence": "reverse-kl", "beta": 0.5, "temperature": 1.0, "alpha": 0.7, "scaleByTemperatureSquared": True},
}


def kl(p, q):
    return (p.exp() * (p - q)).sum(-1)


def divergence(case, student, teacher):
    """[counted positions]: of log-probabilities at the case's temperature."""
    s, q = F.log_softmax(student / case["temperature"], -1), F.log_softmax(teacher / case["temperature"], -1)
    if case["divergence"] == "forward-kl":
        return kl(q, s)
    if case["divergence"] == "reverse-kl":
        return kl(s, q)
    beta = torch.tensor(case["beta"], dtype=s.dtype)
    mixture = torch.logsumexp(torch.stack([s + torch.log1p(-beta), q + torch.log(beta)]), 0)
    return beta * kl(q, mixture) + (1 - beta) * kl(s, mixture)


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
    ids, mask, labels = batch(json.loads((OUT / "texts.json").read_text())["texts"])
    counted = labels[:, 1:] != -100
    losses = {"counted": int(counted.sum())}
    for name, case in CASES.items():
        student, teacher = (
            AutoModelForCausalLM.from_pretrained(DATA / "distillation" / "gpt2" / who).double().eval() for who in ("student", "teacher")
        )
        with torch.no_grad():
            said = teacher(input_ids=ids, attention_mask=mask).logits[:, :-1][counted]
        own = student(input_ids=ids, attention_mask=mask).logits[:, :-1][counted]
        soft = divergence(case, own, said).mean()
        scale = case["temperature"] ** 2 if case["scaleByTemperatureSquared"] else 1
        total = case["alpha"] * scale * soft
        total.backward()
        # The head is the embedding's own matrix.
        gradients = {key: value.grad.float() for key, value in student.named_parameters() if key != "lm_head.weight"}
        norm = torch.sqrt(sum((value.double() ** 2).sum() for value in gradients.values()))
        losses[name] = {**case, "soft": soft.item(), "total": total.item(), "gradientNorm": norm.item()}
        save_file(gradients, OUT / f"{name}.safetensors")
    (OUT / "losses.json").write_text(json.dumps(losses, indent=2) + "\n")


main()
